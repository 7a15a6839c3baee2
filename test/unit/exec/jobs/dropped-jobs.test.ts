import { expect, test } from 'vitest'
import { DroppedJobs } from '../../../../src/exec/jobs/dropped-jobs.js'

test('knows what was dropped, and that all else never was', () => {
  const dropped = new DroppedJobs()
  expect([dropped.mayInclude('a', false), dropped.mayInclude('a', true)]).toEqual([false, false])
  dropped.add('a')
  expect([dropped.mayInclude('a', false), dropped.mayInclude('a', true)]).toEqual([true, true])
  expect(dropped.mayInclude('b', true)).toBe(false)
})

test('beyond its bound forgets the oldest, and then cannot tell of a job that may have been asked for before', () => {
  const dropped = new DroppedJobs(2)
  for (const key of ['a', 'b', 'c']) dropped.add(key)
  const known = ['a', 'b', 'c', 'never'].map((key) => dropped.mayInclude(key, false))
  expect(known).toEqual([false, true, true, false])
  expect([dropped.mayInclude('a', true), dropped.mayInclude('never', true)]).toEqual([true, true])
})

test('one that is dropped twice counts once', () => {
  const dropped = new DroppedJobs(1)
  dropped.add('a')
  dropped.add('a')
  expect([dropped.mayInclude('a', false), dropped.mayInclude('b', true)]).toEqual([true, false])
})
