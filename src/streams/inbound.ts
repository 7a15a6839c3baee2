/**
 * One stream of a channel on its way into a Node Readable. Pulls: bytes wait here, inside the window, until `_read` asks for them, and
 * only what was handed to the Readable is credited. So a reader that stops stops the far writer, and memory stays within the window.
 */
import type { Readable } from 'node:stream'
import type { Channel } from '../connection/channel-handler.js'
import { PieceQueue, SMALL_BYTES } from './piece-queue.js'

/** `highWaterMark` for Readables fed from here: what is credited ahead of the consumer, in bytes. */
export const READABLE_HIGH_WATER_MARK = 65_536

export class Inbound {
  readonly #channel: Channel
  readonly #stream: number
  readonly #readable: Readable
  readonly #queue = new PieceQueue()
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
    return this.#queue.bytes
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
    // Where it is wanted nothing waits.
    if (this.#isWanted) this.#give(bytes)
    else this.#queue.push(bytes)
  }

  /** To a Readable that asked. What it does not hand on at once it keeps, so a small piece is then to hold no chunk. */
  #give(bytes: Uint8Array): void {
    const isKept = this.#readable.readableLength > 0 && bytes.length < SMALL_BYTES
    const given = isKept ? Buffer.from(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#isWanted = this.#readable.push(given)
    this.#channel.consumed(this.#stream, bytes.length)
  }

  /** For `_read`. */
  pull(): void {
    this.#isWanted = true
    while (this.#isWanted) {
      const bytes = this.#queue.shift()
      if (bytes === undefined) break
      this.#give(bytes)
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
    const { bytes } = this.#queue
    this.#queue.clear()
    if (bytes > 0) this.#channel.consumed(this.#stream, bytes)
  }

  #endWhenEmpty(): void {
    if (!this.#isFinished || this.#queue.bytes > 0 || this.#isDiscarding) return
    this.#isFinished = false
    this.#readable.push(null)
  }
}
