/**
 * The windows of one output of a durable exec, over channels that follow each other. What arrived on earlier channels and still waits to be
 * read is part of the window of the present one, so that a reader that stopped holds no more after fifty reconnections than before. As
 * it is read the present channel gets the room.
 */
export class WindowShare {
  readonly #windowBytes: number
  /** Arrived and not taken. */
  #waiting = 0
  /** Of that, what did not come on the present channel, so that no credit can be given for it there. */
  #ofOthers = 0
  /** The window of the present channel. */
  #size = 0
  /** By how much that may be wider than the channel was told. */
  #wider = 0

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes
  }

  /** What to offer on a new channel. */
  offer(): number {
    this.#ofOthers = this.#waiting
    this.#wider = 0
    this.#size = Math.max(0, this.#windowBytes - this.#waiting)
    return this.#size
  }

  onArrived(bytes: number): void {
    this.#waiting += bytes
  }

  /** Bytes were taken. Returns how many of them the present channel is to be credited with. */
  onTaken(bytes: number): number {
    this.#waiting -= bytes
    const ofOthers = Math.min(bytes, this.#ofOthers)
    this.#ofOthers -= ofOthers
    const wider = Math.min(ofOthers, this.#windowBytes - this.#size)
    this.#size += wider
    this.#wider += wider
    return bytes - ofOthers
  }

  /** By how much the window of the present channel is to become wider. It counts as told. */
  takeWider(): number {
    const wider = this.#wider
    this.#wider = 0
    return wider
  }
}
