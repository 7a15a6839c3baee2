/** stdin of a job, by absolute offset, through one attachment after the other. */
import type { Writable } from 'node:stream'
import { StdinFeed } from '../stdin-feed.js'

export class JobStdin {
  readonly #feed: StdinFeed
  #credit: (bytes: number) => void = () => {}
  #offset = 0
  #isEnded = false
  /** Of what earlier attachments brought, what the program has not taken: the present one gets no credit for it. */
  #owedToOthers = 0
  #credited = 0

  constructor(target: Writable) {
    this.#feed = new StdinFeed(target, (bytes) => {
      this.#credited += bytes
      const ofOthers = Math.min(bytes, this.#owedToOthers)
      this.#owedToOthers -= ofOthers
      if (bytes > ofOthers) this.#credit(bytes - ofOthers)
    })
  }

  /** Bytes that came and are not to be sent again. */
  get offset(): number {
    return this.#offset
  }

  /** True when the end came, after all of them. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Bytes that the program took. */
  get bytesTaken(): number {
    return this.#feed.bytesTaken
  }

  /** From now on what comes is of this attachment. */
  attach(credit: (bytes: number) => void): void {
    this.#credit = credit
  }

  /**
   * What waits for the program is forgotten, and so has to be sent again by the next attachment. Kept, it would be more with each one,
   * as each has a window of its own.
   */
  detach(): void {
    this.#credit = () => {}
    const forgotten = this.#feed.forgetWaiting()
    this.#offset -= forgotten
    if (forgotten > 0) this.#isEnded = false
    this.#owedToOthers = this.#offset - this.#credited
  }

  /** After the end it means nothing, and is not credited. */
  write(bytes: Uint8Array): void {
    if (this.#isEnded) return
    this.#offset += bytes.length
    this.#feed.write(bytes)
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#feed.end()
  }

  /** The program reads no more. */
  close(): void {
    this.#feed.close()
  }
}
