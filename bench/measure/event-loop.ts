/**
 * How long the event loop of this process was held up, from Node's own histogram.
 *
 * The histogram records the time between two ticks of a timer, so an idle loop reads as the timer's interval. The interval is taken off, so
 * that 0 means that nothing was held up.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

export interface LoopDelay {
  readonly p99Ms: number
  readonly maxMs: number
}

const INTERVAL_MS = 10
const NS_PER_MS = 1e6

export class EventLoopWatch {
  // A fresh one each time: one that is started again counts the time it was stopped as a delay.
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: INTERVAL_MS })

  constructor() {
    this.#histogram.enable()
  }

  /** Stops watching. Zeros when the loop never ticked in between. */
  stop(): LoopDelay {
    const histogram = this.#histogram
    histogram.disable()
    if (histogram.count === 0) return { p99Ms: 0, maxMs: 0 }
    return { p99Ms: delay(histogram.percentile(99)), maxMs: delay(histogram.max) }
  }
}

function delay(tickNs: number): number {
  return Math.max(0, tickNs / NS_PER_MS - INTERVAL_MS)
}
