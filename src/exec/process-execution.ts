/** One running program on its channel: stdin in, stdout and stderr out, signals, and the EXIT that proves the end. */
import type { Readable } from 'node:stream'
import type { Channel, ChannelHandler } from '../connection/channel-handler.js'
import { FakeSshError } from '../errors.js'
import type { JsonObject } from '../protocol/messages.js'
import type { ExecEnd } from './exec-observer.js'
import { drainOutputs } from './exit-drain.js'
import { sendFailedExit } from './failed-exit.js'
import { parseSignalParams, STDERR, STDIN, STDOUT } from './messages.js'
import { OutputPump } from './output-pump.js'
import { type ProcessGroup, requireSignal } from './process-group.js'
import type { ProgramExit } from './spawn/program.js'
import { StdinFeed } from './stdin-feed.js'

export interface ProcessExecutionOptions {
  /** Between SIGTERM and SIGKILL when the client is gone. */
  readonly killGraceMs: number
  /** Quiet time after the program's end, after which outputs that others hold open are given up. */
  readonly leakGraceMs: number
  /** Called when program and output have ended and the client is still there; gives the `cwd` of EXIT. */
  readonly onExited?: ((exit: ProgramExit) => Promise<string | undefined>) | undefined
  /** Called once, last. */
  readonly onEnded: (end: ExecEnd) => void
}

export class ProcessExecution implements ChannelHandler {
  readonly #channel: Channel
  readonly #group: ProcessGroup
  readonly #options: ProcessExecutionOptions
  readonly #startedAt = performance.now()
  readonly #stdin: StdinFeed
  readonly #stdout: OutputPump
  readonly #stderr: OutputPump
  #exit: ProgramExit | undefined
  /** EXIT was sent, or the client went away first. */
  #isOver = false
  #hasEnded = false

  constructor(channel: Channel, group: ProcessGroup, options: ProcessExecutionOptions) {
    this.#channel = channel
    this.#group = group
    this.#options = options
    this.#stdin = new StdinFeed(group.stdin, (bytes) => channel.consumed(STDIN, bytes))
    const pump = (source: Readable, stream: number) =>
      // What was dropped may still be on its way out.
      new OutputPump(source, (bytes, taken) =>
        channel.send(stream, bytes, (error) => taken(error === undefined)),
      )
    this.#stdout = pump(group.stdout, STDOUT)
    this.#stderr = pump(group.stderr, STDERR)
  }

  /** Follows the program to its end. To be called right after the channel was accepted; never rejects. */
  async run(): Promise<void> {
    try {
      await this.#follow()
    } catch (error) {
      this.#fail(error)
    }
  }

  async #follow(): Promise<void> {
    this.#stdout.ended.then(() => this.#channel.sendEof(STDOUT)).catch((error) => this.#fail(error))
    this.#stderr.ended.then(() => this.#channel.sendEof(STDERR)).catch((error) => this.#fail(error))
    const exit = await this.#group.exited
    if (!this.#isOver) this.#exit = exit
    const stdioLeaked = await drainOutputs([this.#stdout, this.#stderr], this.#options.leakGraceMs)
    const cwd = this.#isOver ? undefined : await this.#options.onExited?.(exit)
    if (this.#isOver) return
    this.#isOver = true
    this.#stdin.close()
    const stdinBytes = this.#stdin.bytesTaken
    this.#channel.sendExit({ ...exit, stdioLeaked, stdinBytes, ...(cwd === undefined ? {} : { cwd }) })
    this.#channel.close()
    this.#end(exit, stdioLeaked, false)
  }

  onData(_stream: number, bytes: Uint8Array): void {
    this.#stdin.write(bytes)
  }

  onEof(): void {
    this.#stdin.end()
  }

  onRequest(type: string, params: JsonObject): JsonObject {
    if (type !== 'signal')
      throw new FakeSshError('ERR_FAKESSH_UNSUPPORTED', 'an exec takes only signal requests')
    const { signal, forceKillAfterMs } = parseSignalParams(params)
    const delivered = this.#group.kill(requireSignal(signal))
    if (delivered && forceKillAfterMs !== undefined) this.#group.killAfter(forceKillAfterMs)
    return { delivered }
  }

  onClosed(): void {
    if (this.#isOver) this.#channel.close()
    else this.#cancel().catch((error) => this.#fail(error))
  }

  /** Nobody waits for the program any more. CLOSE is sent only when it is gone, so that the client can rely on it. */
  async #cancel(): Promise<void> {
    this.#isOver = true
    this.#stdout.discard()
    this.#stderr.discard()
    // stdin stays open until then: its end would look like the end of the input, and `cat > file && mv file target`
    // would go on with half of it.
    await this.#group.terminate(this.#options.killGraceMs)
    this.#stdin.close()
    this.#stdout.stop()
    this.#stderr.stop()
    this.#group.state?.destroy()
    this.#channel.close()
    this.#end(this.#exit ?? { exitCode: null, signal: null }, false, true)
  }

  /** A failure of our own. Nobody waits for this object, so as a rejection it would end the process, with every connection. */
  #fail(error: unknown): void {
    if (this.#hasEnded) return
    this.#isOver = true
    this.#stdin.close()
    this.#stdout.stop()
    this.#stderr.stop()
    this.#group.state?.destroy()
    if (this.#exit === undefined) void this.#group.terminate(this.#options.killGraceMs)
    sendFailedExit(this.#channel)
    this.#end(this.#exit ?? { exitCode: null, signal: null }, false, false, error)
  }

  #end(exit: ProgramExit, stdioLeaked: boolean, isCancelled: boolean, error?: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#options.onEnded({
      ...exit,
      stdioLeaked,
      isCancelled,
      durationMs: performance.now() - this.#startedAt,
      stdinBytes: this.#stdin.bytesTaken,
      stdoutBytes: this.#stdout.bytes,
      stderrBytes: this.#stderr.bytes,
      ...(error === undefined ? {} : { error }),
    })
  }
}
