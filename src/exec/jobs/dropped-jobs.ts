/**
 * Which jobs a server had and has no more, or is never to have. A client that did not hear the answer to its OPEN asks again; where the job has ended and was
 * dropped meanwhile, that must not run the command a second time.
 */

/** Enough for days of a busy server, in about 10 MB. */
const MAX_KEYS = 65_536

export class DroppedJobs {
  readonly #maxKeys: number
  /** Oldest first. */
  readonly #keys = new Set<string>()
  #hasForgotten = false

  constructor(maxKeys = MAX_KEYS) {
    this.#maxKeys = maxKeys
  }

  add(key: string): void {
    this.#keys.add(key)
    const [oldest] = this.#keys
    if (oldest === undefined || this.#keys.size <= this.#maxKeys) return
    this.#keys.delete(oldest)
    this.#hasForgotten = true
  }

  /**
   * False when a job that is not there was never started.
   *
   * @param isAskedAgain - the client may have asked for it before, so that it can be one of those of which nothing is known any more
   */
  mayInclude(key: string, isAskedAgain: boolean): boolean {
    return this.#keys.has(key) || (isAskedAgain && this.#hasForgotten)
  }
}
