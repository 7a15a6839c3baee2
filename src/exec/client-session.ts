/** A working directory and an environment on the server, kept between commands: the client half of sessions. */
import type { Channel, ChannelHandler } from '../connection/channel-handler.js'
import type { ChannelOpener } from '../connection/channel-opener.js'
import { FakeSshError } from '../errors.js'
import { ANSWER_TIMEOUT_MS, within } from './bounded-wait.js'
import { type ExecArguments, parseExecArguments } from './exec-arguments.js'
import { ExecChannelProcess } from './exec-channel-process.js'
import { ExecDeadline } from './exec-deadline.js'
import { boundsOf, type ExecOptions, placeParams, requireFits, type SessionOptions } from './exec-options.js'
import type { ExecProcess } from './exec-process.js'
import { parseSessionInfo, type SessionInfo } from './messages.js'
import { type RunBufferOptions, type RunOptions, type RunResult, type RunTextOptions, run } from './run.js'

/** How long `close()` waits for the server to confirm, in milliseconds. Nothing depends on it: commands in the session go on. */
const CLOSE_LIMIT_MS = 2000

/** What a session is made of. */
interface SessionWiring {
  readonly opener: ChannelOpener
  readonly channel: Channel
  readonly info: SessionInfo
  /** Settles when the session is closed on both sides, or its connection is gone. */
  readonly closed: Promise<void>
}

let create: (wiring: SessionWiring) => ClientSession

/**
 * Keeps a working directory and an environment on the server between commands, for as long as the connection lasts. A command line
 * starts where the last one ended, and with the variables it exported: `cd` and `export` work as in a terminal, also
 * before `exit 3`. A command line that was killed, or that replaced its shell by `exec`, changes nothing. Variables that were not
 * exported, functions and shell options are not kept. A program with arguments uses the state and does not change it.
 *
 * `cwd` and `env` given to one command stay in the session, as if by `cd` and `export`. Of command lines that run at the same
 * time the last one to end decides.
 *
 * @public
 */
export class ClientSession implements AsyncDisposable {
  readonly #wiring: SessionWiring
  #cwd: string
  #closing: Promise<void> | undefined

  static {
    create = (wiring) => new ClientSession(wiring)
  }

  private constructor(wiring: SessionWiring) {
    this.#wiring = wiring
    this.#cwd = wiring.info.cwd
  }

  /**
   * Where the next command starts, as a path in the user's root; outside it, as a path of the server. Brought up to date
   * when a command line has ended.
   */
  get cwd(): string {
    return this.#cwd
  }

  /** Names of variables of the `env` option that the server refused to set. */
  get refusedEnv(): readonly string[] {
    return this.#wiring.info.refusedEnv ?? []
  }

  /** Runs a command line, as the client's `exec` does, in this session. */
  exec(command: string, options?: ExecOptions): ExecProcess
  /** Runs a program with arguments, without a shell, in this session. */
  exec(file: string, args: readonly string[], options?: ExecOptions): ExecProcess
  exec(...args: ExecArguments): ExecProcess {
    return this.#start(args)
  }

  /** Runs a command line to its end and collects its output, as the client's `run` does, in this session. */
  run(command: string, options: RunBufferOptions): Promise<RunResult<Buffer>>
  /** Likewise, as text. */
  run(command: string, options?: RunTextOptions): Promise<RunResult>
  /** Runs a program with arguments likewise. */
  run(file: string, args: readonly string[], options: RunBufferOptions): Promise<RunResult<Buffer>>
  /** Likewise, as text. */
  run(file: string, args: readonly string[], options?: RunTextOptions): Promise<RunResult>
  /** As text or as bytes, as `options.encoding` says, where that is only known at run time. */
  run(command: string, options?: RunOptions): Promise<RunResult<string> | RunResult<Buffer>>
  /** Likewise, for a program with arguments. */
  run(
    file: string,
    args: readonly string[],
    options?: RunOptions,
  ): Promise<RunResult<string> | RunResult<Buffer>>
  run(...args: ExecArguments<RunOptions>): Promise<RunResult<string> | RunResult<Buffer>> {
    return run((...call: ExecArguments) => this.#start(call), args)
  }

  /** Ends the session. Commands that run in it go on. Resolves when the server has confirmed, after 2,000 ms at the latest. Idempotent. */
  close(): Promise<void> {
    this.#wiring.channel.close()
    this.#closing ??= within(this.#wiring.closed, CLOSE_LIMIT_MS, () => {})
    return this.#closing
  }

  /** Does `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #start(args: ExecArguments): ExecProcess {
    const { opener, channel } = this.#wiring
    return new ExecChannelProcess(opener, parseExecArguments(args, channel.id), (_result, exitCwd) => {
      if (exitCwd !== undefined) this.#cwd = exitCwd
    })
  }
}

/**
 * Opens a session. Rejects with the server's refusal (ENOENT, ERR_FAKESSH_DENIED, …), the loss of the connection,
 * ERR_FAKESSH_TIMEOUT (without `timeoutMs` after 30,000 ms), or `signal.reason`. Throws `ERR_FAKESSH_INVALID_ARG`.
 */
export async function openSession(
  opener: ChannelOpener,
  options: SessionOptions = {},
): Promise<ClientSession> {
  const params = placeParams(options)
  requireFits(params, 'session')
  const { signal, timeoutMs = ANSWER_TIMEOUT_MS } = boundsOf(options)
  signal?.throwIfAborted()
  let markClosed: () => void = () => {}
  const closed = new Promise<void>((resolve) => {
    markClosed = resolve
  })
  return await new Promise((resolve, reject) => {
    const abandon = (reason: unknown) => {
      channel.abort()
      reject(reason)
    }
    const deadline = new ExecDeadline(
      { signal, timeoutMs },
      {
        onAbort: abandon,
        onTimeout: () =>
          abandon(
            new FakeSshError('ERR_FAKESSH_TIMEOUT', `session: not opened within ${timeoutMs} ms`, {
              op: 'session',
            }),
          ),
      },
    )
    if (options.timeoutMs === undefined) deadline.unref()
    const handler: ChannelHandler = {
      onOpened(info) {
        deadline.stop()
        try {
          resolve(create({ opener, channel, info: parseSessionInfo(info), closed }))
        } catch (error) {
          abandon(error)
        }
      },
      onData() {},
      onEof() {},
      // It only holds something for execs, and the connection waits for its channels before it closes.
      onDraining() {
        channel.close()
      },
      onClosed(error) {
        deadline.stop()
        channel.close()
        markClosed()
        reject(
          error ??
            new FakeSshError('ERR_FAKESSH_CANCELLED', 'session: the server closed it', { op: 'session' }),
        )
      },
    }
    let channel: Channel
    try {
      channel = opener.open('session', params, [], handler)
    } catch (error) {
      deadline.stop()
      reject(error)
    }
  })
}
