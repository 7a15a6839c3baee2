/** The jobs of a user, from the client's side: listed, signalled and forgotten without attaching to them (docs/protocol.md, 7.5). */
import type { ChannelOpener } from '../../connection/channel-opener.js'
import { escapeText } from '../../escape.js'
import type { OperationOptions } from '../../options.js'
import { requireJobId } from '../exec-arguments.js'
import type { KillOptions } from '../exec-process.js'
import { killParams } from '../kill-request.js'
import { parseSignalInfo } from '../messages.js'
import { parseJobList } from './job-messages.js'
import { askJobs } from './job-request.js'

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
  const jobs = parseJobList(await askJobs(opener, 'list', {}, options))
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
  return parseSignalInfo(await askJobs(opener, 'signal', params, options)).delivered
}

/** For `client.forgetJob()`. */
export async function forgetJob(
  opener: ChannelOpener,
  id: string,
  options: OperationOptions = {},
): Promise<void> {
  requireJobId('forgetJob', id)
  await askJobs(opener, 'forget', { job: id }, options)
}
