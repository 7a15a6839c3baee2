/** Moves what arrives on a channel into a command's input, and gives credit as the command takes it. */
import type { Writable } from 'node:stream'
import { PieceQueue } from '../streams/piece-queue.js'

export class StdinFeed {
  readonly #target: Writable
  readonly #credit: (bytes: number) => void
  /** What arrived while the input was still busy: written piece by piece, each would be an entry of its own. */
  readonly #waiting = new PieceQueue()
  /** The input has not taken what it was given last. */
  #isBusy = false
  #isEnding = false
  #bytesTaken = 0
  #bytesDiscarded = 0

  /** @param credit - told how many bytes were taken or discarded, so that the peer may send as many more */
  constructor(target: Writable, credit: (bytes: number) => void) {
    this.#target = target
    this.#credit = credit
    // A command may close its input, or end, before it has read everything: `yes | head -1` is no failure.
    target.on('error', () => {})
  }

  /** Bytes that the command's input took; what was discarded is not in it. */
  get bytesTaken(): number {
    return this.#bytesTaken
  }

  /** The bytes are copied. What waits here is bounded by the window of the channel, as credit is given only afterwards. */
  write(bytes: Uint8Array): void {
    this.#waiting.push(bytes)
    if (!this.#isBusy) this.#passWaiting()
  }

  /** After what waits. */
  end(): void {
    this.#isEnding = true
    if (!this.#isBusy) this.#target.end()
  }

  /** Drops what waits. */
  close(): void {
    this.#discardWaiting()
    this.#target.destroy()
  }

  #passWaiting(): void {
    const bytes = this.#waiting.shift()
    if (bytes === undefined) {
      if (this.#isEnding) this.#target.end()
      return
    }
    this.#isBusy = true
    this.#target.write(bytes, (error) => {
      this.#isBusy = false
      if (error === null || error === undefined) {
        this.#bytesTaken += bytes.length
        this.#credit(bytes.length)
      } else {
        // The input is closed, also for all that waits.
        this.#discard(bytes.length)
        this.#discardWaiting()
      }
      this.#passWaiting()
    })
  }

  #discardWaiting(): void {
    const { bytes } = this.#waiting
    this.#waiting.clear()
    if (bytes > 0) this.#discard(bytes)
  }

  /**
   * Gives credit a turn of the event loop later: with a peer in this process, an endless input that is discarded at once would go
   * round without ever letting the event loop see that the command has ended.
   */
  #discard(bytes: number): void {
    if (this.#bytesDiscarded === 0) {
      setImmediate(() => {
        const discarded = this.#bytesDiscarded
        this.#bytesDiscarded = 0
        this.#credit(discarded)
      })
    }
    this.#bytesDiscarded += bytes
  }
}
