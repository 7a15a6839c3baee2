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
  readonly #histogram: IntervalHistogram

  private constructor(histogram: IntervalHistogram) {
    this.#histogram = histogram
  }

  /** Resolves when the watch is on. */
  static async start(): Promise<EventLoopWatch> {
    // A fresh one each time: one that is started again counts the time it was stopped as a delay.
    const histogram = monitorEventLoopDelay({ resolution: INTERVAL_MS })
    histogram.enable()
    // The first tick is only where it begins to count from.
    await nextTick()
    return new EventLoopWatch(histogram)
  }

  /** Stops watching, once whatever holds the loop up at this moment has been recorded. */
  async stop(): Promise<LoopDelay> {
    const histogram = this.#histogram
    await nextTick()
    histogram.disable()
    return { p99Ms: delay(histogram.percentile(99)), maxMs: delay(histogram.max) }
  }
}

/** The histogram's own timer is due before one that is set now for the same time. */
function nextTick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, INTERVAL_MS))
}

function delay(tickNs: number): number {
  return Math.max(0, tickNs / NS_PER_MS - INTERVAL_MS)
}
