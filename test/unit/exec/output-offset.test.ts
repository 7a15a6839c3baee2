import { expect, test } from 'vitest'
import { OutputOffset } from '../../../src/exec/output-offset.js'

test('counts from where was asked', () => {
  expect([0, 7].map((bytes) => new OutputOffset(100).after(bytes))).toEqual([100, 107])
})

test('passes a gap once all before it was given', () => {
  const offset = new OutputOffset(100)
  offset.onGap({ stream: 'stdout', offset: 110, bytes: 1000 })
  offset.onGap({ stream: 'stdout', offset: 1115, bytes: 5 })
  expect([9, 10, 14, 15, 20].map((bytes) => offset.after(bytes))).toEqual([109, 1110, 1114, 1120, 1125])
})

test('a gap at the start, and one right behind another', () => {
  const offset = new OutputOffset(0)
  offset.onGap({ stream: 'stderr', offset: 0, bytes: 10 })
  offset.onGap({ stream: 'stderr', offset: 10, bytes: 20 })
  expect(offset.after(0)).toBe(30)
})
