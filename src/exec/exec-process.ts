/** A running remote command, as users see it. The implementation is in exec-channel-process.ts. */
import { Duplex, type Readable } from 'node:stream'
import type { ExecResult } from './exec-result.js'
import type { OutputGap } from './output-gap.js'

/** What the server told when the command started. @public */
export interface ExecSpawnInfo {
  /** Process id on the server; undefined for in-process commands. */
  readonly pid: number | undefined
  /** Where the command runs, as a path in the user's root. */
  readonly cwd: string
  /** The shell that runs the command line; undefined where there is none. */
  readonly shell: string | undefined
  /** Names of variables that the server refused to set. */
  readonly refusedEnv: readonly string[]
}

/** Options of {@link ExecProcess.kill}. @public */
export interface KillOptions {
  /**
   * Milliseconds after which whatever is left of the command's process group gets SIGKILL; false for never. Default: 5,000
   * for SIGTERM, which asks a command to end; false for any other signal, which may ask for something else.
   */
  readonly forceKillAfterMs?: number | false | undefined
}

/** Events of an {@link ExecProcess}. @public */
export interface ExecProcessEvents {
  /** The command has started. */
  spawn: (info: ExecSpawnInfo) => void
  /** The command has ended. Output may still wait to be read. Not emitted when it is not proved to have ended. */
  exit: (result: ExecResult) => void
  /** Of a durable exec: the server had to drop output. Told before what comes after it; also in `result.gaps`. */
  gap: (gap: OutputGap) => void
  /** Bytes of stdout; after `setEncoding`, a string. */
  data: (chunk: Buffer) => void
  /** All of stdout has been read. */
  end: () => void
  /** All of stdin has been sent. */
  finish: () => void
  readable: () => void
  drain: () => void
  pause: () => void
  resume: () => void
  /** Nothing more happens. */
  close: () => void
  error: (error: Error) => void
  pipe: (source: Readable) => void
  unpipe: (source: Readable) => void
}

/**
 * A running remote command: a Duplex whose writable side is stdin and whose readable side is stdout.
 *
 * - **stdin** is half-closed by `end()`; stdout goes on. When the command ends before it has read everything, a pending
 *   write fails with code `EPIPE`, but only after stdout has been read to its end.
 * - **Unread output.** `stderr` has its own window: it never holds up stdout. If nobody has attached to it by the time half of
 *   its window (128 KiB) is waiting, it is thrown away from then on, the `stderr` stream is destroyed, and
 *   `result.stderrDiscarded` is true. stdout is thrown away likewise, at 512 KiB, only once `result` was touched
 *   and nobody reads: who asks for the result alone gets it. Otherwise an unread stdout makes the command wait,
 *   as a pipe does. A stream that was paused on purpose is never thrown away.
 * - **Failure** goes to `result` if it was touched, and to 'error' if somebody listens at that time. Otherwise the stream
 *   closes without 'end'. It never throws.
 * - **destroy()** cancels the command: the server ends its process group. That of a durable exec goes on.
 *
 * @public
 */
export abstract class ExecProcess extends Duplex {
  /** stderr of the command, to be read like any Readable. */
  abstract readonly stderr: Readable
  /** Process id on the server. Undefined until 'spawn', and for in-process commands. */
  abstract readonly pid: number | undefined
  /** Where the command runs, as a path in the user's root. Undefined until 'spawn'. */
  abstract readonly cwd: string | undefined
  /** Names of variables that the server refused to set. Empty until 'spawn'. */
  abstract readonly refusedEnv: readonly string[]
  /**
   * Of a durable exec: the id of its job, 64 hex digits, known before it has started. Whoever may log in as the same user can `attach` to it.
   * Keep it as you keep a password. Undefined for any other exec.
   */
  abstract readonly jobId: string | undefined
  /**
   * How many bytes of each output were given to whoever reads it, counted from the start of the output, what the server dropped included:
   * where another `attach` is to go on. Bytes that wait to be read are not in it. After `setEncoding` it is not exact.
   */
  abstract readonly offsets: { readonly stdout: number; readonly stderr: number }
  /**
   * How the command ended. Resolves when its exit and all of its output have arrived, read or not. Rejects with an `ExecError`
   * when the command could not be started (a POSIX code such as `ENOENT`, or `ERR_FAKESSH_DENIED`), ran longer than
   * `timeoutMs` (`ERR_FAKESSH_TIMEOUT`), or the connection ended first (`ERR_FAKESSH_CONNECTION_LOST`, …); with
   * `signal.reason` when `signal` was aborted. Never an unhandled rejection unless it was touched.
   */
  abstract readonly result: Promise<ExecResult>

  /**
   * Sends a signal to the command's whole process group, whatever the state of stdin. Before the command has started it
   * is sent as soon as it has. Resolves with whether there still was a process to signal. In-process commands are asked to end
   * by any signal that ends a program.
   *
   * Rejects with `ERR_FAKESSH_INVALID_ARG` for a signal the server does not have, and with `ERR_FAKESSH_TIMEOUT` when the server
   * has not answered for 30,000 ms; unheard, that is no unhandled rejection.
   *
   * @param signal - default `SIGTERM`
   */
  abstract kill(signal?: NodeJS.Signals, options?: KillOptions): Promise<boolean>

  /**
   * Ends a durable exec here and lets it go on at the server. `result` rejects with `ERR_FAKESSH_CLOSED`. Nothing happens where the exec
   * has ended. Throws `ERR_FAKESSH_INVALID_ARG` for an exec that is not durable.
   */
  abstract detach(): void

  override on<Name extends keyof ExecProcessEvents>(event: Name, listener: ExecProcessEvents[Name]): this
  /** After `setEncoding`. */
  override on<Name extends 'data'>(event: Name, listener: (text: string) => void): this
  override on(event: string | symbol, listener: (...args: unknown[]) => void): this
  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.on(event, listener as (...args: unknown[]) => void)
  }

  override once<Name extends keyof ExecProcessEvents>(event: Name, listener: ExecProcessEvents[Name]): this
  /** After `setEncoding`. */
  override once<Name extends 'data'>(event: Name, listener: (text: string) => void): this
  override once(event: string | symbol, listener: (...args: unknown[]) => void): this
  override once(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.once(event, listener as (...args: unknown[]) => void)
  }

  override off<Name extends keyof ExecProcessEvents>(event: Name, listener: ExecProcessEvents[Name]): this
  /** After `setEncoding`. */
  override off<Name extends 'data'>(event: Name, listener: (text: string) => void): this
  override off(event: string | symbol, listener: (...args: unknown[]) => void): this
  override off(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.off(event, listener as (...args: unknown[]) => void)
  }
}
