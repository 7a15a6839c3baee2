/** Waits for running operations to finish, but not for ever. */
export class Drain {
  /** Settles when `finish` was called or the time is over. */
  readonly done: Promise<void>
  #resolve: () => void = () => {}
  #timer: NodeJS.Timeout | undefined
  #isStarted = false

  constructor() {
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  start(drainMs: number): void {
    this.#isStarted = true
    this.#timer = setTimeout(this.#resolve, drainMs)
  }

  /** Nothing is left to wait for. Before `start` it means nothing. */
  finish(): void {
    if (!this.#isStarted) return
    clearTimeout(this.#timer)
    this.#resolve()
  }
}
