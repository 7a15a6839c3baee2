/** The channels of a connection: numbering, limits, and what each channel frame does to its channel. */
import { FakeSshError, ProtocolError } from '../errors.js'
import { ChannelRecord, type Taken } from './channel-record.js'
import type { ChannelFrame } from './channel-states.js'
import { type Crc32, MAX_CHANNEL_ID } from './constants.js'
import { parseObject, validate } from './control-codec.js'
import type { CoreEvent } from './core-events.js'
import type { FrameHeader } from './frame.js'
import { encodeJsonFrame } from './frame.js'
import type { Outbox } from './outbox.js'
import type { WindowGrowth } from './window-growth.js'

export interface ChannelTableOptions {
  readonly side: 'dialer' | 'listener'
  /** Channels the peer may hold open at once, as our HELLO says. */
  readonly maxChannels: number
  /** Our first channel id, so that a test can come to the last one. */
  readonly firstId?: number | undefined
}

export class ChannelTable {
  readonly #channels = new Map<number, ChannelRecord>()
  readonly #crc32: Crc32
  readonly #outbox: Outbox
  readonly #growth: WindowGrowth
  readonly #maxChannels: number
  readonly #remoteParity: number
  #nextId: number
  #lastRemoteId = 0
  #remoteOpen = 0
  /** Set while the peer's OPENs are refused because the connection is draining. */
  isDraining = false
  /** Queued sends that were dropped; the driver tells them and empties the list. */
  readonly dropped: Taken[] = []

  constructor(crc32: Crc32, outbox: Outbox, growth: WindowGrowth, options: ChannelTableOptions) {
    this.#crc32 = crc32
    this.#outbox = outbox
    this.#growth = growth
    this.#maxChannels = options.maxChannels
    this.#nextId = options.firstId ?? (options.side === 'dialer' ? 1 : 2)
    this.#remoteParity = options.side === 'dialer' ? 0 : 1
  }

  get size(): number {
    return this.#channels.size
  }

  /** Those that are more than an OPEN of ours nobody has answered. */
  get running(): number {
    return [...this.#channels.values()].filter(({ state }) => state !== 'opening').length
  }

  find(id: number): ChannelRecord | undefined {
    return this.#channels.get(id)
  }

  /** Opens a channel of ours; the caller has checked the peer's limit. Throws FakeSshError ERR_FAKESSH_LIMIT. */
  open(kind: string, params: object, windows: readonly number[]): number {
    const id = this.#nextId
    if (id > MAX_CHANNEL_ID) {
      throw new FakeSshError(
        'ERR_FAKESSH_LIMIT',
        'this connection has used up its channel ids; open a new one',
      )
    }
    this.#outbox.pushControl(encodeJsonFrame(this.#crc32, 'OPEN', id, { kind, params, windows }))
    this.#nextId += 2
    this.#channels.set(id, new ChannelRecord(id, kind, 'local', windows))
    return id
  }

  /** Forgets a channel that both sides have closed. */
  remove(channel: ChannelRecord): void {
    this.dropped.push(...channel.dropQueued())
    for (const { window } of channel.receiving) this.#growth.release(window)
    if (this.#channels.delete(channel.id) && channel.openedBy === 'remote') this.#remoteOpen -= 1
  }

  /** Forgets all channels: the connection is over. */
  clear(): void {
    for (const channel of [...this.#channels.values()]) this.remove(channel)
  }

  /** Before the payload is read: is the frame allowed on its channel? Moves the state of DATA at once, since it comes in pieces. */
  checkHeader(header: FrameHeader): void {
    if (header.name === 'OPEN') return
    const channel = this.#known(header)
    if (channel === undefined) return
    if (header.name === 'DATA') {
      channel.onReceived('DATA')
      channel.receiveHalf(header.stream).onDataHeader(header.length)
      if (header.payloadCheck !== 0 && !this.#outbox.isCheckingStreams)
        throw new ProtocolError('a DATA frame carries no payload check')
    }
  }

  /** A piece of DATA. Undefined when the channel has no use for it. */
  onData(header: FrameHeader, bytes: Uint8Array): CoreEvent | undefined {
    // Only a CLOSE may be for a channel that is gone, and a channel is not gone in the middle of its DATA.
    const channel = this.#known(header) as ChannelRecord
    const half = channel.receiveHalf(header.stream)
    if (this.#outbox.isCheckingStreams) half.onCheckedData(bytes, this.#crc32, header.payloadCheck)
    else half.onData(bytes)
    if (channel.state !== 'open') return undefined
    return { type: 'data', channel: channel.id, stream: header.stream, bytes }
  }

  /** Bytes that a `data` event brought were taken, or discarded. The window becomes wider by `widerBy`. */
  onBytesConsumed(id: number, stream: number, bytes: number, widerBy: number): void {
    const channel = this.find(id)
    const half = channel?.receiving[stream]
    if (channel?.state !== 'open' || half === undefined) return
    half.window.grow(widerBy)
    if (!half.hasEnded) this.#growth.consider(half.window)
    if (half.window.onConsumed(bytes) && !half.hasEnded) this.#outbox.setWindowDue(channel, half)
    if (half.isDone) this.#growth.release(half.window)
  }

  /** Any other frame of a channel. */
  onFrame(header: FrameHeader, payload: Uint8Array): CoreEvent | undefined {
    if (header.name === 'OPEN') return this.#onOpen(header.channel, payload)
    const channel = this.#known(header)
    if (channel === undefined) return undefined
    const wasOpen = channel.state === 'open'
    channel.onReceived(header.name as ChannelFrame)
    const id = channel.id
    switch (header.name) {
      case 'OPEN_OK': {
        const message = validate('OPEN_OK', 'openOk', parseObject('OPEN_OK', payload))
        channel.setSendWindows(message.windows)
        return channel.state === 'open'
          ? { type: 'channel-opened', channel: id, info: message.info }
          : undefined
      }
      case 'OPEN_FAIL': {
        const { code, message } = validate('OPEN_FAIL', 'openFail', parseObject('OPEN_FAIL', payload))
        this.remove(channel)
        return { type: 'channel-refused', channel: id, code, message }
      }
      case 'CLOSE':
        this.dropped.push(...channel.dropQueued())
        if (channel.state !== 'closed') return { type: 'channel-closed-by-peer', channel: id }
        this.remove(channel)
        return { type: 'channel-closed', channel: id }
      case 'EOF':
        return this.#onEof(channel, header.stream, payload, wasOpen)
      case 'WINDOW':
        return wasOpen ? this.#onWindow(channel, header.stream, payload) : undefined
      default:
        return this.#onMessage(channel, header, payload, wasOpen)
    }
  }

  #onEof(
    channel: ChannelRecord,
    stream: number,
    payload: Uint8Array,
    wasOpen: boolean,
  ): CoreEvent | undefined {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
    const half = channel.receiveHalf(stream)
    half.onEof(Number(view.getBigUint64(0)), view.getUint32(8))
    if (half.isDone) this.#growth.release(half.window)
    return wasOpen ? { type: 'eof', channel: channel.id, stream } : undefined
  }

  #onWindow(channel: ChannelRecord, stream: number, payload: Uint8Array): CoreEvent {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
    const half = channel.sendHalf(stream)
    half.window.onUpdate(Number(view.getBigUint64(0)), Number(view.getBigUint64(8)))
    this.#outbox.schedule(half)
    return { type: 'acknowledged', channel: channel.id, stream, consumed: half.window.acknowledged }
  }

  #onMessage(
    channel: ChannelRecord,
    header: FrameHeader,
    payload: Uint8Array,
    wasOpen: boolean,
  ): CoreEvent | undefined {
    const id = channel.id
    const object = parseObject(header.name, payload)
    if (header.name === 'REQUEST') {
      const request = validate('REQUEST', 'request', object)
      if (request.id !== channel.lastRemoteRequestId + 1) {
        throw new ProtocolError(`REQUEST id: expected ${channel.lastRemoteRequestId + 1}, got ${request.id}`)
      }
      channel.lastRemoteRequestId = request.id
      return wasOpen
        ? { type: 'request', channel: id, id: request.id, request: request.type, params: request.params }
        : undefined
    }
    if (header.name === 'REPLY') {
      const reply = validate('REPLY', 'reply', object)
      if (!channel.pendingRequests.delete(reply.id))
        throw new ProtocolError(`REPLY to request ${reply.id}, which is not open`)
      return wasOpen ? { type: 'reply', channel: id, reply } : undefined
    }
    if (header.name === 'EXIT') {
      const exit = validate('EXIT', 'exit', object)
      return wasOpen ? { type: 'exit', channel: id, exit } : undefined
    }
    const commit = validate('COMMIT', 'commit', object)
    return wasOpen ? { type: 'commit', channel: id, commit } : undefined
  }

  #onOpen(id: number, payload: Uint8Array): CoreEvent | undefined {
    if (id % 2 !== this.#remoteParity || id <= this.#lastRemoteId) {
      throw new ProtocolError(
        `OPEN of channel ${id}: expected an unused ${this.#remoteParity === 1 ? 'odd' : 'even'} id above ${this.#lastRemoteId}`,
      )
    }
    const { kind, params, windows } = validate('OPEN', 'open', parseObject('OPEN', payload))
    this.#lastRemoteId = id
    if (this.isDraining) {
      this.#refuse(id, 'ERR_FAKESSH_SHUTDOWN', 'the connection is closing and takes no new operations')
      return undefined
    }
    if (this.#remoteOpen >= this.#maxChannels) {
      this.#refuse(id, 'ERR_FAKESSH_LIMIT', `maxChannels is ${this.#maxChannels}, and as many are open`)
      return undefined
    }
    const channel = new ChannelRecord(id, kind, 'remote', [])
    channel.setSendWindows(windows)
    this.#channels.set(id, channel)
    this.#remoteOpen += 1
    return { type: 'channel-requested', channel: id, kind, params }
  }

  #refuse(id: number, code: string, message: string): void {
    this.#outbox.pushControl(encodeJsonFrame(this.#crc32, 'OPEN_FAIL', id, { code, message }), true)
  }

  /** The channel of a frame; undefined for a CLOSE that crossed our OPEN_FAIL. */
  #known(header: FrameHeader): ChannelRecord | undefined {
    const channel = this.#channels.get(header.channel)
    if (channel !== undefined) return channel
    const isRemote = header.channel % 2 === this.#remoteParity
    const wasOpened = header.channel !== 0 && isRemote && header.channel <= this.#lastRemoteId
    if (header.name === 'CLOSE' && wasOpened) return undefined
    throw new ProtocolError(`${header.name} on channel ${header.channel}, which is not open`)
  }
}
