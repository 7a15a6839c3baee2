/** What the core keeps of one channel: its state, and a half for each stream and direction. Pure data with its rules. */
import { ProtocolError } from '../errors.js'
import { type ChannelFrame, type ChannelState, nextChannelState } from './channel-states.js'
import type { Crc32 } from './constants.js'
import { ReceiveWindow, SendWindow } from './windows.js'

/** Called once when queued bytes left for the transport, or, with true, when they were dropped. */
export type Taken = (wasDropped: boolean) => void

interface Queued {
  bytes: Uint8Array
  /** The bytes before them in their buffer are free for a frame header. */
  hasHeadroom: boolean
  readonly taken: Taken
}

/** One stream we send. */
export class SendHalf {
  readonly window: SendWindow
  readonly queue: Queued[] = []
  /** CRC-32 of what was sent, where `stream-crc32` is in use; else it stays 0. */
  crc = 0
  eof: 'none' | 'queued' | 'sent' = 'none'
  /** True while the scheduler has it in its round. */
  isScheduled = false

  constructor(
    readonly channel: ChannelRecord,
    readonly stream: number,
    windowBytes: number,
  ) {
    this.window = new SendWindow(windowBytes)
  }

  /** True when a frame could be made now. */
  get isReady(): boolean {
    if (this.queue.length > 0) return this.window.available > 0
    return this.eof === 'queued'
  }

  /** True when nothing waits to be sent. */
  get isIdle(): boolean {
    return this.queue.length === 0 && this.eof !== 'queued'
  }
}

/** One stream we receive. */
export class ReceiveHalf {
  readonly window: ReceiveWindow
  crc = 0
  hasEnded = false
  /** True while a WINDOW frame is due. */
  isWindowDue = false

  constructor(
    readonly stream: number,
    windowBytes: number,
  ) {
    this.window = new ReceiveWindow(windowBytes)
  }

  /** A DATA frame of so many bytes begins. */
  onDataHeader(length: number): void {
    if (this.hasEnded) throw new ProtocolError(`DATA after EOF on stream ${this.stream}`)
    this.window.expect(length)
  }

  onData(bytes: Uint8Array): void {
    this.window.onReceived(bytes.length)
  }

  /** Whole DATA of a stream that is checked: `check` covers all that came before it too, so that none may be missing. */
  onCheckedData(bytes: Uint8Array, crc32: Crc32, check: number): void {
    this.onData(bytes)
    this.crc = crc32(bytes, this.crc)
    if (check !== this.crc)
      throw new ProtocolError(`DATA on stream ${this.stream}: the bytes that arrived are not those sent`)
  }

  /** True when nothing more will come and all that came was taken. */
  get isDone(): boolean {
    return this.hasEnded && this.window.consumed === this.window.received
  }

  onEof(bytes: number, crc: number): void {
    if (this.hasEnded) throw new ProtocolError(`a second EOF on stream ${this.stream}`)
    if (bytes !== this.window.received) {
      throw new ProtocolError(
        `EOF on stream ${this.stream}: the peer sent ${bytes} bytes, ${this.window.received} arrived`,
      )
    }
    if (crc !== this.crc)
      throw new ProtocolError(`EOF on stream ${this.stream}: the bytes that arrived are not those sent`)
    this.hasEnded = true
  }
}

/** Frames that wait for the data queued before them. */
export type TailFrame = 'EXIT' | 'COMMIT' | 'CLOSE'

export class ChannelRecord {
  state: ChannelState
  sending: SendHalf[] = []
  receiving: ReceiveHalf[] = []
  /** Encoded frames waiting for the data queued before them. */
  tail: { readonly name: TailFrame; readonly frame: Uint8Array }[] = []
  nextRequestId = 1
  /** Highest REQUEST id received: they count up. */
  lastRemoteRequestId = 0
  /** REQUESTs of ours that wait for a REPLY. */
  readonly pendingRequests = new Set<number>()

  constructor(
    readonly id: number,
    readonly kind: string,
    readonly openedBy: 'local' | 'remote',
    receiveWindows: readonly number[],
  ) {
    this.state = openedBy === 'local' ? 'opening' : 'pending'
    this.setReceiveWindows(receiveWindows)
  }

  /** Sets how much we take on each stream of the peer's. */
  setReceiveWindows(windows: readonly number[]): void {
    this.receiving = windows.map((bytes, stream) => new ReceiveHalf(stream, bytes))
  }

  /** Sets how much the peer takes on each stream of ours. */
  setSendWindows(windows: readonly number[]): void {
    this.sending = windows.map((bytes, stream) => new SendHalf(this, stream, bytes))
  }

  /** Moves on, or throws ProtocolError when the peer's frame is illegal here. */
  onReceived(frame: ChannelFrame): void {
    const next = nextChannelState(this.state, 'received', frame)
    if (next === undefined)
      throw new ProtocolError(`${frame} is not allowed on a channel in state ${this.state}`)
    this.state = next
  }

  /** Moves on and says true, or false when we may not send the frame here. */
  onSent(frame: ChannelFrame): boolean {
    const next = nextChannelState(this.state, 'sent', frame)
    if (next === undefined) return false
    this.state = next
    return true
  }

  /** The half for a stream of the peer's. */
  receiveHalf(stream: number): ReceiveHalf {
    const half = this.receiving[stream]
    if (half === undefined) throw new ProtocolError(`stream ${stream} was not offered on channel ${this.id}`)
    return half
  }

  /** The half for one of our streams, as the peer names it in WINDOW. */
  sendHalf(stream: number): SendHalf {
    const half = this.sending[stream]
    if (half === undefined)
      throw new ProtocolError(`WINDOW for stream ${stream}, which channel ${this.id} does not have`)
    return half
  }

  /** True when CLOSE waits for data: nothing may be queued behind it. */
  get isCloseQueued(): boolean {
    return this.tail.some(({ name }) => name === 'CLOSE')
  }

  /** True while something may still be queued on it. */
  get canSend(): boolean {
    return this.state === 'open' && !this.isCloseQueued
  }

  /** The tail, once the data before it has gone; the channel has then moved on. */
  takeTail(): Uint8Array[] {
    if (this.tail.length === 0 || !this.sending.every((half) => half.isIdle)) return []
    return this.tail.splice(0).map(({ name, frame }) => {
      this.onSent(name)
      return frame
    })
  }

  /** Forgets what is queued and gives back who waits for it. */
  dropQueued(): Taken[] {
    const dropped: Taken[] = []
    for (const half of this.sending) {
      for (const queued of half.queue.splice(0)) dropped.push(queued.taken)
      if (half.eof === 'queued') half.eof = 'none'
    }
    this.tail = []
    return dropped
  }
}
