/**
 * Makes the windows of a long line large enough to fill it (docs/protocol.md, section 6.2). A sender can have one window under way in a
 * round trip, so a consumer that takes more than half of its window in that time is given twice what it takes. On a short line
 * nobody takes that much in a round trip, and windows stay as small as they started: what a stalled reader can be made to hold.
 */
import { WINDOW_GROWTH_BYTES } from './constants.js'
import type { RoundTrip } from './round-trip.js'
import type { ReceiveWindow } from './windows.js'

/** Consumers take in bursts; over a shorter time a burst would look like a rate. */
const MIN_PERIOD_MS = 10

/** On a shorter line a window of 1 MiB lets 200 MiB/s through, and what was measured may be the load of a busy machine. */
const LONG_LINE_MS = 5

interface Period {
  readonly sinceMs: number
  readonly consumed: number
}

export class WindowGrowth {
  readonly #now: () => number
  readonly #roundTrip: RoundTrip
  readonly #periods = new Map<ReceiveWindow, Period>()
  readonly #grown = new Map<ReceiveWindow, number>()
  /** All windows of the connection together may grow by so much more. */
  #leftBytes = WINDOW_GROWTH_BYTES

  constructor(now: () => number, roundTrip: RoundTrip) {
    this.#now = now
    this.#roundTrip = roundTrip
  }

  /** The consumer is about to take bytes. */
  consider(window: ReceiveWindow): void {
    const roundTripMs = this.#roundTrip.ms
    if (roundTripMs === undefined || roundTripMs < LONG_LINE_MS) return
    const nowMs = this.#now()
    const period = this.#periods.get(window)
    const elapsedMs = period === undefined ? 0 : nowMs - period.sinceMs
    if (period !== undefined && elapsedMs < Math.max(roundTripMs, MIN_PERIOD_MS)) return
    this.#periods.set(window, { sinceMs: nowMs, consumed: window.consumed })
    if (period === undefined) return
    const perRoundTrip = ((window.consumed - period.consumed) / elapsedMs) * roundTripMs
    const more = Math.min(Math.ceil(2 * perRoundTrip) - window.size, this.#leftBytes)
    if (more <= 0) return
    window.grow(more)
    this.#leftBytes -= more
    this.#grown.set(window, (this.#grown.get(window) ?? 0) + more)
  }

  /** The stream is over: others may grow instead. */
  release(window: ReceiveWindow): void {
    this.#periods.delete(window)
    this.#leftBytes += this.#grown.get(window) ?? 0
    this.#grown.delete(window)
  }
}
