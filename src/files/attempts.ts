/** How often a transfer is tried again after its connection was lost: as long as it gets anywhere. */
import type { Recovery } from '../connection/channel-opener.js'
import { ConnectionError } from '../errors.js'

/** Attempts in a row that get nothing across, after which it is given up. */
const MAX_FRUITLESS = 10

/** Attempts that had to begin at less, with none among them that got further than all before: a file that cannot be resumed, mostly. */
const MAX_SETBACKS = 10

export class Attempts {
  readonly #recovery: Recovery | undefined
  #fruitless = 0
  #setbacks = 0
  /** How far it is, as far as is known. */
  #reachedBytes = 0
  /** How far it ever was. */
  #furthestBytes = 0

  /** Without a recovery the first attempt is the only one. */
  constructor(recovery: Recovery | undefined) {
    this.#recovery = recovery
  }

  /** An attempt begins behind so many bytes. Less than was reached, if that is lost: then these bytes count again. */
  agreed(startBytes: number): void {
    if (startBytes < this.#reachedBytes) {
      this.#setbacks += 1
      this.#reachedBytes = startBytes
    } else this.#reached(startBytes)
  }

  /**
   * Whether another attempt is to follow one that failed with this error, having got to so many bytes.
   *
   * @param isIdle - it asked for no bytes, so that it says nothing that none came
   */
  mayFollow(error: unknown, bytes: number, isIdle = false): boolean {
    if (!this.#recovery?.isRecoverable(error)) return false
    // The connection went before the server could hear of it, or was asked to move anything: how long to go on connecting is decided elsewhere.
    if (ConnectionError.is(error) && (isIdle || error.code === 'ERR_FAKESSH_NOT_STARTED')) return true
    this.#fruitless += 1
    this.#reached(bytes)
    return this.#fruitless < MAX_FRUITLESS && this.#setbacks < MAX_SETBACKS
  }

  /** Settles when the next attempt can begin. Rejects with `signal.reason`, or with why there will be no other connection. */
  async next(signal: AbortSignal): Promise<void> {
    await this.#recovery?.whenOpen(signal)
  }

  #reached(bytes: number): void {
    if (bytes <= this.#reachedBytes) return
    this.#reachedBytes = bytes
    this.#fruitless = 0
    if (bytes <= this.#furthestBytes) return
    this.#furthestBytes = bytes
    this.#setbacks = 0
  }
}
