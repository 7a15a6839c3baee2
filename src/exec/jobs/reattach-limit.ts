/** Bounds how often a durable exec tries to go on: a link or a server that ends every attachment at once must not be asked for ever. */

/** Attempts in a row of which none got anything done. */
const MAX_FRUITLESS = 10

/** An attachment that lasted so long got something done, though the program may have been silent. In milliseconds. */
const FRUITFUL_AFTER_MS = 10_000

export class ReattachLimit {
  readonly #now: () => number
  #fruitless = 0
  #attachedAt: number | undefined

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  onAttached(): void {
    this.#attachedAt = this.#now()
  }

  /** Bytes arrived that had not before. */
  onProgress(): void {
    this.#fruitless = 0
  }

  /** The attachment, or the attempt to get one, is over. True when another attempt may be made. */
  mayTryAgain(): boolean {
    const hasLasted = this.#attachedAt !== undefined && this.#now() - this.#attachedAt >= FRUITFUL_AFTER_MS
    this.#attachedAt = undefined
    if (hasLasted) this.#fruitless = 0
    this.#fruitless += 1
    return this.#fruitless <= MAX_FRUITLESS
  }
}
