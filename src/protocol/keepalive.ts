/** Decides when to ask a silent peer and when to give it up. Time is an argument; the caller owns the timer. */

/** Unanswered PINGs after which a peer is given up. */
const MISSES = 2

export class Keepalive {
  readonly #intervalMs: number
  /** When bytes last came, or a PING last went: waiting counts from here, so a host that slept asks before it gives up. */
  #sinceMs: number
  #unanswered = 0

  constructor(intervalMs: number, nowMs: number) {
    this.#intervalMs = intervalMs
    this.#sinceMs = nowMs
  }

  /** Bytes arrived: any byte counts as an answer. */
  onReceived(nowMs: number): void {
    this.#sinceMs = nowMs
    this.#unanswered = 0
  }

  /** Call it when `dueMs` says so. `ping`: send a PING. `dead`: two PINGs in a row went unanswered. `wait`: bytes came in meanwhile. */
  onTick(nowMs: number): 'wait' | 'ping' | 'dead' {
    if (nowMs < this.#sinceMs + this.#intervalMs) return 'wait'
    if (this.#unanswered === MISSES) return 'dead'
    this.#unanswered += 1
    this.#sinceMs = nowMs
    return 'ping'
  }

  /** Milliseconds from now until the next tick is due, at least 1. */
  dueMs(nowMs: number): number {
    return Math.max(1, this.#sinceMs + this.#intervalMs - nowMs)
  }
}
