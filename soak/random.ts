/** Numbers that look random and follow from a seed (mulberry32 by Tommy Ettinger, public domain). */

export class Random {
  #state: number

  /** `stream` tells apart what draws from the same seed, so that one does not move what another one draws. */
  constructor(seed: number, stream: number) {
    this.#state = (seed ^ Math.imul(stream + 1, 0x9e3779b9)) >>> 0
  }

  /** 0 to just below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number, both ends included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.next() * choices.length)] as T
  }
}
