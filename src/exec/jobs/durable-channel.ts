/**
 * The channel of a durable exec as its process sees it: one that outlives connections. Beneath it is one attachment to the job after the
 * other, each from where the one before was lost; bytes reach the handler once and in order, whichever brought them.
 */
import type { Channel, ChannelHandler } from '../../connection/channel-handler.js'
import type { ChannelOpener } from '../../connection/channel-opener.js'
import { ConnectionError, FakeSshError } from '../../errors.js'
import type { JsonObject } from '../../protocol/messages.js'
import { ANSWER_TIMEOUT_MS } from '../bounded-wait.js'
import { STDERR, STDIN, STDOUT } from '../messages.js'
import type { OutputGap } from '../output-gap.js'
import { DurableOutputs } from './durable-outputs.js'
import { DurableStdin } from './durable-stdin.js'
import type { OutputOffsets } from './job-attachment.js'
import { type JobOpenInfo, parseJobInfo } from './job-messages.js'
import { killLater } from './kill-later.js'
import { StartDoubt } from './start-doubt.js'

/** Which job, and how it is asked for first. */
export interface DurableCall {
  readonly kind: 'exec' | 'attach'
  readonly params: JsonObject
  readonly job: { readonly id: string; readonly holder: string } & OutputOffsets
}

export interface DurableHandler extends ChannelHandler {
  /** The server has dropped output. Told before what comes after it. */
  onGap(gap: OutputGap): void
}

interface Waiter {
  readonly resolve: (channel: Channel) => void
  readonly reject: (reason: unknown) => void
}

/** Signals that may arrive twice, where the answer to the first was lost. */
const REPEATABLE: ReadonlySet<unknown> = new Set(['SIGTERM', 'SIGKILL'])

/** What ends a job that is given up, as any exec that is. */
const KILL = { signal: 'SIGTERM', forceKillAfterMs: 2000 }

/** OPENs in a row that may be refused as if the connection had ended: it is about to end, or never will. */
const MAX_REFUSALS = 10

export class DurableChannel implements Channel {
  readonly id = 0
  readonly kind: string
  readonly #opener: ChannelOpener
  readonly #call: DurableCall
  readonly #handler: DurableHandler
  readonly #stdin = new DurableStdin()
  readonly #outputs: DurableOutputs
  readonly #waiters = new Set<Waiter>()
  readonly #giveUp = new AbortController()
  /** OPENs so far. */
  #attempts = 0
  /** The attachment there is, or that was asked for. */
  #channel: Channel | undefined
  #isAttached = false
  /** There was an attachment: the job exists. */
  #isStarted = false
  /** The server that may have started it. */
  #instance: string | undefined
  readonly #doubt = new StartDoubt()
  /** Why the last connection ended. */
  #lostBy: FakeSshError | undefined
  #peerLabel = ''
  /** OPENs in a row that were refused as if the connection had ended. */
  #refusals = 0
  #isClosed = false
  /** The job is to be ended, and the server has not answered yet. */
  #isKilling = false

  constructor(opener: ChannelOpener, call: DurableCall, handler: DurableHandler) {
    this.kind = call.kind
    this.#opener = opener
    this.#call = call
    this.#handler = handler
    this.#outputs = new DurableOutputs(call.job)
    this.#instance = opener.recovery?.instance
    this.#ask()
  }

  get peerLabel(): string {
    return this.#channel?.peerLabel ?? this.#peerLabel
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Offset of the next byte of an output, what was dropped counted in. */
  received(stream: number): number {
    return this.#outputs.offset(stream)
  }

  send(_stream: number, bytes: Uint8Array, taken: (error?: FakeSshError) => void): void {
    if (this.#isClosed) queueMicrotask(() => taken(closed()))
    else this.#stdin.write(bytes, taken)
  }

  sendEof(): void {
    this.#stdin.end()
  }

  /** A client sends none. */
  sendExit(): void {}

  /** An exec has none. */
  sendCommit(): void {}

  /**
   * Waits for an attachment where there is none, until `signal` is aborted. Asks again where the connection was lost meanwhile and that
   * does no harm.
   */
  async request(type: string, params: JsonObject, signal?: AbortSignal): Promise<JsonObject> {
    for (;;) {
      const channel = await this.#attached(signal)
      try {
        return await channel.request(type, params)
      } catch (error) {
        // Not what the peer says of a channel that lives.
        const canRepeat = REPEATABLE.has(params.signal) && !this.#isClosed && channel.isClosed
        if (!canRepeat || this.#opener.recovery?.isRecoverable(error) !== true) throw error
      }
    }
  }

  consumed(stream: number, bytes: number): void {
    const credit = this.#outputs.onTaken(stream, bytes)
    if (this.#isAttached) this.#giveCredit(stream, credit)
  }

  #giveCredit(stream: number, bytes: number): void {
    const wider = this.#outputs.takeWider(stream)
    if (bytes + wider > 0) this.#channel?.consumed(stream, bytes, wider)
  }

  close(): void {
    this.abort()
  }

  /** Detaches: the job goes on. */
  abort(): void {
    const isHandedOver = this.#stdin.isHandedOver
    this.#finish(closed())
    if (this.#isKilling) return
    // What was handed over counts as written, with its end, which may not have left yet.
    if (isHandedOver) this.#channel?.close()
    else this.#channel?.abort()
  }

  /** Ends the job; where there is no connection, on the next one. Nothing more reaches the handler. */
  kill(): void {
    this.#finish(closed())
    const channel = this.#channel
    if (channel === undefined || channel.id === 0) {
      // An OPEN that waits for a free channel is never sent.
      channel?.abort()
      this.#killLater()
      return
    }
    this.#isKilling = true
    // One that was asked for is killed when it is there.
    if (this.#isAttached) this.#sendKill()
    setTimeout(() => channel.abort(), ANSWER_TIMEOUT_MS).unref()
  }

  #sendKill(): void {
    const channel = this.#channel
    channel?.request('signal', KILL).then(
      () => {
        this.#isKilling = false
        channel.abort()
      },
      () => channel.abort(),
    )
  }

  #killLater(): void {
    if (this.#isStarted || this.#doubt.isThere) void killLater(this.#opener, this.#call.job.id, KILL)
  }

  /** The first time as it is called for; once the job is known to exist, from where its outputs are. */
  #ask(isAgain = false): void {
    const { kind, params, job } = this.#call
    this.#attempts += 1
    const attempt = this.#attempts
    const { id, holder } = job
    if (this.#isStarted) this.#open('attach', { job: id, holder, attempt, ...this.#outputs.offsets })
    else if (kind === 'attach') this.#open(kind, { ...params, attempt })
    else this.#open(kind, { ...params, job: { ...job, attempt, ...(isAgain && { again: true }) } })
  }

  #open(kind: string, params: JsonObject): void {
    const handler: ChannelHandler = {
      onOpened: (info) => this.#onOpened(info),
      onData: (stream, bytes) => {
        if (!this.#isClosed) this.#onData(stream, bytes)
        // Not where the job goes on: the server would take it for read.
        else if (this.#isKilling) this.#channel?.consumed(stream, bytes.length)
      },
      onEof: (stream) => {
        if (!this.#isClosed && this.#outputs.onEof(stream)) this.#handler.onEof(stream)
      },
      onAcknowledged: (stream, consumed) => {
        if (stream !== STDIN || this.#isClosed) return
        this.#stdin.onAcknowledged(consumed)
      },
      onExit: (exit) => {
        if (!this.#isClosed) this.#handler.onExit?.(exit)
      },
      onClosed: (error) => this.#onClosed(error),
    }
    try {
      this.#channel = this.#opener.open(kind, params, this.#outputs.offers(), handler)
      this.#peerLabel = this.#channel.peerLabel
    } catch (error) {
      queueMicrotask(() => this.#fail(error))
    }
  }

  #onOpened(info: JsonObject): void {
    this.#isAttached = true
    this.#refusals = 0
    if (this.#isClosed) {
      if (this.#isKilling) this.#sendKill()
      return
    }
    try {
      const job = parseJobInfo(info)
      if (job === undefined)
        throw new FakeSshError('ERR_FAKESSH_UNSUPPORTED', 'the server knows no durable execs')
      this.#onJob(job, info)
    } catch (error) {
      this.#fail(error)
    }
  }

  #onJob(job: JobOpenInfo, info: JsonObject): void {
    const isFirst = !this.#isStarted
    this.#isStarted = true
    this.#outputs.requireAtLeast(job)
    // Before anybody can write.
    if (this.#channel !== undefined) this.#stdin.attach(this.#channel, job.stdin, job.stdinEnded)
    if (isFirst) this.#handler.onOpened?.(info)
    for (const gap of this.#outputs.goOnFrom(job)) this.#handler.onGap(gap)
    // What was told may have closed it.
    if (this.#isClosed || this.#channel === undefined) return
    for (const stream of [STDOUT, STDERR]) this.#giveCredit(stream, 0)
    for (const { resolve } of this.#waiters) resolve(this.#channel)
    this.#waiters.clear()
  }

  #onData(stream: number, bytes: Uint8Array): void {
    if (this.#outputs.onArrived(stream, bytes.length)) this.#handler.onData(stream, bytes)
    else this.#fail(new FakeSshError('ERR_FAKESSH_PROTOCOL', 'the server sent output after its end'))
  }

  #onClosed(error: FakeSshError | undefined): void {
    // An OPEN that was not sent, or was refused, started nothing.
    if (this.#channel?.id !== 0 && ConnectionError.is(error)) this.#doubt.onLost(error)
    this.#channel?.close()
    this.#channel = undefined
    this.#isAttached = false
    if (this.#isClosed) {
      if (!this.#isKilling || this.#opener.recovery?.isRecoverable(error) !== true) return
      this.#isKilling = false
      this.#killLater()
      return
    }
    this.#stdin.detach()
    if (error === undefined || this.#opener.recovery?.isRecoverable(error) !== true)
      this.#end(error && this.#doubt.endingOf(error))
    else this.#carryOn(error).catch((reason) => this.#fail(reason))
  }

  /** Waits for another connection, and goes on there. Rejects when that must not be. */
  async #carryOn(error: FakeSshError): Promise<void> {
    this.#lostBy = error
    const ending = this.#doubt.endingOf(error)
    const { recovery } = this.#opener
    // How often connections are made is the link's to bound; it cannot bound what is asked on one that lives.
    if (!ConnectionError.is(error)) this.#refusals += 1
    if (recovery === undefined || this.#refusals > MAX_REFUSALS) throw ending
    await recovery.whenOpen(this.#giveUp.signal)
    if (this.#isClosed) return
    if (this.#isStarted) return this.#ask()
    const wasHeard = this.#doubt.isThere
    if (!wasHeard) this.#instance = recovery.instance
    const isSameServer = recovery.instance !== undefined && recovery.instance === this.#instance
    // The command may have run, on a server of which nothing can be learned any more.
    if (this.kind === 'exec' && wasHeard && !isSameServer) throw ending
    this.#ask(wasHeard)
  }

  #attached(signal: AbortSignal | undefined): Promise<Channel> {
    if (this.#isClosed) return Promise.reject(closed())
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    if (this.#isAttached && this.#channel !== undefined) return Promise.resolve(this.#channel)
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject }
      this.#waiters.add(waiter)
      signal?.addEventListener('abort', () => this.#waiters.delete(waiter) && reject(signal.reason))
    })
  }

  /** A failure that is not of the connection. */
  #fail(reason: unknown): void {
    if (this.#isClosed) return
    this.#channel?.abort()
    const message = 'the durable exec cannot go on'
    this.#end(
      FakeSshError.is(reason) ? reason : new FakeSshError('ERR_FAKESSH_INTERNAL', message, { cause: reason }),
    )
  }

  #end(error: FakeSshError | undefined): void {
    this.#finish(error ?? closed())
    const isLostJob = error?.code === 'ERR_FAKESSH_NO_JOB' && this.#lostBy !== undefined
    this.#handler.onClosed(
      isLostJob ? new FakeSshError(error.code, error.message, { cause: this.#lostBy }) : error,
    )
  }

  #finish(error: FakeSshError): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#giveUp.abort()
    for (const { reject } of this.#waiters) reject(error)
    this.#waiters.clear()
    this.#stdin.release(() => error)
  }
}

function closed(): FakeSshError {
  return new FakeSshError('ERR_FAKESSH_CLOSED', 'the attachment to the job was closed')
}
