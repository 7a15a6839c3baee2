/**
 * One stream of a channel on its way into a Node Readable. Pulls: bytes wait here, inside the window, until `_read` asks for them, and
 * only what was handed to the Readable is credited. So a reader that stops stops the far writer, and memory stays within the window.
 */
import type { Readable } from 'node:stream'
import type { Channel } from '../connection/channel-handler.js'

/** `highWaterMark` for Readables fed from here: what is credited ahead of the consumer, in bytes. */
export const READABLE_HIGH_WATER_MARK = 65_536

/**
 * Pieces below the first size that have to wait are copied into buffers of the second: a piece is a view that keeps the whole chunk it came
 * in, so a peer that sends its window byte by byte would make us keep a hundred times as much.
 */
const SMALL_BYTES = 4_096
const JOINED_BYTES = 16_384

export class Inbound {
  readonly #channel: Channel
  readonly #stream: number
  readonly #readable: Readable
  readonly #queue: Uint8Array[] = []
  #waitingBytes = 0
  /** The buffer at the end of the queue that small pieces are still copied into. */
  #joint: Uint8Array | undefined
  #jointBytes = 0
  #isWanted = false
  #isFinished = false
  #isDiscarding = false

  constructor(channel: Channel, stream: number, readable: Readable) {
    this.#channel = channel
    this.#stream = stream
    this.#readable = readable
  }

  /** Bytes that arrived and wait for `_read`. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** True once bytes are thrown away instead of kept. */
  get isDiscarding(): boolean {
    return this.#isDiscarding
  }

  /** For `onData`. */
  accept(bytes: Uint8Array): void {
    if (this.#isDiscarding) {
      this.#channel.consumed(this.#stream, bytes.length)
      return
    }
    this.#waitingBytes += bytes.length
    this.#keep(bytes)
    if (this.#isWanted) this.pull()
  }

  #keep(bytes: Uint8Array): void {
    if (this.#isWanted || bytes.length >= SMALL_BYTES) {
      this.#joint = undefined
      this.#queue.push(bytes)
      return
    }
    const end = this.#jointBytes + bytes.length
    if (this.#joint === undefined || end > JOINED_BYTES) {
      this.#joint = new Uint8Array(JOINED_BYTES)
      this.#jointBytes = 0
      this.#queue.push(this.#joint)
    }
    this.#joint.set(bytes, this.#jointBytes)
    this.#jointBytes += bytes.length
    this.#queue[this.#queue.length - 1] = this.#joint.subarray(0, this.#jointBytes)
  }

  /** For `_read`. */
  pull(): void {
    this.#isWanted = true
    while (this.#isWanted) {
      const bytes = this.#queue.shift()
      if (bytes === undefined) break
      if (this.#queue.length === 0) this.#joint = undefined
      this.#waitingBytes -= bytes.length
      this.#isWanted = this.#readable.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
      this.#channel.consumed(this.#stream, bytes.length)
    }
    this.#endWhenEmpty()
  }

  /** Nothing more will be accepted: the Readable ends once it has taken what waits. */
  finish(): void {
    this.#isFinished = true
    this.#endWhenEmpty()
  }

  /** Throws away what waits and what still comes, giving credit for it at once. */
  discard(): void {
    this.#isDiscarding = true
    this.#queue.length = 0
    this.#joint = undefined
    if (this.#waitingBytes > 0) this.#channel.consumed(this.#stream, this.#waitingBytes)
    this.#waitingBytes = 0
  }

  #endWhenEmpty(): void {
    if (!this.#isFinished || this.#queue.length > 0 || this.#isDiscarding) return
    this.#isFinished = false
    this.#readable.push(null)
  }
}
