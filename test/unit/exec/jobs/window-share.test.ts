import { expect, test } from 'vitest'
import { WindowShare } from '../../../../src/exec/jobs/window-share.js'

test('what waits from earlier channels is part of the window of the next, and credited to none', () => {
  const share = new WindowShare(1000)
  expect(share.offer()).toBe(1000)
  share.onArrived(900)
  expect(share.onTaken(100)).toBe(100)
  expect(share.offer()).toBe(200)
  share.onArrived(50)
  expect(share.isCramped).toBe(false)
  expect(share.onTaken(700)).toBe(0)
  expect(share.onTaken(120)).toBe(20)
  expect(share.isCramped).toBe(true)
  expect(share.offer()).toBe(970)
  expect(share.isCramped).toBe(false)
})

test('never offers less than nothing', () => {
  const share = new WindowShare(100)
  share.offer()
  share.onArrived(100)
  expect(share.offer()).toBe(0)
  expect(share.isCramped).toBe(false)
})
