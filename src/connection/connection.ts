/**
 * Drives the protocol core over a transport: reads, writes, timers, and the one registry of what is pending. When the connection ends,
 * for whatever reason, everything pending is told in the same turn.
 */
import { ConnectionError } from '../errors.js'
import { ConnectionCore } from '../protocol/connection-core.js'
import type { GoodbyeCode } from '../protocol/constants.js'
import type { CoreEvent } from '../protocol/core-events.js'
import type { Agreement } from '../protocol/handshake.js'
import type { AuthReply, AuthRequest, JsonObject } from '../protocol/messages.js'
import type { Transport } from '../transport/transport.js'
import { AuthExchange } from './auth-exchange.js'
import type { Channel, ChannelHandler } from './channel-handler.js'
import {
  type ConnectionHooks,
  type ConnectionOptions,
  DEFAULT_CONNECTION_OPTIONS,
  MEANS,
} from './connection-options.js'
import { Drain } from './drain.js'
import { endGracefully } from './end-gracefully.js'
import {
  errorOfEnding,
  errorOfFailure,
  errorOfGoodbye,
  lostConnection,
  neverStarted,
} from './ending-errors.js'
import { hearTransport } from './hear-transport.js'
import { KeepaliveTimer } from './keepalive-timer.js'
import { type ChannelHost, LiveChannel } from './live-channel.js'
import { OpenQueue } from './open-queue.js'
import { PendingOpen } from './pending-open.js'
import { Writer } from './writer.js'

export class Connection {
  readonly transport: Transport
  readonly #options: Required<Omit<ConnectionOptions, 'instance'>>
  readonly #hooks: ConnectionHooks
  readonly #core: ConnectionCore
  readonly #writer: Writer
  readonly #channels = new Map<number, LiveChannel>()
  readonly #queue = new OpenQueue()
  /** Runs once authenticated; until then the handshake's own bound holds. */
  #keepalive: KeepaliveTimer | undefined
  readonly #host: ChannelHost
  #handshakeTimer: NodeJS.Timeout | undefined
  #agreement: Agreement | undefined
  readonly #auth: AuthExchange
  #goodbye: { readonly code: string; readonly message: string } | undefined
  #isDispatching = false
  readonly #drain = new Drain()
  #isClosing = false
  #closing: Promise<void> | undefined
  #ended: ConnectionError | 'clean' | undefined
  readonly #gone: Promise<void>

  constructor(transport: Transport, options: ConnectionOptions, hooks: ConnectionHooks) {
    this.transport = transport
    this.#options = { ...DEFAULT_CONNECTION_OPTIONS, ...options }
    this.#hooks = hooks
    const { stream, side, tls } = transport
    this.#core = new ConnectionCore({ ...this.#options, side, isPlain: tls === undefined, ...MEANS })
    this.#auth = new AuthExchange(this.#core, this.#options.maxAuthFailures)
    this.#writer = new Writer(stream, this.#core)
    this.#writer.onProgress = () => this.#checkDrained()
    this.#host = {
      core: this.#core,
      peerLabel: transport.peer.label,
      schedule: () => this.#schedule(),
      forget: (channel: LiveChannel) => this.#forget(channel),
      onHandlerError: (error: unknown) => this.#hooks.onInternalError(error),
    }
    const { handshakeTimeoutMs } = this.#options
    this.#handshakeTimer = setTimeout(() => this.#handshakeTimedOut(), handshakeTimeoutMs).unref()
    this.#gone = new Promise((resolve) => {
      if (stream.closed) resolve()
      else stream.once('close', resolve)
    })
    if (stream.destroyed) queueMicrotask(() => this.#streamEnded(undefined))
    hearTransport(transport, {
      bytes: (chunk) => this.#receive(chunk),
      ended: (cause) => this.#streamEnded(cause),
    })
    this.#schedule()
  }

  get peerLabel(): string {
    return this.transport.peer.label
  }

  /** What both HELLOs settled; undefined before the peer's HELLO. */
  get agreement(): Agreement | undefined {
    return this.#agreement
  }

  /** True once authenticated and while operations may be started. */
  get isOpen(): boolean {
    return this.#core.state === 'open' && this.#ended === undefined && !this.#isClosing
  }

  /** True once the connection has ended; nothing is pending on it any more. */
  get isEnded(): boolean {
    return this.#ended !== undefined
  }

  /** Operations that are running or wait for a free channel. */
  get pendingOperations(): number {
    return this.#channels.size + this.#queue.length
  }

  /** Client: offers a credential. Settles with the server's answer; rejects when the connection ends first. */
  authenticate(request: JsonObject): Promise<AuthReply> {
    if (this.#ended !== undefined) return Promise.reject(this.#refusal())
    const reply = this.#auth.ask(request)
    this.#schedule()
    return reply
  }

  /**
   * Opens a channel, or queues the OPEN while as many are open as the peer allows. `windows[i]`: bytes the caller is ready to receive
   * on stream `i`. Every outcome reaches the handler.
   */
  open(kind: string, params: object, windows: readonly number[], handler: ChannelHandler): Channel {
    const channel = new LiveChannel(this.#host, kind, handler)
    if (!this.isOpen) {
      queueMicrotask(() => channel.settle(neverStarted(this.#refusal())))
      return channel
    }
    this.#queue.add(channel, this.#maxChannels, () => {
      if (!channel.open(params, windows)) return false
      this.#channels.set(channel.id, channel)
      this.#schedule()
      return true
    })
    return channel
  }

  /**
   * Graceful end: takes no new operations, lets running ones finish for `drainMs`, then fails what is left with ERR_FAKESSH_CLOSED
   * and closes. Settles within `drainMs` + 1,000 ms. Idempotent.
   */
  close(drainMs: number): Promise<void> {
    this.#isClosing = true
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  /** Ends at once; everything pending fails with the error. */
  destroy(error: ConnectionError): void {
    this.#end(error)
    this.transport.stream.destroy()
  }

  #receive(chunk: Uint8Array): void {
    if (this.#ended !== undefined) return
    this.#keepalive?.onReceived()
    this.#isDispatching = true
    try {
      for (const event of this.#core.receive(chunk)) {
        // What an earlier event made end is over: nothing is told after it.
        if (this.#ended !== undefined) break
        this.#dispatch(event)
      }
    } finally {
      this.#isDispatching = false
    }
    this.#flush()
  }

  #dispatch(event: CoreEvent): void {
    switch (event.type) {
      case 'hello':
        this.#agreement = event.agreement
        return
      case 'auth-request':
        void this.#verify(event.request)
        return
      case 'auth-reply':
        if (event.reply.status === 'success') this.#opened()
        this.#auth.onReply(event.reply)
        return
      case 'channel-requested':
        this.#onOpen(event.channel, event.kind, event.params)
        return
      case 'goodbye':
        this.#onGoodbye(event.code, event.message)
        return
      case 'failed':
        // The core has queued the GOODBYE that says why.
        this.#endAfterFlush(errorOfFailure(event.error, this.peerLabel))
        return
      default:
        this.#channels.get(event.channel)?.onEvent(event)
    }
  }

  #onOpen(id: number, kind: string, params: JsonObject): void {
    const channel = new LiveChannel(this.#host, kind, undefined)
    channel.assign(id, false)
    this.#channels.set(id, channel)
    try {
      this.#hooks.onOpen(new PendingOpen(this.#host, channel, params))
    } catch (error) {
      this.#core.rejectChannel(id, 'ERR_FAKESSH_INTERNAL', 'opening the channel failed')
      channel.fail(error)
    }
  }

  #onGoodbye(code: string, message: string): void {
    this.#goodbye = { code, message }
    if (this.#core.state === 'closed') {
      this.#end(errorOfGoodbye(code, message, this.peerLabel))
      this.transport.stream.destroy()
      return
    }
    this.#refuseQueued()
    for (const channel of [...this.#channels.values()]) channel.onDraining()
  }

  /** Server: has the credential verified and answers; after too many failures ends the connection. */
  async #verify(request: AuthRequest): Promise<void> {
    let isAccepted = false
    try {
      isAccepted = await this.#hooks.onAuthenticate(request)
    } catch (error) {
      this.#hooks.onInternalError(error)
    }
    if (this.#ended !== undefined) return
    const mayGoOn = this.#auth.answer(request, isAccepted)
    if (isAccepted) this.#opened()
    if (!mayGoOn) this.#endWith('auth-failed', 'too many failed attempts to authenticate')
    this.#schedule()
  }

  #opened(): void {
    clearTimeout(this.#handshakeTimer)
    this.#keepalive = new KeepaliveTimer(this.#options.keepaliveIntervalMs, {
      ping: () => {
        this.#core.sendPing()
        this.#flush()
      },
      dead: () => this.#endWith('keepalive-timeout', 'the peer stopped answering'),
    })
    this.#core.sendPing() // Nothing is on its way yet, so this measures the line.
    this.#hooks.onOpened?.()
  }

  #forget(channel: LiveChannel): void {
    // An aborted OPEN that was still waiting: nobody else will tell the handler.
    if (this.#queue.remove(channel)) queueMicrotask(() => channel.settle(undefined))
    else if (this.#channels.delete(channel.id) && channel.isOurs) this.#queue.release(this.#maxChannels)
    this.#checkDrained()
  }

  get #maxChannels(): number {
    return this.#agreement?.maxChannels ?? 0
  }

  #refuseQueued(): void {
    for (const channel of this.#queue.drain()) channel.settle(this.#refusal())
  }

  /** Why nothing can be started, or go on. */
  #refusal(): ConnectionError {
    if (this.#ended instanceof ConnectionError) return this.#ended
    if (!this.#isClosing && this.#goodbye !== undefined)
      return errorOfGoodbye(this.#goodbye.code, this.#goodbye.message, this.peerLabel)
    const message = this.#isClosing ? 'the connection was closed' : 'the connection is not authenticated yet'
    return new ConnectionError('ERR_FAKESSH_CLOSED', message, { host: this.peerLabel })
  }

  async #close(drainMs: number): Promise<void> {
    if (this.#ended === undefined && this.#core.state !== 'hello' && this.#core.state !== 'auth') {
      this.#core.sendGoodbye('shutdown', `the ${this.#options.role} is closing`)
      this.#refuseQueued()
      for (const channel of [...this.#channels.values()]) channel.onDraining()
      this.#schedule()
      this.#drain.start(drainMs)
      this.#checkDrained()
      await this.#drain.done
    }
    if (this.#ended === undefined) {
      this.#end('clean')
      endGracefully(this.transport.stream)
    }
    await this.#gone
  }

  /** Closing goes on once no channel is left and the last frame has been written, or the connection ended. */
  #checkDrained(): void {
    const isDrained = this.#core.openChannels === 0 && this.#writer.isIdle
    if (this.#ended !== undefined || isDrained) this.#drain.finish()
  }

  #schedule(): void {
    if (!this.#isDispatching) this.#writer.schedule()
  }

  #flush(): void {
    this.#writer.flush()
    if (this.#core.isOutputOverfull) this.#endWith('limit', 'the peer leaves too many control frames unread')
  }

  #handshakeTimedOut(): void {
    const message = `the handshake was not finished within ${this.#options.handshakeTimeoutMs} ms`
    this.#endWith('handshake-timeout', message)
  }

  /** Says why, then ends. */
  #endWith(code: GoodbyeCode, message: string): void {
    this.#core.sendGoodbye(code, message)
    this.#endAfterFlush(errorOfEnding(code, message, this.peerLabel))
  }

  #endAfterFlush(error: ConnectionError): void {
    this.#writer.writeLast()
    this.#end(error)
    endGracefully(this.transport.stream)
  }

  /** The byte stream ended. Clean if one side had said goodbye and nothing was running; an OPEN that crossed the goodbye was not. */
  #streamEnded(cause: Error | undefined): void {
    const wasMeant = this.#isClosing || this.#goodbye !== undefined
    if (wasMeant && this.#core.runningChannels === 0) this.#end('clean')
    else this.#end(lostConnection(this.peerLabel, cause, this.#goodbye !== undefined))
  }

  /** The one place where a connection ends. Everything pending is told before this returns. */
  #end(reason: ConnectionError | 'clean'): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    clearTimeout(this.#handshakeTimer)
    this.#keepalive?.stop()
    this.#core.close()
    const error = this.#refusal()
    for (const channel of this.#queue.drain()) channel.settle(neverStarted(error))
    for (const channel of [...this.#channels.values()]) channel.settle(error)
    this.#channels.clear()
    this.#auth.fail(error)
    this.#writer.stop()
    this.#checkDrained()
    this.#hooks.onEnded(reason === 'clean' ? undefined : reason)
  }
}
