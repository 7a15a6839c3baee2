/**
 * One end of a connection without I/O: bytes in → events out, requests in → bytes out. No timers, promises or sockets.
 *
 * A driver calls `receive` with what came from the transport and acts on the events; calls the `send…` methods, `acceptChannel` and so on
 * for what it wants to say; and after either, writes what `take` gives until it is empty and calls everything in `dropped`.
 * `receive` never throws on what a peer sends: it reports `failed`, and what is queued then ends with a GOODBYE.
 */
import { ConnectionError, FakeSshError, ProtocolError } from '../errors.js'
import { escapeText } from '../escape.js'
import { AuthDialogue } from './auth-dialogue.js'
import type { ChannelRecord, Taken } from './channel-record.js'
import type { ChannelFrame } from './channel-states.js'
import { ChannelTable } from './channel-table.js'
import { CONNECTION_FRAMES, type ConnectionState, RECEIVABLE } from './connection-states.js'
import {
  type Crc32,
  type FrameName,
  GOODBYE_CHARACTERS,
  type GoodbyeCode,
  PREAUTH_FRAMES,
} from './constants.js'
import { parseObject, validate } from './control-codec.js'
import type { CoreEvent } from './core-events.js'
import { encodeFrame, encodeJsonFrame, type FrameHeader } from './frame.js'
import { FrameDecoder, type FrameSink } from './frame-decoder.js'
import { agree, type HelloOptions, makeHello } from './handshake.js'
import type { AuthReply, CommitMessage, ExitMessage, Hello, JsonObject, ReplyMessage } from './messages.js'
import { fitFailure, fitText } from './messages.js'
import { type Batch, Outbox } from './outbox.js'
import { RoundTrip } from './round-trip.js'
import { WindowGrowth } from './window-growth.js'

export interface CoreOptions extends HelloOptions {
  readonly side: 'dialer' | 'listener'
  readonly crc32: Crc32
  /** Monotonic milliseconds. */
  readonly now: () => number
}

export class ConnectionCore implements FrameSink {
  readonly #crc32: Crc32
  readonly #auth: AuthDialogue
  readonly #decoder: FrameDecoder
  readonly #outbox: Outbox
  readonly #channels: ChannelTable
  readonly #roundTrip: RoundTrip
  readonly #hello: Hello
  #state: ConnectionState = 'hello'
  #framesBeforeAuth = 0
  #events: CoreEvent[] = []

  constructor(options: CoreOptions) {
    this.#crc32 = options.crc32
    this.#auth = new AuthDialogue(options.role)
    this.#decoder = new FrameDecoder(options.crc32, options.maxFrameBytes)
    this.#outbox = new Outbox(options.crc32)
    this.#roundTrip = new RoundTrip(options.now)
    const growth = new WindowGrowth(options.now, this.#roundTrip)
    this.#channels = new ChannelTable(options.crc32, this.#outbox, growth, options)
    this.#hello = makeHello(options)
    this.#push('HELLO', 0, this.#hello)
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** Sends dropped since the driver last emptied this list; call each with `true`. */
  get dropped(): Taken[] {
    return this.#channels.dropped
  }

  /** Channels that are not closed yet, from either side. */
  get openChannels(): number {
    return this.#channels.size
  }

  /** Those of them that are more than an OPEN of ours nobody has answered. */
  get runningChannels(): number {
    return this.#channels.running
  }

  /** True until both sides have closed the channel. */
  hasChannel(id: number): boolean {
    return this.#channels.find(id) !== undefined
  }

  /** Total bytes the peer sent on a stream so far. */
  receivedBytes(id: number, stream: number): number {
    return this.#channels.find(id)?.receiving[stream]?.window.received ?? 0
  }

  get hasOutput(): boolean {
    return !this.#outbox.isEmpty
  }

  /** True when the peer lets more control frames pile up than a peer that reads ever could; give the connection up. */
  get isOutputOverfull(): boolean {
    return this.#outbox.isOverfull
  }

  /** The next bytes for the transport: control frames, then DATA up to about `targetBytes`. */
  take(targetBytes: number): Batch {
    return this.#outbox.take(targetBytes)
  }

  /** Bytes from the transport. The events are to be acted on in order. */
  receive(chunk: Uint8Array): CoreEvent[] {
    this.#events = []
    if (this.#state === 'closed') return this.#events
    try {
      this.#decoder.push(chunk, this)
    } catch (error) {
      this.#fail(error)
    }
    return this.#events
  }

  /** @internal This and the next two: the decoder's view of us. */
  onHeader(header: FrameHeader): void {
    if (this.#state === 'closed') throw new ProtocolError(`${header.name} after the connection was closed`)
    if (!RECEIVABLE[this.#state].has(header.name)) {
      throw new ProtocolError(`${header.name} is not allowed in state ${this.#state}`)
    }
    if (this.#state === 'hello' || this.#state === 'auth') {
      this.#framesBeforeAuth += 1
      if (this.#framesBeforeAuth > PREAUTH_FRAMES) {
        throw new ProtocolError(`more than ${PREAUTH_FRAMES} frames before authentication`)
      }
    }
    const isForConnection = CONNECTION_FRAMES.has(header.name)
    if (isForConnection !== (header.channel === 0)) {
      throw new ProtocolError(`${header.name} on channel ${header.channel}`)
    }
    if (!isForConnection) this.#channels.checkHeader(header)
  }

  onData(header: FrameHeader, piece: Uint8Array): void {
    this.#emit(this.#channels.onData(header, piece))
  }

  onFrame(header: FrameHeader, payload: Uint8Array): void {
    switch (header.name) {
      case 'PING':
        this.#outbox.setPong(payload)
        return
      case 'PONG':
        if (this.#roundTrip.onPong(payload)) this.sendPing()
        return
      case 'HELLO':
        this.#onHello(payload)
        return
      case 'AUTH':
        this.#onAuth(payload)
        return
      case 'GOODBYE':
        this.#onGoodbye(payload)
        return
      default:
        this.#emit(this.#channels.onFrame(header, payload))
    }
  }

  /** Client: offers a credential. May be called before the peer's HELLO came. */
  sendAuth(request: JsonObject): void {
    this.#push('AUTH', 0, request)
    this.#auth.asked()
  }

  /** Server: answers the credential that `auth-request` reported. */
  sendAuthReply(reply: AuthReply): void {
    if (this.#state !== 'auth') return
    this.#auth.answered()
    this.#push('AUTH', 0, reply)
    if (reply.status === 'success') this.#open()
  }

  sendPing(): void {
    if (this.#state !== 'closed')
      this.#outbox.pushControl(encodeFrame(this.#crc32, 'PING', 0, this.#roundTrip.ping()))
  }

  /** Says why the connection ends. After any code but `shutdown` the state is `closed`. */
  sendGoodbye(code: GoodbyeCode, message: string): void {
    if (this.#state === 'closed') return
    this.#push('GOODBYE', 0, { code, message: fitText(message, GOODBYE_CHARACTERS) })
    if (code === 'shutdown' && this.#state === 'open') this.#state = 'draining'
    this.#channels.isDraining = true
    if (code !== 'shutdown') this.close()
  }

  /** The transport is gone, or is to be given up: drops everything that is not a queued control frame. */
  close(): void {
    this.#state = 'closed'
    this.#outbox.clearStreams()
    this.#channels.clear()
  }

  /** Opens a channel. `windows[i]`: bytes we are ready to receive on stream `i`. */
  openChannel(kind: string, params: object, windows: readonly number[]): number {
    if (this.#state !== 'open') throw new FakeSshError('ERR_FAKESSH_CLOSED', 'the connection is not open')
    return this.#channels.open(kind, params, windows)
  }

  acceptChannel(id: number, info: JsonObject, windows: readonly number[]): void {
    const frame = encodeJsonFrame(this.#crc32, 'OPEN_OK', id, { info, windows })
    const channel = this.#sendable(id, 'OPEN_OK')
    if (channel === undefined) return
    channel.setReceiveWindows(windows)
    this.#outbox.pushControl(frame)
  }

  rejectChannel(id: number, code: string, message: string): void {
    const channel = this.#sendable(id, 'OPEN_FAIL')
    if (channel === undefined) return
    this.#push('OPEN_FAIL', id, fitFailure({ code, message }), true)
    this.#channels.remove(channel)
  }

  /**
   * Queues bytes on a stream. `taken` is called once; at once, with true, when the channel cannot send. `hasHeadroom`: the HEADER_BYTES
   * before `bytes` in their buffer are free for the header, so that the frame is one buffer.
   */
  sendData(id: number, stream: number, bytes: Uint8Array, taken: Taken, hasHeadroom = false): void {
    const channel = this.#channels.find(id)
    const half = channel?.sending[stream]
    if (channel?.canSend !== true || half?.eof !== 'none') this.dropped.push(taken)
    else if (bytes.length === 0) throw new RangeError('sendData: expected at least 1 byte, got 0')
    else {
      half.queue.push({ bytes, hasHeadroom, taken })
      this.#outbox.schedule(half)
    }
  }

  sendEof(id: number, stream: number): void {
    const channel = this.#channels.find(id)
    const half = channel?.sending[stream]
    if (channel?.canSend !== true || half?.eof !== 'none') return
    half.eof = 'queued'
    this.#outbox.schedule(half)
  }

  /** After what is queued on the channel, or, with `drop`, at once instead of it. */
  sendExit(id: number, exit: ExitMessage, drop = false): void {
    const channel = this.#channels.find(id)
    if (drop && channel?.canSend === true) this.dropped.push(...channel.dropQueued())
    this.#pushTail(id, 'EXIT', 'error' in exit ? { error: fitFailure(exit.error) } : exit)
  }

  sendCommit(id: number, commit: CommitMessage): void {
    this.#pushTail(id, 'COMMIT', 'error' in commit ? { error: fitFailure(commit.error) } : commit)
  }

  /** Sends a REQUEST and gives its id, or undefined when the channel cannot send. */
  sendRequest(id: number, type: string, params: JsonObject): number | undefined {
    const channel = this.#sendable(id, 'REQUEST')
    if (channel === undefined) return undefined
    const requestId = channel.nextRequestId
    this.#push('REQUEST', id, { id: requestId, type, params })
    channel.nextRequestId += 1
    channel.pendingRequests.add(requestId)
    return requestId
  }

  sendReply(id: number, reply: ReplyMessage): void {
    // Goes ahead of data, so also past a CLOSE that waits behind some.
    if (this.#channels.find(id)?.onSent('REPLY') !== true) return
    this.#push('REPLY', id, reply.ok ? reply : { ...reply, message: fitText(reply.message) }, true)
  }

  /** Bytes that a `data` event brought were taken, or discarded. The window becomes wider by `widerBy`. */
  onBytesConsumed(id: number, stream: number, bytes: number, widerBy = 0): void {
    this.#channels.onBytesConsumed(id, stream, bytes, widerBy)
  }

  /** Sends CLOSE after what is queued on the channel, or, with `drop`, at once instead of it. Idempotent. */
  closeChannel(id: number, drop: boolean): void {
    const channel = this.#channels.find(id)
    if (channel === undefined || channel.state === 'close-sent' || channel.state === 'pending') return
    if (drop || channel.state !== 'open') this.dropped.push(...channel.dropQueued())
    if (channel.isCloseQueued) return
    this.#outbox.pushTail(channel, 'CLOSE', encodeFrame(this.#crc32, 'CLOSE', id))
    if (channel.state === 'closed') this.#channels.remove(channel)
  }

  #pushTail(id: number, name: 'EXIT' | 'COMMIT', message: object): void {
    const channel = this.#channels.find(id)
    if (channel?.canSend !== true) return
    this.#outbox.pushTail(channel, name, encodeJsonFrame(this.#crc32, name, id, message))
  }

  /** The channel, moved on, if the frame may be sent on it now. */
  #sendable(id: number, name: ChannelFrame): ChannelRecord | undefined {
    const channel = this.#channels.find(id)
    return channel?.isCloseQueued === false && channel.onSent(name) ? channel : undefined
  }

  #push(name: Exclude<FrameName, 'DATA'>, channel: number, message: object, isAnswer = false): void {
    this.#outbox.pushControl(encodeJsonFrame(this.#crc32, name, channel, message), isAnswer)
  }

  #emit(event: CoreEvent | undefined): void {
    if (event !== undefined) this.#events.push(event)
  }

  #onHello(payload: Uint8Array): void {
    const agreement = agree(this.#hello, validate('HELLO', 'hello', parseObject('HELLO', payload)))
    this.#outbox.adopt(agreement)
    if (this.#outbox.isCheckingStreams) this.#decoder.holdData()
    this.#state = 'auth'
    this.#emit({ type: 'hello', agreement })
  }

  #onAuth(payload: Uint8Array): void {
    const event = this.#auth.receive(payload)
    if (event.type === 'auth-reply' && event.reply.status === 'success') this.#open()
    this.#emit(event)
  }

  #onGoodbye(payload: Uint8Array): void {
    const { code, message } = validate('GOODBYE', 'goodbye', parseObject('GOODBYE', payload))
    this.#emit({ type: 'goodbye', code, message: escapeText(message) })
    // Before authentication there is nothing that could finish first.
    const isGraceful = code === 'shutdown' && (this.#state === 'open' || this.#state === 'draining')
    if (!isGraceful) this.close()
    else {
      this.#state = 'draining'
      this.#channels.isDraining = true
    }
  }

  #open(): void {
    this.#state = 'open'
    this.#decoder.allowLargeFrames()
  }

  /** The peer broke a rule: say so, and report it as the last event. */
  #fail(cause: unknown): void {
    // After a GOODBYE whatever else was in the chunk is of no interest.
    if (this.#state === 'closed') return
    const error =
      cause instanceof ConnectionError
        ? cause
        : new ConnectionError('ERR_FAKESSH_INTERNAL', 'the protocol core failed', { cause })
    this.#emit({ type: 'failed', error })
    const code: GoodbyeCode = error.code === 'ERR_FAKESSH_VERSION' ? 'version' : 'protocol'
    this.sendGoodbye(code, error.message)
  }
}
