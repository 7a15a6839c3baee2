import { expect, test } from 'vitest'
import { MemoryWatch, settledBytes } from '../../../../bench/measure/memory.js'

const HELD_BYTES = 64 * 2 ** 20

test('the resident set is that of this process', async () => {
  const bytes = await settledBytes()
  expect(bytes).toBeGreaterThan(2 ** 20)
  expect(bytes).toBeLessThan(process.memoryUsage.rss() * 2)
})

test('what is taken between start and stop is growth', () => {
  const watch = new MemoryWatch(process.memoryUsage.rss())
  const held = Buffer.alloc(HELD_BYTES, 1)
  expect(watch.stop()).toBeGreaterThan(HELD_BYTES / 2)
  expect(held).toHaveLength(HELD_BYTES)
})

test('growth is never below zero, whatever was given back', () => {
  const watch = new MemoryWatch(process.memoryUsage.rss() + HELD_BYTES)
  expect(watch.stop()).toBe(0)
})
