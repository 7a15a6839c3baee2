/** The jobs of a user, from the client's side: listed, signalled and forgotten without attaching to them (docs/protocol.md, 7.5). */
import type { Channel, ChannelHandler } from '../../connection/channel-handler.js'
import type { ChannelOpener } from '../../connection/channel-opener.js'
import { FakeSshError } from '../../errors.js'
import { escapeText } from '../../escape.js'
import type { OperationOptions } from '../../options.js'
import type { JsonObject } from '../../protocol/messages.js'
import { ANSWER_TIMEOUT_MS } from '../bounded-wait.js'
import { requireJobId } from '../exec-arguments.js'
import { ExecDeadline } from '../exec-deadline.js'
import { boundsOf } from '../exec-options.js'
import type { KillOptions } from '../exec-process.js'
import { killParams } from '../kill-request.js'
import { parseSignalInfo } from '../messages.js'
import { parseJobList } from './job-messages.js'

/** A durable exec at the server, running or ended. @public */
export interface JobInfo {
  /** 64 hex digits: what `attach`, `killJob` and `forgetJob` take. */
  readonly id: string
  /** The command line, or the program and its arguments; escaped, and cut where it is long. */
  readonly command: string
  /** Process id on the server. */
  readonly pid: number
  /** By the server's clock, in milliseconds since 1970. */
  readonly startedAtMs: number
  /** `exited` once the command and its output have ended. */
  readonly state: 'running' | 'exited'
  /** Null while it runs, when a signal ended it, and when the server could not learn how it ended. */
  readonly exitCode: number | null
  /** `SIGTERM`, …; null as `exitCode` is. */
  readonly signal: string | null
  /** True while somebody is attached. */
  readonly attached: boolean
  /** Bytes it has written so far, those that were dropped included. */
  readonly stdoutBytes: number
  /** As `stdoutBytes`. */
  readonly stderrBytes: number
}

/** Options of `killJob`. @public */
export interface KillJobOptions extends KillOptions, OperationOptions {}

/** For `client.jobs()`. */
export async function listJobs(
  opener: ChannelOpener,
  options: OperationOptions = {},
): Promise<readonly JobInfo[]> {
  const jobs = parseJobList(await ask(opener, 'list', {}, options))
  return jobs.map((job) => ({
    ...job,
    command: escapeText(job.command),
    signal: job.signal === null ? null : escapeText(job.signal),
  }))
}

/** For `client.killJob()`. */
export async function killJob(
  opener: ChannelOpener,
  id: string,
  signal: NodeJS.Signals = 'SIGTERM',
  options: KillJobOptions = {},
): Promise<boolean> {
  requireJobId('killJob', id)
  const params = { job: id, ...killParams(signal, options) }
  return parseSignalInfo(await ask(opener, 'signal', params, options)).delivered
}

/** For `client.forgetJob()`. */
export async function forgetJob(
  opener: ChannelOpener,
  id: string,
  options: OperationOptions = {},
): Promise<void> {
  requireJobId('forgetJob', id)
  await ask(opener, 'forget', { job: id }, options)
}

/** One request on a channel of its own. */
async function ask(
  opener: ChannelOpener,
  type: string,
  params: JsonObject,
  options: OperationOptions,
): Promise<JsonObject> {
  const { signal, timeoutMs = ANSWER_TIMEOUT_MS } = boundsOf(options)
  signal?.throwIfAborted()
  let channel: Channel | undefined
  let deadline: ExecDeadline | undefined
  try {
    return await new Promise((resolve, reject) => {
      deadline = new ExecDeadline(
        { signal, timeoutMs },
        {
          onAbort: reject,
          onTimeout: () =>
            reject(failure('ERR_FAKESSH_TIMEOUT', `${type}: no answer within ${timeoutMs} ms`)),
        },
      )
      if (options.timeoutMs === undefined) deadline.unref()
      const handler: ChannelHandler = {
        onOpened: () => void channel?.request(type, params).then(resolve, reject),
        onData() {},
        onEof() {},
        onClosed: (error) =>
          reject(error ?? failure('ERR_FAKESSH_CANCELLED', `${type}: the server closed the channel`)),
      }
      channel = opener.open('jobs', {}, [], handler)
    })
  } catch (error) {
    // The peer's message does not say what it was about.
    if (FakeSshError.is(error) && error.op === undefined)
      throw new FakeSshError(error.code, error.message, { op: 'jobs', host: error.host, cause: error })
    throw error
  } finally {
    deadline?.stop()
    channel?.abort()
  }
}

function failure(code: string, message: string): FakeSshError {
  return new FakeSshError(code, message, { op: 'jobs' })
}
