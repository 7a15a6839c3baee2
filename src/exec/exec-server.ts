/** The server half of exec (docs/protocol.md, 7.1): from a permitted OPEN to a running program or in-process command. */
import type { IncomingOpen } from '../connection/channel-handler.js'
import { FakeSshError } from '../errors.js'
import type { CommandTable } from './command-context.js'
import { CommandExecution } from './command-execution.js'
import type { ExecObserver, ExecStart } from './exec-observer.js'
import { settleExec } from './exec-setting.js'
import { STDIN_WINDOW_BYTES } from './exec-windows.js'
import { KILL_GRACE_MS, LEAK_GRACE_MS } from './grace-times.js'
import type { ExecParams } from './messages.js'
import type { AllowedExec } from './permission.js'
import { ProcessExecution } from './process-execution.js'
import type { ProcessGroup } from './process-group.js'
import { rejectOpen } from './reject-open.js'
import type { SessionServerDeps } from './session-server.js'
import { StateReport } from './session-shell.js'
import type { ProgramExit } from './spawn/program.js'
import { type AllowedProcess, type ExecSetting, startAllowed } from './start-allowed.js'
import { requireDirectory } from './start-failure.js'

/** What {@link serveExec} needs of its server and connection. */
export interface ExecServerDeps extends SessionServerDeps {
  /** Name of the authenticated user. */
  readonly user: string
  /** The shell for command lines. */
  readonly shell: string
  readonly commands: CommandTable
  readonly observer?: ExecObserver | undefined
  /** Default 2,000. */
  readonly killGraceMs?: number | undefined
  /** Default 250. */
  readonly leakGraceMs?: number | undefined
}

/**
 * Answers the OPEN of an exec that permission and the authorize hook have allowed, and serves it to its end. Resolves
 * once the OPEN has been answered; never rejects.
 */
export async function serveExec(
  open: IncomingOpen,
  params: ExecParams,
  allowed: AllowedExec,
  deps: ExecServerDeps,
): Promise<void> {
  try {
    const setting = await settleExec(params, deps)
    // For a program this is looked at only if it cannot be started.
    if (allowed.run === 'command') await requireDirectory(setting.cwd, setting.askedCwd)
    if (open.signal.aborted) rejectOpen(open)
    else if (allowed.run === 'command') serveCommand(open, params, allowed, setting, deps)
    else await serveProgram(open, params, allowed, setting, deps)
  } catch (error) {
    rejectOpen(open, error)
    deps.observer?.onFailed?.(params.target, error)
  }
}

function serveCommand(
  open: IncomingOpen,
  params: ExecParams,
  allowed: AllowedExec & { run: 'command' },
  setting: ExecSetting,
  deps: ExecServerDeps,
): void {
  const { name, args } = allowed
  const { cwd, shownCwd, env, refusedEnv } = setting
  const handler = deps.commands.get(name)
  if (handler === undefined) throw new FakeSshError('ENOENT', 'there is no such command', { op: 'exec' })
  const start: ExecStart = { target: params.target, run: 'command', pid: undefined, cwd: shownCwd }
  const call = { name, handler, args, env, cwd, user: deps.user }
  const execution = new CommandExecution(open.channel, call, {
    killGraceMs: deps.killGraceMs ?? KILL_GRACE_MS,
    exitCwd: () => sessionCwd(params.session, deps),
    onEnded: (end) => deps.observer?.onEnded?.(start, end),
  })
  open.accept({ cwd: shownCwd, refusedEnv }, [STDIN_WINDOW_BYTES], execution)
  deps.observer?.onStarted?.(start)
  void execution.run()
}

async function serveProgram(
  open: IncomingOpen,
  params: ExecParams,
  allowed: AllowedProcess,
  setting: ExecSetting,
  deps: ExecServerDeps,
): Promise<void> {
  const { shownCwd, refusedEnv } = setting
  const isReporting = params.session !== undefined && process.platform !== 'win32'
  const group = await startAllowed(allowed, setting, { ...deps, isReporting })
  const killGraceMs = deps.killGraceMs ?? KILL_GRACE_MS
  if (open.signal.aborted) {
    await abandon(group, killGraceMs)
    rejectOpen(open)
    return
  }
  const leakGraceMs = deps.leakGraceMs ?? LEAK_GRACE_MS
  const start: ExecStart = { target: params.target, run: allowed.run, pid: group.pid, cwd: shownCwd }
  const shell = allowed.run === 'shell' ? { shell: deps.shell } : {}
  let execution: ProcessExecution
  try {
    execution = new ProcessExecution(open.channel, group, {
      killGraceMs,
      leakGraceMs,
      onExited: sessionUpdate(group, params.session, leakGraceMs, deps),
      onEnded: (end) => deps.observer?.onEnded?.(start, end),
    })
    open.accept({ pid: group.pid, cwd: shownCwd, ...shell, refusedEnv }, [STDIN_WINDOW_BYTES], execution)
  } catch (error) {
    await abandon(group, killGraceMs)
    throw error
  }
  deps.observer?.onStarted?.(start)
  void execution.run()
}

/** Ends what was started and has no channel to be served on. */
async function abandon(group: ProcessGroup, killGraceMs: number): Promise<void> {
  await group.terminate(killGraceMs)
  for (const pipe of [group.stdin, group.stdout, group.stderr, group.state]) pipe?.destroy()
}

/** Where a session is, as the client would write it. */
function sessionCwd(id: number | undefined, { sessions, toShownPath }: ExecServerDeps): string | undefined {
  const cwd = id === undefined ? undefined : sessions.get(id)?.cwd
  return cwd === undefined ? undefined : (toShownPath(cwd) ?? cwd)
}

/** For a shell of a session: what moves the session to where the shell ended, and gives the `cwd` of EXIT. */
function sessionUpdate(
  group: ProcessGroup,
  id: number | undefined,
  limitMs: number,
  deps: ExecServerDeps,
): ((exit: ProgramExit) => Promise<string | undefined>) | undefined {
  if (id === undefined) return undefined
  const report = group.state === undefined ? undefined : new StateReport(group.state)
  return async ({ signal }) => {
    // A shell that was killed may have been on its way anywhere.
    const state = signal === null ? await report?.finish(limitMs) : report?.discard()
    if (state !== undefined) deps.sessions.update(id, state)
    return sessionCwd(id, deps)
  }
}
