/** How much memory this process holds, and how far it grew meanwhile. */

const SAMPLE_INTERVAL_MS = 20
const COLLECTIONS = 3

/** Resident bytes once garbage is gone. Processes that are measured run with `--expose-gc`. */
export async function settledBytes(): Promise<number> {
  for (let round = 0; round < COLLECTIONS; round += 1) {
    globalThis.gc?.()
    // Finalizers, and with them native memory, run between turns of the loop.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage.rss()
}

/** Samples the resident set often enough to catch the peak of anything that lasts. */
export class MemoryWatch {
  readonly #beforeBytes: number
  readonly #timer: NodeJS.Timeout
  #peakBytes: number

  constructor(beforeBytes: number) {
    this.#beforeBytes = beforeBytes
    this.#peakBytes = beforeBytes
    this.#timer = setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS)
  }

  /** Stops; bytes by which the peak was above the start. */
  stop(): number {
    clearInterval(this.#timer)
    this.#sample()
    return this.#peakBytes - this.#beforeBytes
  }

  #sample(): void {
    this.#peakBytes = Math.max(this.#peakBytes, process.memoryUsage.rss())
  }
}
