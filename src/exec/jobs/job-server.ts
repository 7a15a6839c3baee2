/** The server half of `attach` and `jobs` (docs/protocol.md, 7.5). Whoever calls these has checked that the user may. */
import type { ChannelHandler, IncomingOpen } from '../../connection/channel-handler.js'
import { FakeSshError } from '../../errors.js'
import { fitText, type JsonObject } from '../../protocol/messages.js'
import { rejectOpen } from '../reject-open.js'
import type { Job } from './job.js'
import type { AttachRequest } from './job-attachment.js'
import { parseForgetParams, parseJobSignalParams } from './job-messages.js'
import type { JobTable } from './job-table.js'

/** Longest command in a list, in UTF-16 units: each takes up to 6 bytes, and all jobs of a user fit in one frame. */
const LISTED_CHARACTERS = 256
/** What all commands of a list may take in that frame, in bytes. */
const LISTED_COMMANDS_BYTES = 96_000

/** What is about to be done with jobs, for whoever decides about it. */
export type JobRequest =
  | { readonly action: 'list' }
  | { readonly action: 'attach' | 'signal' | 'forget'; readonly job: Job }

export interface JobServerDeps {
  readonly jobs: JobTable
  /** Name of the authenticated user. */
  readonly user: string
  /** Rejects when it is not allowed. */
  authorize(request: JobRequest): Promise<void>
}

/** Answers an OPEN by attaching it to a job, once that has started. Rejects with why it cannot be; the OPEN is then still to be refused. */
export async function serveAttach(
  open: IncomingOpen,
  id: string,
  request: AttachRequest,
  { jobs, user, authorize }: JobServerDeps,
): Promise<void> {
  const job = await jobs.get(user, id)
  await authorize({ action: 'attach', job })
  // It may have been dropped while the answer was waited for.
  if (!jobs.has(user, id))
    throw new FakeSshError('ERR_FAKESSH_NO_JOB', 'there is no such job', { op: 'exec' })
  if (open.signal.aborted) rejectOpen(open)
  else job.attach(open, request)
}

/** Answers the OPEN of a `jobs` channel. */
export function serveJobs(open: IncomingOpen, deps: JobServerDeps): void {
  const { channel } = open
  const handler: ChannelHandler = {
    onData() {},
    onEof() {},
    onRequest: (type, params) => answer(type, params, deps),
    // It holds no operation of its own, and the connection waits for its channels before it closes.
    onDraining: () => channel.close(),
    onClosed: () => channel.close(),
  }
  open.accept({}, [], handler)
}

async function answer(type: string, params: JsonObject, deps: JobServerDeps): Promise<JsonObject> {
  const { jobs, user, authorize } = deps
  switch (type) {
    case 'list': {
      await authorize({ action: 'list' })
      const listed = jobs.list(user)
      const characters = Math.min(LISTED_CHARACTERS, Math.floor(LISTED_COMMANDS_BYTES / 6 / listed.length))
      return { jobs: listed.map((job) => entryOf(job, characters)) }
    }
    case 'signal': {
      const { job: id, prevent, ...signal } = parseJobSignalParams(params)
      if (prevent && jobs.prevent(user, id)) return { delivered: false }
      const job = await jobs.get(user, id)
      await authorize({ action: 'signal', job })
      return job.signal(signal)
    }
    case 'forget': {
      const { job: id } = parseForgetParams(params)
      await authorize({ action: 'forget', job: await jobs.get(user, id) })
      await jobs.forget(user, id)
      return {}
    }
    default:
      throw new FakeSshError('ERR_FAKESSH_UNSUPPORTED', 'jobs takes only list, signal and forget requests')
  }
}

function entryOf(job: Job, characters: number): JsonObject {
  const { id, start, startedAtMs, hasEnded, programExit, isAttached, stdout, stderr } = job
  return {
    id,
    command: fitText(job.command, characters),
    pid: start.pid,
    startedAtMs,
    state: hasEnded ? 'exited' : 'running',
    ...programExit,
    attached: isAttached,
    stdoutBytes: stdout.end,
    stderrBytes: stderr.end,
  }
}
