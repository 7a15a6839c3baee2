/** The JSON of exec and session channels (docs/protocol.md, 7.1 and 7.2): schemas, types, and how a bad one is refused. */
import * as v from 'valibot'
import { type Attempt, attemptFields } from '../connection/attempt.js'
import { FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'
import { MAX_TIMEOUT_MS } from '../options.js'
import type { JsonObject } from '../protocol/messages.js'
import { hasLoneSurrogate, isWritableText } from './text-check.js'

/** Streams of an exec channel: opener to server. */
export const STDIN = 0
/** Streams of an exec channel: server to opener. */
export const STDOUT = 0
export const STDERR = 1

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const text = v.pipe(v.string(), v.check(isWritableText, 'Expected a string without NUL and lone surrogates'))
const nonEmpty = v.pipe(text, v.minLength(1))
/** Entries, not an object: a variable may be called `__proto__`. Which names are taken is for environment.ts. */
const environment = v.pipe(
  v.custom<{ readonly [name: string]: string }>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every((entry) => typeof entry === 'string'),
    'Expected an object of strings',
  ),
  v.check(
    (value) => !Object.entries(value).flat().some(hasLoneSurrogate),
    'Expected strings without lone surrogates',
  ),
  v.transform((value): EnvironmentEntries => Object.entries(value)),
)
/** 256 bits: nobody finds a job by guessing. */
export const jobId = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'Expected 64 hex digits'))
/** From which byte of each output on. */
export const outputOffsets = { stdout: v.optional(count, 0), stderr: v.optional(count, 0) }
const common = {
  cwd: v.optional(nonEmpty),
  env: v.optional(environment),
  strictEnv: v.optional(v.boolean()),
  session: v.optional(v.pipe(count, v.minValue(1))),
  job: v.optional(
    v.object({ id: jobId, ...attemptFields, ...outputOffsets, again: v.optional(v.boolean(), false) }),
  ),
}
const commandLine = v.object({ command: text, file: v.optional(v.never()), ...common })
const program = v.object({
  file: nonEmpty,
  args: v.optional(v.array(text)),
  command: v.optional(v.never()),
  ...common,
})
const execParams = v.union([commandLine, program])
const sessionParams = v.object({ cwd: common.cwd, env: common.env })
const execInfo = v.object({
  pid: v.optional(count),
  cwd: v.string(),
  shell: v.optional(v.string()),
  refusedEnv: v.optional(v.array(v.string())),
})
const sessionInfo = v.object({ cwd: v.string(), refusedEnv: v.optional(v.array(v.string())) })
export const signalParams = v.object({
  signal: v.string(),
  forceKillAfterMs: v.optional(v.pipe(count, v.maxValue(MAX_TIMEOUT_MS))),
})
const signalInfo = v.object({ delivered: v.boolean() })

/** Environment variables as a peer sent them, nothing of them checked but their types. */
export type EnvironmentEntries = readonly (readonly [name: string, value: string])[]

/** What is to be run: a command line for a shell, or a program and its arguments. */
export type ExecTarget =
  | { readonly command: string }
  | { readonly file: string; readonly args: readonly string[] }

/** The OPEN of an exec, checked. */
export interface ExecParams {
  readonly target: ExecTarget
  readonly cwd: string | undefined
  readonly env: EnvironmentEntries
  readonly strictEnv: boolean
  /** Channel id of the session whose directory and environment are used. */
  readonly session: number | undefined
  /** Makes it durable: the job it is to be, or to attach to. */
  readonly job: JobParams | undefined
}

/** Names a job, and from which byte of each output on it is to be sent. */
export interface JobParams extends Attempt {
  /** 64 hex digits. */
  readonly id: string
  readonly stdout: number
  readonly stderr: number
  /** True when an earlier OPEN for it may have been heard. */
  readonly again: boolean
}

export type SessionParams = { readonly cwd: string | undefined; readonly env: EnvironmentEntries }
export type ExecInfo = v.InferOutput<typeof execInfo>
export type SessionInfo = v.InferOutput<typeof sessionInfo>
export type SignalParams = v.InferOutput<typeof signalParams>

/** The params of an `exec` OPEN. Throws `ERR_FAKESSH_INVALID_ARG`. */
export function parseExecParams(params: JsonObject): ExecParams {
  const { cwd, env = [], strictEnv = false, session, job, ...rest } = parseMessage(execParams, params, 'exec')
  if (job !== undefined && session !== undefined)
    throw new FakeSshError('ERR_FAKESSH_INVALID_ARG', 'exec: a job cannot be part of a session', {
      op: 'exec',
    })
  const target =
    rest.command !== undefined ? { command: rest.command } : { file: rest.file, args: rest.args ?? [] }
  return { target, cwd, env, strictEnv, session, job }
}

/** The params of a `session` OPEN. Throws `ERR_FAKESSH_INVALID_ARG`. */
export function parseSessionParams(params: JsonObject): SessionParams {
  const { cwd, env = [] } = parseMessage(sessionParams, params, 'session')
  return { cwd, env }
}

/** The params of a `signal` REQUEST. Throws `ERR_FAKESSH_INVALID_ARG`. */
export const parseSignalParams = (params: JsonObject): SignalParams =>
  parseMessage(signalParams, params, 'signal')

/** The info of an exec's OPEN_OK. Throws `ERR_FAKESSH_PROTOCOL`. */
export const parseExecInfo = (info: JsonObject): ExecInfo => parseMessage(execInfo, info, 'exec', PROTOCOL)

/** The info of a session's OPEN_OK. Throws `ERR_FAKESSH_PROTOCOL`. */
export const parseSessionInfo = (info: JsonObject): SessionInfo =>
  parseMessage(sessionInfo, info, 'session', PROTOCOL)

/** The info of the REPLY to a `signal` REQUEST. Throws `ERR_FAKESSH_PROTOCOL`. */
export const parseSignalInfo = (info: JsonObject): { delivered: boolean } =>
  parseMessage(signalInfo, info, 'signal', PROTOCOL)

const PROTOCOL = 'ERR_FAKESSH_PROTOCOL'

/** What the schema makes of a value. Throws a FakeSshError with the code, which says where the value is wrong. */
export function parseMessage<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  op: string,
  code = 'ERR_FAKESSH_INVALID_ARG',
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  const where = v.getDotPath(issue)
  const problem = escapeText(`${where === null ? '' : `${where}: `}${issue.message}`)
  throw new FakeSshError(code, `${op}: ${problem}`, { op })
}
