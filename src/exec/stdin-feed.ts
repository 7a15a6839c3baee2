/** Moves what arrives on a channel into a command's input, and gives credit as the command takes it. */
import type { Writable } from 'node:stream'

export class StdinFeed {
  readonly #target: Writable
  readonly #credit: (bytes: number) => void
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

  /** What waits here is bounded by the window of the channel, as credit is given only afterwards. */
  write(bytes: Uint8Array): void {
    // Called back with an error for each chunk once the input is closed: those bytes count as discarded.
    this.#target.write(bytes, (error) => {
      if (error === null || error === undefined) {
        this.#bytesTaken += bytes.length
        this.#credit(bytes.length)
      } else this.#discard(bytes.length)
    })
  }

  end(): void {
    this.#target.end()
  }

  /** Drops what waits. */
  close(): void {
    this.#target.destroy()
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
