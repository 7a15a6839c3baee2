/** What every worker can be asked about itself. */
import { EventLoopWatch, type LoopDelay } from '../measure/event-loop.js'
import { MemoryWatch, settledBytes } from '../measure/memory.js'

interface Cell {
  readonly id: number
  readonly name: string
  readonly next: Cell | undefined
}

const CELLS_PER_CHECK = 10_000

let loopWatch: EventLoopWatch | undefined
let memoryWatch: MemoryWatch | undefined
/** Held for good: live objects that every garbage collection has to visit. */
const ballast: Cell[] = []

export const watchMethods = {
  async startLoopWatch(): Promise<void> {
    loopWatch = await EventLoopWatch.start()
  },

  async stopLoopWatch(): Promise<LoopDelay> {
    if (loopWatch === undefined) throw new Error('the event loop is not watched')
    return loopWatch.stop()
  },

  settledBytes,

  async startMemoryWatch(): Promise<void> {
    memoryWatch = new MemoryWatch(await settledBytes())
  },

  /** Bytes by which the resident set grew at its peak. */
  stopMemoryWatch(): number {
    if (memoryWatch === undefined) throw new Error('memory is not watched')
    return memoryWatch.stop()
  },

  /** Makes the heap as large as that of a big application: `bytes` of small live objects. */
  fillHeap(bytes: number): number {
    while (process.memoryUsage().heapUsed < bytes) {
      for (let count = 0; count < CELLS_PER_CHECK; count += 1) {
        ballast.push({ id: ballast.length, name: `cell ${ballast.length}`, next: ballast.at(-1) })
      }
    }
    return process.memoryUsage().heapUsed
  },
}

export type WatchMethods = typeof watchMethods
