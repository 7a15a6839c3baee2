/** Runs costly work a few at a time, with a bound on how much may wait. */
import { FakeSshError } from '../errors.js'

/** @internal */
export interface WorkQueueLimits {
  /** How much runs at once. */
  readonly concurrency: number
  /** How much waits; beyond, `run` rejects at once. */
  readonly maxWaiting: number
}

/** First come, first served. @internal */
export class WorkQueue {
  readonly #limits: WorkQueueLimits
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(limits: WorkQueueLimits) {
    this.#limits = limits
  }

  /** Settles as `work` does, or rejects with `ERR_FAKESSH_LIMIT` when too much waits already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limits.concurrency) {
      this.#running++
    } else {
      const { maxWaiting } = this.#limits
      if (this.#waiting.length >= maxWaiting) {
        throw new FakeSshError(
          'ERR_FAKESSH_LIMIT',
          `more than ${maxWaiting} password verifications are waiting`,
        )
      }
      // Whoever finishes hands its place on, so the count stays as it is.
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
