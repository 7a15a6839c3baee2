import { beforeEach, describe, expect, test } from 'vitest'
import type { LiveChannel } from '../../../src/connection/live-channel.js'
import { OpenQueue } from '../../../src/connection/open-queue.js'

// The queue only compares channels, so anything with an identity will do.
const channel = (): LiveChannel => ({}) as LiveChannel
let sent: string[] = []
const sender = (name: string) => () => sent.push(name) > 0
beforeEach(() => {
  sent = []
})

describe('waiting for a slot', () => {
  test('goes at once while there is one, else when one is free, in order', () => {
    const queue = new OpenQueue()
    for (const name of ['a', 'b', 'c', 'd']) queue.add(channel(), 2, sender(name))
    expect([sent, queue.inUse, queue.length]).toEqual([['a', 'b'], 2, 2])
    queue.release(2)
    expect(sent).toEqual(['a', 'b', 'c'])
    queue.release(2)
    queue.release(2)
    queue.release(2)
    expect([sent, queue.inUse, queue.length]).toEqual([['a', 'b', 'c', 'd'], 0, 0])
  })

  test('the one that waits longest is first, also when the limit rises', () => {
    const queue = new OpenQueue()
    for (const name of ['a', 'b', 'c']) queue.add(channel(), 0, sender(name))
    expect(sent).toEqual([])
    queue.pump(2)
    expect(sent).toEqual(['a', 'b'])
    queue.add(channel(), 2, sender('d'))
    queue.pump(9)
    expect(sent).toEqual(['a', 'b', 'c', 'd'])
  })

  test('an OPEN that could not be sent takes no slot', () => {
    const queue = new OpenQueue()
    queue.add(channel(), 1, () => false)
    queue.add(channel(), 1, sender('a'))
    expect([sent, queue.inUse, queue.length]).toEqual([['a'], 1, 0])
  })

  test('thousands that cannot be sent are gone through without running out of stack', () => {
    const queue = new OpenQueue()
    for (let i = 0; i < 50_000; i += 1) queue.add(channel(), 0, () => false)
    queue.pump(1)
    expect([queue.inUse, queue.length]).toEqual([0, 0])
  })
})

describe('leaving the queue', () => {
  test('one that waits can be taken out, once', () => {
    const queue = new OpenQueue()
    const gone = channel()
    queue.add(gone, 0, sender('gone'))
    queue.add(channel(), 0, sender('stays'))
    expect([queue.remove(gone), queue.remove(gone), queue.remove(channel())]).toEqual([true, false, false])
    queue.pump(5)
    expect(sent).toEqual(['stays'])
  })

  test('one that was sent does not wait any more', () => {
    const queue = new OpenQueue()
    const running = channel()
    queue.add(running, 1, sender('running'))
    expect(queue.remove(running)).toBe(false)
  })

  test('all of them at once', () => {
    const queue = new OpenQueue()
    const waiting = [channel(), channel()]
    for (const one of waiting) queue.add(one, 0, sender('never'))
    expect(queue.drain()).toEqual(waiting)
    queue.pump(9)
    expect([sent, queue.length]).toEqual([[], 0])
  })
})
