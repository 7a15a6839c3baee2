// Delay and rate of one direction. Time is an argument, so nothing here waits.
import { expect, test } from 'vitest'
import { LinkQueue } from '../../../src/testing/link-queue.js'

const UNLIMITED = Number.POSITIVE_INFINITY
type Queue = LinkQueue<string>

function queueWith(delayMs: number, bytesPerSecond = UNLIMITED): Queue {
  const queue: Queue = new LinkQueue()
  queue.conditions = { delayMs, bytesPerSecond }
  return queue
}

/** Everything that may go now. */
function takeAll(queue: Queue, now: number): (string | number)[] {
  const taken: (string | number)[] = []
  for (let item = queue.take(now); item !== undefined; item = queue.take(now))
    taken.push('bytes' in item ? item.bytes.length : item.mark)
  return taken
}

/** Comes whenever it is told to, a little late; when each byte had gone. */
function drain(
  queue: Queue,
  from: number,
  lateMs: number,
): { readonly endedAt: number; readonly bytes: number } {
  let [now, bytes] = [from, 0]
  for (let at = queue.wakeAt(); at !== undefined; at = queue.wakeAt()) {
    now = Math.max(now, at) + lateMs
    for (const item of takeAll(queue, now)) bytes += Number(item)
  }
  return { endedAt: now, bytes }
}

test('nothing goes before the delay is over, then all of it, in order', () => {
  const queue = queueWith(50)
  queue.push({ bytes: Buffer.alloc(3) }, 1_000)
  queue.push({ mark: 'here' }, 1_000)
  queue.push({ bytes: Buffer.alloc(4) }, 1_020)
  expect(queue.wakeAt()).toBe(1_050)
  expect(takeAll(queue, 1_049)).toEqual([])
  expect(takeAll(queue, 1_050)).toEqual([3, 'here'])
  expect(queue.wakeAt()).toBe(1_070)
  expect(takeAll(queue, 1_070)).toEqual([4])
  expect(queue.wakeAt()).toBeUndefined()
})

test('a delay that is changed keeps the order', () => {
  const queue = queueWith(50)
  queue.push({ bytes: Buffer.alloc(3) }, 0)
  queue.conditions = { delayMs: 100, bytesPerSecond: UNLIMITED }
  queue.push({ bytes: Buffer.alloc(4) }, 10)
  queue.conditions = { delayMs: 20, bytesPerSecond: UNLIMITED }
  queue.push({ bytes: Buffer.alloc(5) }, 12)
  expect(takeAll(queue, 20)).toEqual([3])
  expect(takeAll(queue, 32)).toEqual([4, 5])
})

test('a delay does not limit the rate: as much is on its way as arrives meanwhile', () => {
  const queue = queueWith(100)
  for (let at = 0; at < 100; at++) {
    queue.push({ bytes: Buffer.alloc(65_536) }, at)
    expect(queue.isFull).toBe(false)
  }
  for (let at = 100; at < 200; at++) expect(takeAll(queue, at)).toEqual([65_536])
})

test.each([
  [1, 20],
  [1_000, 3_000],
  [1_000_000, 3_000_000],
])('%d bytes per second, kept although every timer is late', (bytesPerSecond, total) => {
  const queue = queueWith(0, bytesPerSecond)
  for (let left = total; left > 0; left -= 10_000)
    queue.push({ bytes: Buffer.alloc(Math.min(left, 10_000)) }, 500)
  const due = 500 + (total * 1_000) / bytesPerSecond
  const { endedAt, bytes } = drain(queue, 500, 7)
  expect(bytes).toBe(total)
  expect(endedAt).toBeGreaterThanOrEqual(due)
  expect(endedAt).toBeLessThan(due + 8)
})

test('the rate gives no credit for idle time', () => {
  const queue = queueWith(0, 1_000)
  queue.push({ bytes: Buffer.alloc(10) }, 0)
  expect(drain(queue, 0, 0).bytes).toBe(10)
  queue.push({ bytes: Buffer.alloc(1_000) }, 60_000)
  expect(takeAll(queue, 60_000)).toEqual([])
  expect(takeAll(queue, 60_500)).toEqual([500])
})

test('bytes go in small pieces under a rate, and the delay comes on top', () => {
  const queue = queueWith(100, 10_000)
  queue.push({ bytes: Buffer.alloc(1_000) }, 0)
  expect(queue.wakeAt()).toBe(110)
  expect(takeAll(queue, 110)).toEqual([100])
  expect(queue.wakeAt()).toBe(120)
})

test.each([
  ['neither delay nor rate', 0, UNLIMITED, 100_000],
  ['a rate', 0, 1_000_000, 100_000],
  ['a delay and a rate', 200, 1_000_000, 300_000],
  ['a delay', 60_000, UNLIMITED, 67_200_000],
])('with %s it is full within a bound', (_what, delayMs, bytesPerSecond, bound) => {
  const queue = queueWith(delayMs, bytesPerSecond)
  let held = 0
  while (!queue.isFull) {
    queue.push({ bytes: Buffer.alloc(65_536) }, 0)
    held += 65_536
  }
  expect(held).toBeLessThan(bound)
})

test('many small things fill it too', () => {
  const queue = queueWith(60_000)
  let count = 0
  for (; !queue.isFull; count++) queue.push({ bytes: Buffer.of(1) }, 0)
  expect(count).toBeLessThan(600_000)
  expect(takeAll(queue, 60_000)).toHaveLength(count)
  expect(queue.isFull).toBe(false)
})

test('what is cleared is gone', () => {
  const queue = queueWith(0)
  queue.push({ bytes: Buffer.alloc(100_000) }, 0)
  queue.clear()
  expect([queue.isFull, queue.take(1), queue.wakeAt()]).toEqual([false, undefined, undefined])
})
