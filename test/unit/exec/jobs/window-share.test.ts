import { expect, test } from 'vitest'
import { WindowShare } from '../../../../src/exec/jobs/window-share.js'

test('what waits from earlier channels is part of the window of the next, which becomes wider as it is taken', () => {
  const share = new WindowShare(1000)
  expect(share.offer()).toBe(1000)
  share.onArrived(900)
  expect([share.onTaken(100), share.takeWider()]).toEqual([100, 0])
  expect(share.offer()).toBe(200)
  share.onArrived(50)
  expect([share.onTaken(500), share.onTaken(200), share.takeWider()]).toEqual([0, 0, 700])
  expect([share.onTaken(120), share.takeWider()]).toEqual([20, 100])
  expect([share.onTaken(30), share.takeWider()]).toEqual([30, 0])
  expect(share.offer()).toBe(1000)
})

test('never offers less than nothing, and never becomes wider than it is to be', () => {
  const share = new WindowShare(100)
  share.offer()
  // A window can have grown with its line.
  share.onArrived(150)
  expect(share.offer()).toBe(0)
  expect([share.onTaken(150), share.takeWider()]).toEqual([0, 100])
})

test('what was not told to one channel is not told to the next', () => {
  const share = new WindowShare(100)
  share.offer()
  share.onArrived(80)
  share.offer()
  share.onTaken(30)
  expect([share.offer(), share.takeWider()]).toEqual([50, 0])
})
