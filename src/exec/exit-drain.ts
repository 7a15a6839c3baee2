/**
 * Decides when a program's output is complete after the program has ended. Its own last words are still in the pipes,
 * so ending at once would cut them; a process it left behind may hold the pipes open for ever, so waiting for their end
 * could take for ever.
 */
import type { OutputPump } from './output-pump.js'

/**
 * Waits until every output has ended, or until none brought anything for `quietMs`. Time during which the peer has
 * no room does not count as quiet, as then nothing is read. True when outputs were still open: they are stopped then.
 */
export async function drainOutputs(pumps: readonly OutputPump[], quietMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  let activity = 0
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
      if (!pumps.some((pump) => pump.isStalled)) timer = setTimeout(onQuiet, quietMs)
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
