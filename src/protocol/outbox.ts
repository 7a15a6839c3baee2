/**
 * What waits to be sent, and in which order: control frames first, then DATA one frame at a time, round robin over the streams that
 * have bytes and credit (docs/protocol.md, section 6.6). Replies a peer could make us pile up (PONG, WINDOW) are kept once, as "due".
 */
import type { ChannelRecord, ReceiveHalf, SendHalf, TailFrame, Taken } from './channel-record.js'
import { CONTROL_QUEUE_BYTES, type Crc32, FEATURE_STREAM_CRC32 } from './constants.js'
import { encodeDataHeader, encodeDataInPlace, encodeEof, encodeFrame, encodeWindow } from './frame.js'
import type { Agreement } from './handshake.js'

/** The next bytes for the transport, in order, and whom to tell when they left. */
export interface Batch {
  readonly buffers: Uint8Array[]
  readonly bytes: number
  readonly taken: Taken[]
}

export class Outbox {
  readonly #crc32: Crc32
  /** Set once `stream-crc32` was agreed on. */
  isCheckingStreams = false
  /** Largest DATA payload the peer takes; known after its HELLO. */
  maxFrameBytes = 0
  #control: Uint8Array[] = []
  #controlBytes = 0
  /** Of those, what answers the peer. */
  #answerBytes = 0
  #pong: Uint8Array | undefined
  #windows: { readonly channel: ChannelRecord; readonly half: ReceiveHalf }[] = []
  #round: SendHalf[] = []

  constructor(crc32: Crc32) {
    this.#crc32 = crc32
  }

  /** The peer's HELLO came. */
  adopt({ maxFrameBytes, features }: Agreement): void {
    this.maxFrameBytes = maxFrameBytes
    this.isCheckingStreams = features.has(FEATURE_STREAM_CRC32)
  }

  /** Queues an encoded control frame. `isAnswer`: the peer made us send it, and could make us send any number. */
  pushControl(frame: Uint8Array, isAnswer = false): void {
    this.#control.push(frame)
    this.#controlBytes += frame.length
    if (isAnswer) this.#answerBytes += frame.length
  }

  /** True when more answers are queued than a peer that reads could ever cause. What we ask for of ourselves does not count. */
  get isOverfull(): boolean {
    return this.#answerBytes > CONTROL_QUEUE_BYTES
  }

  /** Answers a PING; only the newest answer is kept. */
  setPong(payload: Uint8Array): void {
    this.#pong = encodeFrame(this.#crc32, 'PONG', 0, payload)
  }

  setWindowDue(channel: ChannelRecord, half: ReceiveHalf): void {
    if (half.isWindowDue) return
    half.isWindowDue = true
    this.#windows.push({ channel, half })
  }

  /** Puts a stream into the round if a frame could be made of it. */
  schedule(half: SendHalf): void {
    if (half.isScheduled || !half.isReady) return
    half.isScheduled = true
    this.#round.push(half)
  }

  /** EXIT, COMMIT, CLOSE: now if the channel's streams are idle, else after them. The channel moves on when the frame goes. */
  pushTail(channel: ChannelRecord, name: TailFrame, frame: Uint8Array): void {
    channel.tail.push({ name, frame })
    for (const ready of channel.takeTail()) this.pushControl(ready)
  }

  /** True when `take` would give something. */
  get isEmpty(): boolean {
    return (
      this.#controlBytes === 0 &&
      this.#pong === undefined &&
      this.#windows.length === 0 &&
      this.#round.length === 0
    )
  }

  /** The next frames: all control frames, then whole DATA frames until `targetBytes` are reached. */
  take(targetBytes: number): Batch {
    const buffers: Uint8Array[] = this.#control
    let bytes = this.#controlBytes
    const taken: Taken[] = []
    this.#control = []
    this.#controlBytes = 0
    this.#answerBytes = 0
    if (this.#pong !== undefined) {
      buffers.push(this.#pong)
      bytes += this.#pong.length
      this.#pong = undefined
    }
    for (const { channel, half } of this.#windows.splice(0)) {
      half.isWindowDue = false
      if (channel.state !== 'open') continue
      const frame = encodeWindow(
        this.#crc32,
        channel.id,
        half.stream,
        half.window.consumed,
        half.window.limit,
      )
      buffers.push(frame)
      bytes += frame.length
    }
    while (bytes < targetBytes) {
      const half = this.#round.shift()
      if (half === undefined) break
      half.isScheduled = false
      bytes += this.#takeFrame(half, buffers, taken)
      this.schedule(half)
    }
    return { buffers, bytes, taken }
  }

  /** One DATA or EOF frame of a stream, and the channel's tail if that was the last of it. */
  #takeFrame(half: SendHalf, buffers: Uint8Array[], taken: Taken[]): number {
    const { channel } = half
    const first = half.queue[0]
    const start = buffers.length
    if (first === undefined) {
      if (half.eof !== 'queued') return 0
      half.eof = 'sent'
      buffers.push(encodeEof(this.#crc32, channel.id, half.stream, half.window.sent, half.crc))
    } else {
      const length = Math.min(first.bytes.length, half.window.available, this.maxFrameBytes)
      if (length === 0) return 0
      const piece = first.bytes.subarray(0, length)
      if (this.isCheckingStreams) half.crc = this.#crc32(piece, half.crc)
      const header = { stream: half.stream, channel: channel.id, length, payloadCheck: half.crc }
      if (first.hasHeadroom) buffers.push(encodeDataInPlace(this.#crc32, header, piece))
      else buffers.push(encodeDataHeader(this.#crc32, header), piece)
      half.window.onSent(length)
      if (length === first.bytes.length) {
        half.queue.shift()
        taken.push(first.taken)
      } else {
        first.bytes = first.bytes.subarray(length)
        // Before the rest there is now what has just been sent.
        first.hasHeadroom = false
      }
    }
    buffers.push(...channel.takeTail())
    let bytes = 0
    for (let i = start; i < buffers.length; i += 1) bytes += (buffers[i] as Uint8Array).length
    return bytes
  }

  /** Forgets everything but control frames that are already queued. */
  clearStreams(): void {
    for (const half of this.#round.splice(0)) half.isScheduled = false
    for (const { half } of this.#windows.splice(0)) half.isWindowDue = false
    this.#pong = undefined
  }
}
