/** The one outcome of an exec: kept for whoever asks, and a promise only for those who do. */

export class ExecOutcome<Result> {
  #settled: { readonly result: Result } | { readonly error: unknown } | undefined
  #promise: Promise<Result> | undefined
  #tell: (() => void) | undefined

  /** True once the outcome is known. */
  get isSettled(): boolean {
    return this.#settled !== undefined
  }

  /** True once somebody asked for the promise. */
  get isTouched(): boolean {
    return this.#promise !== undefined
  }

  /** Made when it is first asked for, so that a failure nobody asks about is no unhandled rejection. */
  get promise(): Promise<Result> {
    this.#promise ??= new Promise((resolve, reject) => {
      this.#tell = () => {
        if (this.#settled === undefined) return
        if ('result' in this.#settled) resolve(this.#settled.result)
        else reject(this.#settled.error)
      }
      this.#tell()
    })
    return this.#promise
  }

  /** False when there was an outcome before. */
  resolve(result: Result): boolean {
    return this.#settle({ result })
  }

  /** False when there was an outcome before. */
  reject(error: unknown): boolean {
    return this.#settle({ error })
  }

  #settle(outcome: { readonly result: Result } | { readonly error: unknown }): boolean {
    if (this.#settled !== undefined) return false
    this.#settled = outcome
    this.#tell?.()
    return true
  }
}
