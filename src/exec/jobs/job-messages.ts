/** The JSON of jobs (docs/protocol.md, 7.5): schemas, types, and how a bad one is refused. */
import * as v from 'valibot'
import { attemptFields } from '../../connection/attempt.js'
import type { JsonObject } from '../../protocol/messages.js'
import { jobId, outputOffsets, parseMessage, signalParams } from '../messages.js'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const attachParams = v.object({ job: jobId, ...attemptFields, ...outputOffsets })
const openInfo = v.object({
  job: v.object({
    id: jobId,
    command: v.optional(v.string()),
    stdin: count,
    stdinEnded: v.boolean(),
    stdout: count,
    stderr: count,
  }),
})
const jobSignalParams = v.object({
  job: jobId,
  ...signalParams.entries,
  prevent: v.optional(v.boolean(), false),
})
const forgetParams = v.object({ job: jobId })
const listInfo = v.object({
  jobs: v.array(
    v.object({
      id: jobId,
      command: v.string(),
      pid: count,
      startedAtMs: v.number(),
      state: v.picklist(['running', 'exited']),
      exitCode: v.nullable(count),
      signal: v.nullable(v.string()),
      attached: v.boolean(),
      stdoutBytes: count,
      stderrBytes: count,
    }),
  ),
})

/** A job as a list tells it. */
export type ListedJob = v.InferOutput<typeof listInfo>['jobs'][number]

/** What the OPEN_OK of an attachment says of the job. */
export type JobOpenInfo = v.InferOutput<typeof openInfo>['job']

export type AttachParams = v.InferOutput<typeof attachParams>

/** The params of an `attach` OPEN. Throws `ERR_FAKESSH_INVALID_ARG`. */
export const parseAttachParams = (params: JsonObject): AttachParams =>
  parseMessage(attachParams, params, 'attach')

/** The params of a `signal` REQUEST on a `jobs` channel. Throws `ERR_FAKESSH_INVALID_ARG`. */
export const parseJobSignalParams = (params: JsonObject) => parseMessage(jobSignalParams, params, 'signal')

/** The params of a `forget` REQUEST. Throws `ERR_FAKESSH_INVALID_ARG`. */
export const parseForgetParams = (params: JsonObject) => parseMessage(forgetParams, params, 'forget')

/** What an OPEN_OK says of the job; undefined where it names none, as the server knows no jobs. Throws `ERR_FAKESSH_PROTOCOL`. */
export function parseJobInfo(info: JsonObject): JobOpenInfo | undefined {
  return info.job === undefined ? undefined : parseMessage(openInfo, info, 'exec', 'ERR_FAKESSH_PROTOCOL').job
}

/** The info of the REPLY to a `list` REQUEST. Throws `ERR_FAKESSH_PROTOCOL`. */
export const parseJobList = (info: JsonObject): readonly ListedJob[] =>
  parseMessage(listInfo, info, 'jobs', 'ERR_FAKESSH_PROTOCOL').jobs
