/** The two ways a caller bounds an exec: `timeoutMs` and `signal`. */
import { setMaxListeners } from 'node:events'
import type { OperationOptions } from '../options.js'

export interface ExecDeadlineHandler {
  onTimeout(timeoutMs: number): void
  onAbort(reason: unknown): void
}

export class ExecDeadline {
  readonly #signal: AbortSignal | undefined
  readonly #timer: NodeJS.Timeout | undefined
  readonly #onAbort: () => void

  /** Calls the handler later, never from here, also when the signal is aborted already. */
  constructor({ signal, timeoutMs }: OperationOptions, handler: ExecDeadlineHandler) {
    this.#signal = signal
    this.#onAbort = () => handler.onAbort(signal?.reason)
    if (signal?.aborted === true) queueMicrotask(this.#onAbort)
    else if (signal !== undefined) {
      // Node warns of a leak at the eleventh command that shares a signal. It is none: each takes its listener off when it ends.
      setMaxListeners(0, signal)
      signal.addEventListener('abort', this.#onAbort, { once: true })
    }
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => handler.onTimeout(timeoutMs), timeoutMs)
  }

  /** Keeps no process alive. */
  unref(): void {
    this.#timer?.unref()
  }

  /** True when the operation need not even start. */
  get isOver(): boolean {
    return this.#signal?.aborted === true
  }

  /** The operation has ended. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#onAbort)
  }
}
