/**
 * The windows of one output of a durable exec, over channels that follow each other. What arrived on earlier channels and still waits to be
 * read is part of the window of the present one, so that a reader that stopped holds no more after fifty reconnections than before.
 */
export class WindowShare {
  readonly #windowBytes: number
  /** Arrived and not taken. */
  #waiting = 0
  /** Of that, what did not come on the present channel, so that no credit can be given for it there. */
  #ofOthers = 0
  #offered = 0

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes
  }

  /** What to offer on a new channel. */
  offer(): number {
    this.#ofOthers = this.#waiting
    this.#offered = Math.max(0, this.#windowBytes - this.#waiting)
    return this.#offered
  }

  onArrived(bytes: number): void {
    this.#waiting += bytes
  }

  /** Bytes were taken. Returns how many of them the present channel is to be credited with. */
  onTaken(bytes: number): number {
    this.#waiting -= bytes
    const ofOthers = Math.min(bytes, this.#ofOthers)
    this.#ofOthers -= ofOthers
    return bytes - ofOthers
  }

  /** True when the present channel has far less than the whole window for good, and a new one would have it. */
  get isCramped(): boolean {
    return this.#ofOthers === 0 && this.#offered < this.#windowBytes / 2
  }
}
