/** An {@link ExecProcess} on its channel: the client half of exec (docs/protocol.md, 7.1). */
import type { Channel } from '../connection/channel-handler.js'
import type { ChannelOpener } from '../connection/channel-opener.js'
import { type ExecErrorFacts, FakeSshError, invalidArgument } from '../errors.js'
import { escapeText } from '../escape.js'
import type { ExitMessage, JsonObject } from '../protocol/messages.js'
import { Inbound, READABLE_HIGH_WATER_MARK } from '../streams/inbound.js'
import { ANSWER_TIMEOUT_MS, within } from './bounded-wait.js'
import type { ExecCall } from './exec-arguments.js'
import { ExecDeadline } from './exec-deadline.js'
import { ExecOutcome } from './exec-outcome.js'
import { ExecProcess, type KillOptions } from './exec-process.js'
import { type ExecResult, execFailure } from './exec-result.js'
import { ExecStderr, isOverdue } from './exec-stderr.js'
import { brokenPipe, ExecStdin } from './exec-stdin.js'
import { STDERR_WINDOW_BYTES, STDOUT_WINDOW_BYTES } from './exec-windows.js'
import { DurableChannel, type DurableHandler } from './jobs/durable-channel.js'
import { parseJobInfo } from './jobs/job-messages.js'
import { killParams } from './kill-request.js'
import { type ExecInfo, parseExecInfo, parseSignalInfo, STDERR, STDOUT } from './messages.js'
import type { OutputGap } from './output-gap.js'
import { type OutputOffset, outputOffsets } from './output-offset.js'

export class ExecChannelProcess extends ExecProcess {
  override readonly stderr = new ExecStderr()
  override readonly jobId: string | undefined
  #command: string
  readonly #gaps: OutputGap[] = []
  readonly #offsets: { readonly stdout: OutputOffset; readonly stderr: OutputOffset }
  readonly #onResult: (result: ExecResult, exitCwd: string | undefined) => void
  readonly #startedAt = performance.now()
  readonly #outcome = new ExecOutcome<ExecResult>()
  readonly #stdin = new ExecStdin()
  readonly #deadline: ExecDeadline
  readonly #ended = new Set<number>()
  /** Settles when the command has started, or never will. */
  readonly #decided: Promise<void>
  #decide: () => void = () => {}
  #channel: Channel | undefined
  /** The same, of a durable exec. */
  #durable: DurableChannel | undefined
  #stdout: Inbound | undefined
  #info: ExecInfo | undefined
  #stdoutBytes = 0
  #isStdoutDiscarded = false
  /** The offset of stdout when this was destroyed, with what then waited thrown away. */
  #lastOffset: number | undefined
  #hasExited = false
  /** Streams that are piped into stdin. */
  #feeders = 0

  /** @param onResult - told first when the command has ended, and where its session then is */
  constructor(
    opener: ChannelOpener,
    call: ExecCall,
    onResult: (result: ExecResult, exitCwd: string | undefined) => void = () => {},
  ) {
    super({
      readableHighWaterMark: READABLE_HIGH_WATER_MARK,
      writableHighWaterMark: READABLE_HIGH_WATER_MARK,
      // Node would destroy this once stdin and stdout have ended, and `for await` already at the end of stdout. To destroy is
      // to cancel, and the exit is still to come.
      autoDestroy: false,
    })
    // An error that Node found itself, such as a write after the end. It is heard by whoever listens, and never thrown.
    this.on('error', (error) => this.destroy(error))
    this.#command = call.command
    this.jobId = call.durable?.job.id
    this.#offsets = outputOffsets(call.durable?.job)
    this.#onResult = onResult
    this.#decided = new Promise((resolve) => {
      this.#decide = resolve
    })
    // A turn later: every reader has then seen the clean end of stdout, whatever becomes of a write that is still pending.
    this.once('end', () => process.nextTick(() => this.#onStdoutRead()))
    this.once('finish', () => this.#onStdoutRead())
    this.on('pipe', () => {
      this.#feeders += 1
    })
    this.on('unpipe', () => {
      this.#feeders -= 1
    })
    this.#deadline = new ExecDeadline(call, {
      onTimeout: (timeoutMs) => {
        const reason = `ran longer than its timeoutMs of ${timeoutMs}`
        this.#giveUp(this.#failure('ERR_FAKESSH_TIMEOUT', reason, undefined, true))
      },
      onAbort: (reason) => this.#giveUp(reason),
    })
    if (!this.#deadline.isOver) this.#open(opener, call)
  }

  override get pid(): number | undefined {
    return this.#info?.pid
  }

  override get cwd(): string | undefined {
    return this.#info?.cwd
  }

  override get refusedEnv(): readonly string[] {
    return this.#info?.refusedEnv ?? []
  }

  override get offsets(): { readonly stdout: number; readonly stderr: number } {
    const { stdout, stderr } = this.#offsets
    const waiting = (this.#stdout?.waitingBytes ?? 0) + this.readableLength
    return {
      stdout: this.#lastOffset ?? stdout.after(this.#stdoutBytes - waiting),
      stderr: stderr.after(this.stderr.bytes - this.stderr.waitingBytes),
    }
  }

  override get result(): Promise<ExecResult> {
    const { promise } = this.#outcome
    this.#discardUnreadStdout()
    return promise
  }

  override kill(signal: NodeJS.Signals = 'SIGTERM', options: KillOptions = {}): Promise<boolean> {
    const withdrawal = new AbortController()
    const killing = this.#kill(signal, options, withdrawal.signal)
    const delivered = within(killing, ANSWER_TIMEOUT_MS, () => {
      // What has not been sent by now never is.
      withdrawal.abort()
      throw this.#failure('ERR_FAKESSH_TIMEOUT', `no answer to ${signal} within ${ANSWER_TIMEOUT_MS} ms`)
    })
    // `proc.kill()` is often not waited for.
    delivered.catch(() => {})
    return delivered
  }

  override detach(): void {
    if (this.jobId === undefined) throw invalidArgument('detach', 'a durable exec', 'another one')
    this.destroy()
  }

  override _read(): void {
    this.#stdout?.pull()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#stdin.write(chunk, callback)
  }

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this.#stdin.writev(chunks, callback)
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#stdin.final(callback)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Made only where somebody gets it: with its stack, an error costs more than the rest of this.
    let made: FakeSshError | undefined
    const failure = () => {
      const reason = 'the stream was destroyed before the command ended'
      made ??= this.#failure('ERR_FAKESSH_CLOSED', reason, error)
      return made
    }
    if (!this.#outcome.isSettled) this.#outcome.reject(failure())
    this.#lastOffset = this.offsets.stdout
    this.#decide()
    this.#deadline.stop()
    this.#channel?.abort()
    this.#stdout?.discard()
    this.#stdin.release(() => error ?? failure())
    // Once the command has ended, stderr has its own life, and may still be read.
    if (!this.#hasExited) this.stderr.destroy(error ?? undefined)
    callback(error)
  }

  #open(opener: ChannelOpener, { params, durable }: ExecCall): void {
    const handler: DurableHandler = {
      onOpened: (info) => this.#onOpened(info, durable?.kind === 'attach'),
      onData: (stream, bytes) => this.#onData(stream, bytes),
      onEof: (stream) => this.#onEof(stream),
      onExit: (exit) => this.#onExit(exit),
      onClosed: (error) => this.#onClosed(error),
      onGap: (gap) => {
        this.#gaps.push(gap)
        this.#offsets[gap.stream].onGap(gap)
        this.emit('gap', gap)
      },
    }
    try {
      if (durable !== undefined) this.#durable = new DurableChannel(opener, durable, handler)
      const windows = [STDOUT_WINDOW_BYTES, STDERR_WINDOW_BYTES]
      const channel = this.#durable ?? opener.open('exec', params, windows, handler)
      this.#channel = channel
      this.#stdout = new Inbound(channel, STDOUT, this)
      this.stderr.attach(channel)
    } catch (error) {
      queueMicrotask(() => this.#fail(this.#failureOf(error)))
    }
  }

  #onOpened(info: JsonObject, isAttach: boolean): void {
    try {
      this.#info = parseExecInfo(info)
      const job = isAttach ? parseJobInfo(info) : undefined
      if (job?.command !== undefined) this.#command = escapeText(job.command)
      if (job?.stdinEnded === true) this.#stdin.onCommandEnded()
    } catch (error) {
      this.#fail(this.#failureOf(error))
      return
    }
    if (this.#channel !== undefined) this.#stdin.open(this.#channel)
    this.#decide()
    const { pid, cwd, shell, refusedEnv = [] } = this.#info
    this.emit('spawn', { pid, cwd, shell, refusedEnv })
  }

  #onData(stream: number, bytes: Uint8Array): void {
    if (stream === STDERR) {
      this.stderr.accept(bytes)
      return
    }
    this.#stdoutBytes += bytes.length
    this.#stdout?.accept(bytes)
    this.#discardUnreadStdout()
  }

  #onEof(stream: number): void {
    this.#ended.add(stream)
    if (stream === STDERR) this.stderr.finish()
    else this.#stdout?.finish()
  }

  #onExit(exit: ExitMessage): void {
    if ('error' in exit) {
      this.#fail(this.#failure(escapeText(exit.error.code), escapeText(exit.error.message)))
      return
    }
    const isWhole = this.#ended.has(STDOUT) && this.#ended.has(STDERR)
    if (!isWhole || (exit.exitCode === null) === (exit.signal === null)) {
      this.#fail(this.#failure('ERR_FAKESSH_PROTOCOL', 'the server sent an exit that is not one'))
      return
    }
    this.#hasExited = true
    const { refusedEnv } = this
    const { cwd = '/', shell } = this.#info ?? {}
    const result: ExecResult = {
      ...this.#facts(false),
      exitCode: exit.exitCode,
      signal: exit.signal === null ? null : escapeText(exit.signal),
      stdinBytes: exit.stdinBytes,
      stdioLeaked: exit.stdioLeaked,
      gaps: this.#gaps,
      stdoutDiscarded: this.#isStdoutDiscarded,
      stderrDiscarded: this.stderr.isDiscarded,
      // Only a shell moves; of anything else EXIT says where its session is.
      cwd: shell === undefined ? cwd : (exit.cwd ?? cwd),
      refusedEnv,
      timedOut: false,
    }
    this.#deadline.stop()
    this.#stdin.onCommandEnded()
    this.#channel?.abort()
    this.#onResult(result, exit.cwd)
    this.#outcome.resolve(result)
    this.emit('exit', result)
    this.#onStdoutRead()
  }

  /** Refused, lost, or closed by the server without an exit; after an exit it is only the end of the channel. */
  #onClosed(error: FakeSshError | undefined): void {
    if (!this.#outcome.isSettled) {
      const reason = 'the server closed the exec without saying how it ended'
      this.#fail(
        error === undefined ? this.#failure('ERR_FAKESSH_CANCELLED', reason) : this.#failureOf(error),
      )
    }
    this.#channel?.close()
  }

  /** Once the command has ended and its stdout was delivered, or given up, nothing is lost by ending stdin, and then all. */
  #onStdoutRead(): void {
    if (!this.#hasExited || !(this.readableEnded || this.#isStdoutDiscarded)) return
    this.#stdin.release(() => brokenPipe(this.#command))
    if (this.#isStdoutDiscarded || this.writableFinished) this.destroy()
    else if (this.writableEnded || this.destroyed) return
    // Whoever still feeds the command learns that it took no more, also when no write is pending just now.
    else if (this.#feeders > 0) this.destroy(brokenPipe(this.#command))
    else this.end()
  }

  #discardUnreadStdout(): void {
    if (!this.#outcome.isTouched || this.#isStdoutDiscarded || this.destroyed) return
    if (!isOverdue(this, this.#stdout, STDOUT_WINDOW_BYTES)) return
    this.#isStdoutDiscarded = true
    this.#stdout?.discard()
    this.#onStdoutRead()
  }

  async #kill(signal: NodeJS.Signals, options: KillOptions, withdrawal: AbortSignal): Promise<boolean> {
    const params = killParams(signal, options)
    await this.#decided
    const channel = this.#channel
    if (channel === undefined || this.#outcome.isSettled || withdrawal.aborted) return false
    try {
      const asked = this.#durable?.request('signal', params, withdrawal) ?? channel.request('signal', params)
      return parseSignalInfo(await asked).delivered
    } catch (error) {
      if (this.#outcome.isSettled) return false
      throw error
    }
  }

  /** The caller wants the command to end. To destroy the stream does that, except for a job, which would go on. */
  #giveUp(reason: unknown): void {
    if (!this.#outcome.isSettled) this.#durable?.kill()
    this.#fail(reason)
  }

  /** The exec is not proved to have ended: tells `result`, and the streams. */
  #fail(reason: unknown): void {
    if (!this.#outcome.reject(reason)) return
    const cause = { op: 'exec', cause: reason }
    this.destroy(
      reason instanceof Error
        ? reason
        : new FakeSshError('ERR_FAKESSH_CANCELLED', 'the exec was aborted', cause),
    )
  }

  #failureOf(error: unknown): FakeSshError {
    if (FakeSshError.is(error)) return this.#failure(error.code, error.message, error)
    return this.#failure('ERR_FAKESSH_INTERNAL', 'it could not be started', error)
  }

  #failure(code: string, reason: string, cause?: unknown, timedOut = false): FakeSshError {
    const host = this.#channel?.peerLabel
    return execFailure(code, reason, this.#facts(timedOut), { host, ...(cause == null ? {} : { cause }) })
  }

  #facts<TimedOut extends boolean>(timedOut: TimedOut): ExecErrorFacts & { timedOut: TimedOut } {
    return {
      command: this.#command,
      exitCode: null,
      signal: null,
      stdoutBytes: this.#stdoutBytes,
      stderrBytes: this.stderr.bytes,
      durationMs: performance.now() - this.#startedAt,
      timedOut,
    }
  }
}
