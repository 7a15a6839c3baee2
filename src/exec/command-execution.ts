/** One call of an in-process command on its channel. Keeps the promises of a program: signals, EXIT, and an end in any case. */
import type { Channel, ChannelHandler } from '../connection/channel-handler.js'
import { FakeSshError } from '../errors.js'
import type { JsonObject } from '../protocol/messages.js'
import type { CommandCall } from './command-context.js'
import { CommandInput, CommandOutput } from './command-streams.js'
import type { ExecEnd } from './exec-observer.js'
import { sendFailedExit } from './failed-exit.js'
import { parseSignalParams, STDERR, STDIN, STDOUT } from './messages.js'
import { requireSignal } from './process-group.js'
import type { ProgramExit } from './spawn/program.js'

/** Signals that do not end a program by default, so they mean nothing to a function. */
const HARMLESS = new Set([
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGWINCH',
])

const FAILED: ProgramExit = { exitCode: 1, signal: null }

export interface CommandExecutionOptions {
  /** How long a command that was told to end may take, where the client does not say. */
  readonly killGraceMs: number
  /** Gives the `cwd` of EXIT, in a session. */
  readonly exitCwd?: (() => string | undefined) | undefined
  /** Called once, last. */
  readonly onEnded: (end: ExecEnd) => void
}

export class CommandExecution implements ChannelHandler {
  readonly #channel: Channel
  readonly #call: CommandCall
  readonly #options: CommandExecutionOptions
  readonly #startedAt = performance.now()
  readonly #stdin: CommandInput
  readonly #stdout: CommandOutput
  readonly #stderr: CommandOutput
  readonly #abort = new AbortController()
  #state: 'running' | 'returned' | 'over' = 'running'
  #isCancelled = false
  #hasEnded = false
  #killedBy: string | undefined
  #graceTimer: NodeJS.Timeout | undefined
  #error: unknown

  constructor(channel: Channel, call: CommandCall, options: CommandExecutionOptions) {
    this.#channel = channel
    this.#call = call
    this.#options = options
    this.#stdin = new CommandInput(channel, STDIN)
    this.#stdout = new CommandOutput(channel, STDOUT)
    this.#stderr = new CommandOutput(channel, STDERR)
  }

  /** Calls the command and follows it to its end. To be called right after the channel was accepted; never rejects. */
  async run(): Promise<void> {
    const exit = await this.#callHandler()
    if (this.#state === 'over') return
    clearTimeout(this.#graceTimer)
    this.#state = 'returned'
    this.#stdin.destroy()
    try {
      await Promise.all([this.#stdout.finish(), this.#stderr.finish()])
      this.#finish(exit)
    } catch (error) {
      this.#fail(error)
    }
  }

  onData(_stream: number, bytes: Uint8Array): void {
    this.#stdin.accept(bytes)
  }

  onEof(): void {
    this.#stdin.finish()
  }

  onRequest(type: string, params: JsonObject): JsonObject {
    if (type !== 'signal')
      throw new FakeSshError('ERR_FAKESSH_UNSUPPORTED', 'an exec takes only signal requests')
    const { signal, forceKillAfterMs } = parseSignalParams(params)
    requireSignal(signal)
    if (this.#state !== 'running' || HARMLESS.has(signal)) return { delivered: false }
    // In a turn of its own, so that the REPLY goes out before the EXIT that may follow.
    setImmediate(() => this.#kill(signal, forceKillAfterMs ?? this.#options.killGraceMs))
    return { delivered: true }
  }

  onClosed(error: FakeSshError | undefined): void {
    if (this.#state === 'over') {
      this.#channel.close()
      return
    }
    this.#isCancelled = true
    this.#dropStreams()
    // One that has returned only waited for the client to read; run() goes on now that the streams are gone.
    if (this.#state === 'returned') return
    this.#giveUpAfter(this.#options.killGraceMs)
    this.#abort.abort(error ?? new FakeSshError('ERR_FAKESSH_CANCELLED', 'the client cancelled the command'))
  }

  async #callHandler(): Promise<ProgramExit> {
    const { name, handler, args, env, cwd, user } = this.#call
    const streams = { stdin: this.#stdin, stdout: this.#stdout, stderr: this.#stderr }
    try {
      const value: unknown = await handler({ ...streams, args, env, cwd, user, signal: this.#abort.signal })
      if (value === undefined) return { exitCode: 0, signal: null }
      if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255) {
        return { exitCode: value as number, signal: null }
      }
      this.#say(
        `${name}: returned ${typeof value === 'number' ? value : typeof value}, expected an exit code from 0 to 255`,
      )
      return FAILED
    } catch (error) {
      if (this.#killedBy !== undefined) return { exitCode: null, signal: this.#killedBy }
      if (this.#isCancelled) return FAILED
      this.#error = error
      this.#say(`${name}: ${error instanceof Error ? error.message : 'failed'}`)
      return FAILED
    }
  }

  #kill(signal: string, graceMs: number): void {
    if (this.#state !== 'running') return
    this.#killedBy = signal
    if (signal === 'SIGKILL') this.#giveUp()
    else this.#giveUpAfter(graceMs)
    this.#abort.abort(new FakeSshError('ERR_FAKESSH_CANCELLED', `the command was ended by ${signal}`))
  }

  #say(line: string): void {
    if (this.#stderr.writable) this.#stderr.write(`${line}\n`)
  }

  #giveUpAfter(graceMs: number): void {
    clearTimeout(this.#graceTimer)
    this.#graceTimer = setTimeout(() => this.#giveUp(), graceMs)
  }

  /** The function may run on: JavaScript cannot be stopped. But nobody waits for it, and nothing it writes arrives. */
  #giveUp(): void {
    this.#dropStreams()
    try {
      this.#channel.sendEof(STDOUT)
      this.#channel.sendEof(STDERR)
      this.#finish({ exitCode: null, signal: 'SIGKILL' })
    } catch (error) {
      this.#fail(error)
    }
  }

  #dropStreams(): void {
    this.#stdin.destroy()
    this.#stdout.destroy()
    this.#stderr.destroy()
  }

  /** Where the client is gone, what is sent here goes nowhere. */
  #finish(exit: ProgramExit): void {
    this.#state = 'over'
    clearTimeout(this.#graceTimer)
    const cwd = this.#options.exitCwd?.()
    const stdinBytes = this.#stdin.bytesTaken
    this.#channel.sendExit({ ...exit, stdioLeaked: false, stdinBytes, ...(cwd === undefined ? {} : { cwd }) })
    this.#channel.close()
    this.#end(exit)
  }

  /** A failure of our own. Nobody waits for this object, so as a rejection it would end the process, with every connection. */
  #fail(error: unknown): void {
    this.#state = 'over'
    clearTimeout(this.#graceTimer)
    this.#error = error
    this.#dropStreams()
    sendFailedExit(this.#channel)
    this.#end(FAILED)
  }

  #end(exit: ProgramExit): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#options.onEnded({
      ...(this.#isCancelled ? { exitCode: null, signal: null } : exit),
      isCancelled: this.#isCancelled,
      stdioLeaked: false,
      durationMs: performance.now() - this.#startedAt,
      stdinBytes: this.#stdin.bytesTaken,
      stdoutBytes: this.#stdout.bytes,
      stderrBytes: this.#stderr.bytes,
      ...(this.#error === undefined ? {} : { error: this.#error }),
    })
  }
}
