/**
 * One stream of a channel on its way into a Node Readable. Pulls: bytes wait here, inside the window, until `_read` asks for them, and
 * only what was handed to the Readable is credited. So a reader that stops stops the far writer, and memory stays within the window.
 *
 * What arrives in one turn of the event loop is handed on at its end, in pieces that are large: TLS delivers 16 KiB at a time, and each piece costs
 * whoever reads the Readable far more than its bytes.
 */
import type { Readable } from 'node:stream'
import type { Channel } from '../connection/channel-handler.js'
import { PieceQueue } from './piece-queue.js'

/** `highWaterMark` for Readables fed from here: what is credited ahead of the consumer, in bytes. */
export const READABLE_HIGH_WATER_MARK = 65_536

/** A piece below this many bytes is small beside what its buffer may take up. */
const SMALL_BYTES = 4_096

export class Inbound {
  #channel: Channel
  readonly #stream: number
  readonly #readable: Readable
  readonly #queue = new PieceQueue()
  /** Bytes that wait and came on an earlier channel, which needs no credit any more. */
  #uncreditedBytes = 0
  #isWanted = false
  #isScheduled = false
  #isFinished = false
  #isDiscarding = false

  constructor(channel: Channel, stream: number, readable: Readable) {
    this.#channel = channel
    this.#stream = stream
    this.#readable = readable
  }

  /** Bytes that arrived and wait for `_read`. */
  get waitingBytes(): number {
    return this.#queue.bytes
  }

  /** True once bytes are thrown away instead of kept. */
  get isDiscarding(): boolean {
    return this.#isDiscarding
  }

  /** What comes from now on comes on this channel. What waits stays in front of it. */
  moveTo(channel: Channel): void {
    this.#channel = channel
    this.#uncreditedBytes = this.#queue.bytes
  }

  /** For `onData`. The bytes are copied. */
  accept(bytes: Uint8Array): void {
    if (this.#isDiscarding) {
      this.#channel.consumed(this.#stream, bytes.length)
      return
    }
    this.#queue.push(bytes)
    if (!this.#isWanted || this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#pass()
    })
  }

  /** For `_read`. */
  pull(): void {
    this.#isWanted = true
    this.#pass()
  }

  /** Nothing more will be accepted: the Readable ends once it has taken what waits. */
  finish(): void {
    this.#isFinished = true
    this.#pass()
  }

  /** As much as the Readable wants of what waits. */
  #pass(): void {
    while (this.#isWanted) {
      const bytes = this.#queue.shift()
      if (bytes === undefined) break
      this.#give(bytes)
    }
    this.#endWhenEmpty()
  }

  /** What the Readable does not hand on at once it keeps, so a small piece is then not to hold a buffer that was made for more. */
  #give(bytes: Uint8Array): void {
    const isKept = this.#readable.readableLength > 0 && bytes.length < SMALL_BYTES
    const given = isKept ? Buffer.from(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#isWanted = this.#readable.push(given)
    this.#credit(bytes.length)
  }

  #credit(bytes: number): void {
    const owed = Math.max(0, bytes - this.#uncreditedBytes)
    this.#uncreditedBytes -= bytes - owed
    if (owed > 0) this.#channel.consumed(this.#stream, owed)
  }

  /** Throws away what waits and what still comes, giving credit for it at once. */
  discard(): void {
    this.#isDiscarding = true
    const { bytes } = this.#queue
    this.#queue.clear()
    this.#credit(bytes)
  }

  #endWhenEmpty(): void {
    if (!this.#isFinished || this.#queue.bytes > 0 || this.#isDiscarding) return
    this.#isFinished = false
    this.#readable.push(null)
  }
}
