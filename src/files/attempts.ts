/** How often a transfer is tried again after its connection was lost: as long as it gets anywhere. */
import type { Recovery } from '../connection/channel-opener.js'

/** Attempts in a row that get nothing across, after which it is given up. */
const MAX_FRUITLESS = 10

export class Attempts {
  readonly #recovery: Recovery | undefined
  #fruitless = 0
  #bestBytes = 0

  /** Without a recovery the first attempt is the only one. */
  constructor(recovery: Recovery | undefined) {
    this.#recovery = recovery
  }

  /** Whether another attempt is to follow one that failed with this error, having got so many bytes across in all. */
  mayFollow(error: unknown, bytes: number): boolean {
    if (!this.#recovery?.isRecoverable(error)) return false
    this.#fruitless = bytes > this.#bestBytes ? 0 : this.#fruitless + 1
    this.#bestBytes = Math.max(this.#bestBytes, bytes)
    return this.#fruitless < MAX_FRUITLESS
  }

  /** Settles when the next attempt can begin. Rejects with `signal.reason`, or with why there will be no other connection. */
  async next(signal: AbortSignal): Promise<void> {
    await this.#recovery?.whenOpen(signal)
  }
}
