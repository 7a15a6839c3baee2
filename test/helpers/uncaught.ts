/** Exceptions and rejections that nobody handled: what would have ended a user's process. */
import { onTestFinished } from 'vitest'

/** Records them until the test has finished. A test that expects none checks that the list is empty. */
export function recordUncaught(): unknown[] {
  const seen: unknown[] = []
  const record = (error: unknown) => seen.push(error)
  const events = ['uncaughtException', 'unhandledRejection'] as const
  // Those of the test runner would fail the run whether or not the test looks; they come back afterwards.
  const others = events.map((event) => [event, process.listeners(event as 'uncaughtException')] as const)
  for (const event of events) {
    process.removeAllListeners(event)
    process.on(event, record)
  }
  onTestFinished(() => {
    for (const [event, listeners] of others) {
      process.removeAllListeners(event)
      for (const listener of listeners) process.on(event, listener)
    }
  })
  return seen
}
