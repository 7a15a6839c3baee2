/** How long a frame and its answer take, measured by PINGs. The shortest that was seen: what queues on the way is no distance. */

/** PINGs at the start, one after the other: the first is answered by a peer that is still busy with the connection. */
const SAMPLES = 3

export class RoundTrip {
  readonly #now: () => number
  #number = 0
  #sentMs: number | undefined
  #ms: number | undefined
  #samples = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** Milliseconds; undefined before the first answer. */
  get ms(): number | undefined {
    return this.#ms
  }

  /** The payload of the next PING, by which its PONG is known. */
  ping(): Uint8Array {
    this.#number += 1
    this.#sentMs = this.#now()
    const payload = new Uint8Array(8)
    new DataView(payload.buffer).setUint32(4, this.#number)
    return payload
  }

  /** True when another PING should follow. Only the answer to the last one counts: an older one would measure nothing. */
  onPong(payload: Uint8Array): boolean {
    const number = new DataView(payload.buffer, payload.byteOffset, payload.length).getUint32(4)
    if (number !== this.#number || this.#sentMs === undefined) return false
    this.#ms = Math.min(this.#ms ?? Number.POSITIVE_INFINITY, this.#now() - this.#sentMs)
    this.#sentMs = undefined
    this.#samples += 1
    return this.#samples < SAMPLES
  }
}
