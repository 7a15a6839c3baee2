/** One channel of a live connection: joins an operation's handler to the core. */
import { FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { ConnectionCore } from '../protocol/connection-core.js'
import type { CoreEvent } from '../protocol/core-events.js'
import type { CommitMessage, ExitMessage, JsonObject, ReplyMessage } from '../protocol/messages.js'
import type { Channel, ChannelHandler } from './channel-handler.js'

/** What a channel needs of its connection. */
export interface ChannelHost {
  readonly core: ConnectionCore
  readonly peerLabel: string
  /** Something was queued: write it at the end of this turn. */
  schedule(): void
  /** The channel ended on both sides. */
  forget(channel: LiveChannel): void
  /** A handler threw: our own failure, to be reported. */
  onHandlerError(error: unknown): void
}

/** REQUESTs of the peer worked on at once; more are refused, so that a flood costs no memory. */
const MAX_CONCURRENT_REQUESTS = 16

interface PendingRequest {
  readonly resolve: (info: JsonObject) => void
  readonly reject: (error: FakeSshError) => void
}

export class LiveChannel implements Channel {
  readonly kind: string
  /** Tells a PendingOpen that the peer, or the connection, did not wait for its decision. */
  onGoneWhilePending: (() => void) | undefined
  readonly #host: ChannelHost
  readonly #requests = new Map<number, PendingRequest>()
  #handler: ChannelHandler | undefined
  #id = 0
  #isOurs = false
  #isClosed = false
  #isSettled = false
  /** How it ended. */
  #error: FakeSshError | undefined
  #working = 0

  constructor(host: ChannelHost, kind: string, handler: ChannelHandler | undefined) {
    this.#host = host
    this.kind = kind
    this.#handler = handler
  }

  /** 0 while the OPEN waits for a free slot. */
  get id(): number {
    return this.#id
  }

  get peerLabel(): string {
    return this.#host.peerLabel
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** True when we opened it. */
  get isOurs(): boolean {
    return this.#isOurs
  }

  /** The OPEN went out, or came in, under this id. */
  assign(id: number, isOurs: boolean): void {
    this.#id = id
    this.#isOurs = isOurs
  }

  /** Sends the OPEN of a channel of ours. False when that is not possible; the handler is then told why in a moment. */
  open(params: object, windows: readonly number[]): boolean {
    try {
      this.assign(this.#host.core.openChannel(this.kind, params, windows), true)
      return true
    } catch (error) {
      const cause = FakeSshError.is(error) ? error : this.#closedError('the channel could not be opened')
      queueMicrotask(() => this.settle(cause))
      return false
    }
  }

  /** The operation takes over a channel the peer opened. If that is over already, it sets up first and hears of it in a moment. */
  attach(handler: ChannelHandler): void {
    this.#handler = handler
    if (this.#isSettled) queueMicrotask(() => this.#tellEnd())
  }

  send(
    stream: number,
    bytes: Uint8Array,
    taken: (error?: FakeSshError) => void,
    hasHeadroom?: boolean,
  ): void {
    const tell = (wasDropped: boolean) =>
      taken(wasDropped ? this.#closedError('the channel closed before the bytes were sent') : undefined)
    this.#host.core.sendData(this.#id, stream, bytes, tell, hasHeadroom)
    this.#host.schedule()
  }

  sendEof(stream: number): void {
    this.#host.core.sendEof(this.#id, stream)
    this.#host.schedule()
  }

  sendExit(exit: ExitMessage, drop?: boolean): void {
    this.#host.core.sendExit(this.#id, exit, drop)
    this.#host.schedule()
  }

  sendCommit(commit: CommitMessage): void {
    this.#host.core.sendCommit(this.#id, commit)
    this.#host.schedule()
  }

  async request(type: string, params: JsonObject): Promise<JsonObject> {
    const id = this.#isClosed ? undefined : this.#host.core.sendRequest(this.#id, type, params)
    if (id === undefined) throw this.#closedError(`the channel closed before the ${type} request was sent`)
    this.#host.schedule()
    return new Promise((resolve, reject) => this.#requests.set(id, { resolve, reject }))
  }

  consumed(stream: number, bytes: number, widerBy?: number): void {
    this.#host.core.onBytesConsumed(this.#id, stream, bytes, widerBy)
    this.#host.schedule()
  }

  received(stream: number): number {
    return this.#host.core.receivedBytes(this.#id, stream)
  }

  close(): void {
    this.#end(false)
  }

  abort(): void {
    this.#end(true)
  }

  #end(drop: boolean): void {
    this.#isClosed = true
    if (this.#id !== 0) this.#host.core.closeChannel(this.#id, drop)
    this.#host.schedule()
    // One whose end has not been told yet is kept until it is, even where the core has heard of it already. One that waits has no end.
    if (this.#isSettled || this.#id === 0) this.#forgetIfGone()
  }

  #forgetIfGone(): void {
    if (!this.#host.core.hasChannel(this.#id)) this.#host.forget(this)
  }

  /** An event of the core on this channel. */
  onEvent(event: CoreEvent): void {
    switch (event.type) {
      case 'data':
        this.#dispatch((handler) => handler.onData(event.stream, event.bytes))
        return
      case 'eof':
        this.#dispatch((handler) => handler.onEof(event.stream))
        return
      case 'acknowledged':
        this.#dispatch((handler) => handler.onAcknowledged?.(event.stream, event.consumed))
        return
      case 'channel-opened':
        this.#dispatch((handler) => handler.onOpened?.(event.info))
        return
      case 'exit':
        this.#dispatch((handler) => handler.onExit?.(event.exit))
        return
      case 'commit':
        this.#dispatch((handler) => handler.onCommit?.(event.commit))
        return
      case 'request':
        this.#onRequest(event.id, event.request, event.params)
        return
      case 'reply':
        this.#onReply(event.reply)
        return
      case 'channel-refused':
        this.settle(
          new FakeSshError(escapeText(event.code), escapeText(event.message), { host: this.peerLabel }),
        )
        this.#host.forget(this)
        return
      case 'channel-closed':
        this.settle(undefined)
        this.#host.forget(this)
        return
      case 'channel-closed-by-peer':
        this.settle(undefined)
        this.#forgetIfGone()
    }
  }

  /** One side said goodbye: no new operations. Channels that only hold something for others close themselves. */
  onDraining(): void {
    this.#dispatch((handler) => handler.onDraining?.())
  }

  /** Calls the handler. Its mistakes end the channel, never the process. */
  #dispatch(call: (handler: ChannelHandler) => void): void {
    if (this.#handler === undefined || this.#isSettled) return
    try {
      call(this.#handler)
    } catch (error) {
      this.fail(error)
    }
  }

  /** A mistake of our own ends the channel. */
  fail(cause: unknown): void {
    this.#host.onHandlerError(cause)
    this.abort()
    this.settle(new FakeSshError('ERR_FAKESSH_INTERNAL', 'handling the channel failed', { cause }))
    this.#forgetIfGone()
  }

  /** The peer's OPEN was refused: nobody is to be told of an end. */
  refused(): void {
    this.#isSettled ||= this.#handler === undefined
    this.close()
  }

  /** The end, told to the handler once. */
  settle(error: FakeSshError | undefined): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#isClosed = true
    this.#error = error
    if (this.#requests.size > 0) {
      const reason = error ?? this.#closedError('the peer closed the channel before it answered')
      for (const request of this.#requests.values()) request.reject(reason)
      this.#requests.clear()
    }
    this.#tellEnd()
  }

  #tellEnd(): void {
    try {
      if (this.#handler === undefined) this.onGoneWhilePending?.()
      else this.#handler.onClosed(this.#error)
    } catch (cause) {
      this.#host.onHandlerError(cause)
      this.abort()
    }
  }

  #onReply(reply: ReplyMessage): void {
    const request = this.#requests.get(reply.id)
    this.#requests.delete(reply.id)
    if (reply.ok) request?.resolve(reply.info)
    else
      request?.reject(
        new FakeSshError(escapeText(reply.code), escapeText(reply.message), { host: this.peerLabel }),
      )
  }

  #onRequest(id: number, type: string, params: JsonObject): void {
    const handler = this.#handler
    if (handler?.onRequest === undefined) {
      this.#refuse(id, 'ERR_FAKESSH_UNSUPPORTED', `a ${this.kind} channel takes no requests`)
    } else if (this.#working >= MAX_CONCURRENT_REQUESTS) {
      this.#refuse(id, 'ERR_FAKESSH_LIMIT', `at most ${MAX_CONCURRENT_REQUESTS} requests at once`)
    } else {
      this.#working += 1
      void this.#answer(id, async () => handler.onRequest?.(type, params) ?? {})
    }
  }

  async #answer(id: number, work: () => Promise<JsonObject>): Promise<void> {
    try {
      const info = await work()
      this.#host.core.sendReply(this.#id, { id, ok: true, info })
    } catch (error) {
      if (FakeSshError.is(error)) this.#refuse(id, error.code, error.message)
      else {
        this.#host.onHandlerError(error)
        this.#refuse(id, 'ERR_FAKESSH_INTERNAL', 'the request failed')
      }
    } finally {
      this.#working -= 1
      this.#host.schedule()
    }
  }

  #refuse(id: number, code: string, message: string): void {
    this.#host.core.sendReply(this.#id, { id, ok: false, code, message })
    this.#host.schedule()
  }

  #closedError(message: string): FakeSshError {
    return new FakeSshError('ERR_FAKESSH_CLOSED', message, { host: this.peerLabel })
  }
}
