/** What one client has started and is not over, so that a server knows when nothing of it is left. */
import { Drain } from '../connection/drain.js'
import type { ExecObserver } from '../exec/exec-observer.js'

export class RunningWork {
  #running = 0
  readonly #waiting = new Set<Drain>()

  /** Counts work as running until it settles. It must not reject. */
  async during(work: Promise<void>): Promise<void> {
    this.#begin()
    await work
    this.#end()
  }

  /** Counts each exec as running from its start to its end: serving one settles when it has started. */
  counting(observer: ExecObserver): ExecObserver {
    return {
      ...observer,
      onStarted: (start) => {
        this.#begin()
        observer.onStarted?.(start)
      },
      onEnded: (start, end) => {
        this.#end()
        observer.onEnded?.(start, end)
      },
    }
  }

  /** Settles when nothing runs, or the time is over. */
  idle(limitMs: number): Promise<void> {
    const drain = new Drain()
    drain.start(limitMs)
    this.#waiting.add(drain)
    this.#tell()
    return drain.done
  }

  #begin(): void {
    this.#running += 1
  }

  #end(): void {
    this.#running -= 1
    this.#tell()
  }

  #tell(): void {
    if (this.#running > 0) return
    for (const drain of this.#waiting) drain.finish()
    this.#waiting.clear()
  }
}
