/** A promise that is made when somebody asks for it, so that a failure nobody asked about is never an unhandled rejection. The first outcome counts. */

type Outcome<T> = { readonly value: T } | { readonly error: unknown }

export class LazyResult<T> {
  #promise: Promise<T> | undefined
  #settle: ((outcome: Outcome<T>) => void) | undefined
  #outcome: Outcome<T> | undefined

  /** True once somebody asked for the promise. */
  get isTouched(): boolean {
    return this.#promise !== undefined
  }

  get promise(): Promise<T> {
    this.#promise ??= new Promise<T>((resolve, reject) => {
      this.#settle = (outcome) => ('error' in outcome ? reject(outcome.error) : resolve(outcome.value))
      if (this.#outcome) this.#settle(this.#outcome)
    })
    return this.#promise
  }

  resolve(value: T): void {
    this.#end({ value })
  }

  reject(error: unknown): void {
    this.#end({ error })
  }

  /** The failure has been told elsewhere as well: that nobody handles the promise is no accident. */
  markHandled(): void {
    this.#promise?.catch(() => undefined)
  }

  #end(outcome: Outcome<T>): void {
    this.#outcome ??= outcome
    this.#settle?.(this.#outcome)
  }
}
