/** What the server half tells its owner about each exec, for events and an audit log. */
import type { ExecTarget } from './messages.js'

/** An exec that has started. */
export interface ExecStart {
  readonly target: ExecTarget
  /** By a shell, as a program, or by an in-process command. */
  readonly run: 'shell' | 'argv' | 'command'
  /** Undefined for in-process commands. */
  readonly pid: number | undefined
  /** As the client would write it. */
  readonly cwd: string
}

/** How it ended. `exitCode` and `signal` are both null when it was cancelled and did not end of itself. */
export interface ExecEnd {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly durationMs: number
  readonly stdinBytes: number
  readonly stdoutBytes: number
  readonly stderrBytes: number
  readonly stdioLeaked: boolean
  /** The client closed the exec, or its connection was lost, before the end. */
  readonly isCancelled: boolean
  /** What an in-process command threw, or why the server could not follow the exec to its end. */
  readonly error?: unknown
}

/** Methods are called synchronously and must not throw. */
export interface ExecObserver {
  onStarted?(start: ExecStart): void
  /** Called once for each start. */
  onEnded?(start: ExecStart, end: ExecEnd): void
  /** It was allowed but could not be started. Anything but a FakeSshError is a failure of the server's own. */
  onFailed?(target: ExecTarget, error: unknown): void
}
