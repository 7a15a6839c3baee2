/**
 * Decides when a program's output is complete after the program has ended. Its own last words are still in the pipes,
 * so ending at once would cut them; a process it left behind may hold the pipes open for ever, so waiting for their end
 * could take for ever.
 */
import type { OutputPump } from './output-pump.js'

/**
 * Longest time after the program's end, in milliseconds, in which output is read although it does not fall quiet: a background process that
 * writes a line now and then would else hold the result for ever. What the program itself wrote is in the pipes, and read in far less.
 */
const LIMIT_MS = 2000

/** The same in bytes, for one that writes without a pause to a peer that is slower. Far more than pipes hold. */
const LIMIT_BYTES = 16_777_216

/**
 * Waits until every output has ended, or until none brought anything for `quietMs`, or until a limit is reached. Time during which
 * the peer has no room does not count, as then nothing is read. True when outputs were still open: they are stopped then.
 */
export async function drainOutputs(pumps: readonly OutputPump[], quietMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  let activity = 0
  const bytesRead = () => pumps.reduce((sum, { bytes }) => sum + bytes, 0)
  const bytesBefore = bytesRead()
  let spentMs = 0
  let since = performance.now()
  let isStalled = true
  const leaked = new Promise<true>((resolve) => {
    const onQuiet = () => {
      const before = activity
      // After a busy event loop the timer runs before the pipes are looked at. Let that happen, then judge.
      setImmediate(() => {
        if (activity === before) resolve(true)
      })
    }
    const watch = () => {
      activity += 1
      clearTimeout(timer)
      const now = performance.now()
      // More than the quiet time can pass only where the event loop was busy, and nothing could be read.
      if (!isStalled) spentMs += Math.min(now - since, quietMs)
      since = now
      isStalled = pumps.some((pump) => pump.isStalled)
      if (spentMs >= LIMIT_MS || bytesRead() - bytesBefore >= LIMIT_BYTES) resolve(true)
      else if (!isStalled) timer = setTimeout(onQuiet, Math.min(quietMs, LIMIT_MS - spentMs))
    }
    for (const pump of pumps) pump.onActivity = watch
    watch()
  })
  const ended = Promise.all(pumps.map((pump) => pump.ended)).then(() => false)
  const isLeaked = await Promise.race([ended, leaked])
  clearTimeout(timer)
  for (const pump of pumps) {
    pump.onActivity = () => {}
    if (isLeaked) pump.stop()
  }
  return isLeaked
}
