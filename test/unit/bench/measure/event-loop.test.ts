import { expect, test } from 'vitest'
import { EventLoopWatch } from '../../../../bench/measure/event-loop.js'

/** Lets the loop turn until so much time has passed. */
async function idle(ms: number): Promise<void> {
  const startedAt = performance.now()
  while (performance.now() - startedAt < ms) await new Promise((resolve) => setTimeout(resolve, 1))
}

function hold(ms: number): void {
  const startedAt = performance.now()
  while (performance.now() - startedAt < ms);
}

test('a loop that was held up reads as long as it was, less the interval of the ticks', async () => {
  const watch = await EventLoopWatch.start()
  await idle(50)
  hold(200)
  await idle(50)
  const { maxMs, p99Ms } = await watch.stop()
  expect(maxMs).toBeGreaterThan(150)
  expect(p99Ms).toBeLessThanOrEqual(maxMs)
})

test('what happened before the watch began is not in it', async () => {
  hold(500)
  const watch = await EventLoopWatch.start()
  await idle(100)
  expect((await watch.stop()).p99Ms).toBeLessThan(450)
})

test('a loop that is held up until the very end of the watch is seen', async () => {
  const watch = await EventLoopWatch.start()
  hold(200)
  expect((await watch.stop()).p99Ms).toBeGreaterThan(150)
})
