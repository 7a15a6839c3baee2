/** The server half of a durable exec (docs/protocol.md, 7.5): from a permitted OPEN to a job that this OPEN is attached to. */
import type { IncomingOpen } from '../../connection/channel-handler.js'
import { FakeSshError, invalidArgument } from '../../errors.js'
import type { ExecServerDeps } from '../exec-server.js'
import { settleExec } from '../exec-setting.js'
import { KILL_GRACE_MS, LEAK_GRACE_MS } from '../grace-times.js'
import type { ExecParams, JobParams } from '../messages.js'
import type { AllowedExec } from '../permission.js'
import type { ProcessGroup } from '../process-group.js'
import { rejectOpen } from '../reject-open.js'
import { type AllowedProcess, type ExecSetting, startAllowed } from '../start-allowed.js'
import { Job } from './job.js'
import type { AttachRequest } from './job-attachment.js'
import type { JobKeeper, JobTable } from './job-table.js'

/** What a durable exec needs besides what any exec does. */
export interface DurableExecDeps extends ExecServerDeps {
  readonly jobs: JobTable
  /** Something failed that ends nothing. */
  readonly onFault: (error: unknown) => void
}

/**
 * Answers the OPEN of a durable exec that permission and the authorize hook have allowed. Resolves once it has been answered; never
 * rejects. The job runs on where the client has given up meanwhile: it may have been lost, and ask again.
 */
export async function serveDurableExec(
  open: IncomingOpen,
  params: ExecParams & { readonly job: JobParams & AttachRequest },
  allowed: AllowedExec,
  deps: DurableExecDeps,
): Promise<void> {
  // Whoever asked is gone, and nothing has run yet: so nothing does, unless it is asked for again.
  if (open.signal.aborted) return rejectOpen(open)
  let job: Job
  try {
    job = await deps.jobs.start(deps.user, params.job, async (keeper) => {
      if (allowed.run === 'command')
        throw new FakeSshError('ERR_FAKESSH_UNSUPPORTED', 'an in-process command cannot be durable', {
          op: 'exec',
        })
      requireStart(params.job)
      const setting = await settleExec(params, deps)
      if (open.signal.aborted)
        throw new FakeSshError('ERR_FAKESSH_CANCELLED', 'whoever asked is gone', { op: 'exec' })
      const group = await startAllowed(allowed, setting, { ...deps, isReporting: false })
      return runJob(group, params, allowed, setting, deps, keeper)
    })
  } catch (error) {
    rejectOpen(open, error)
    deps.observer?.onFailed?.(params.target, error)
    return
  }
  try {
    if (open.signal.aborted) rejectOpen(open)
    else job.attach(open, params.job)
  } catch (error) {
    rejectOpen(open, error)
  }
}

/** A job that is to be started has no output yet. Throws `ERR_FAKESSH_INVALID_ARG`. */
function requireStart({ stdout, stderr }: JobParams): void {
  if (stdout + stderr > 0)
    throw invalidArgument('exec job', 'offsets of 0 for a job that is yet to start', `${stdout}, ${stderr}`)
}

function runJob(
  group: ProcessGroup,
  { target, job: { id } }: ExecParams & { readonly job: JobParams },
  { run }: AllowedProcess,
  { shownCwd, refusedEnv }: ExecSetting,
  deps: DurableExecDeps,
  keeper: JobKeeper,
): Job {
  const start = { target, run, pid: group.pid, cwd: shownCwd }
  const shell = run === 'shell' ? { shell: deps.shell } : {}
  const job = new Job(group, {
    id,
    start,
    info: { pid: group.pid, cwd: shownCwd, ...shell, refusedEnv },
    limits: deps.jobs.limits,
    killGraceMs: deps.killGraceMs ?? KILL_GRACE_MS,
    leakGraceMs: deps.leakGraceMs ?? LEAK_GRACE_MS,
    onEnded: (end) => {
      keeper.onEnded()
      deps.observer?.onEnded?.(start, end)
    },
    onDetached: () => keeper.onDetached(),
    onFault: deps.onFault,
  })
  deps.observer?.onStarted?.(start)
  void job.run()
  return job
}
