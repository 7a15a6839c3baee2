import { expect, test } from 'vitest'
import { isWithin, ratioTo, verdictOf } from '../../../../bench/report/verdicts.js'
import type { Bound } from '../../../../bench/row.js'
import { contenderResult } from '../../../helpers/bench-results.js'

const CONTENDERS = [
  contenderResult('fake-ssh', { rate: [300, 310, 1_000], time: [4, 5, 6] }),
  contenderResult('scp', { rate: [200, 155, 500], time: [8, 10, 12] }),
  contenderResult('broken', {}, { error: 'it broke' }),
]

test.each<[Bound, number, boolean]>([
  [{ atLeast: 1.5 }, 1.5, true],
  [{ atLeast: 1.5 }, 1.499, false],
  [{ atMost: 1.3 }, 1.3, true],
  [{ atMost: 1.3 }, 1.301, false],
  [{ below: 20 }, 19.99, true],
  [{ below: 20 }, 20, false],
  [{ atLeast: 1 }, Number.NaN, false],
  [{ below: 1 }, Number.NaN, false],
])('%j holds for %d: %s', (bound, value, expected) => {
  expect(isWithin(value, bound)).toBe(expected)
})

test('a ratio is the median of those within each round, not the ratio of the medians', () => {
  // 1.5, 2 and 2; the medians would give 310 / 200.
  expect(ratioTo('scp', 'rate', CONTENDERS)).toBe(2)
})

test('there is no ratio to who was not measured', () => {
  expect(ratioTo('broken', 'rate', CONTENDERS)).toBeUndefined()
  expect(ratioTo('nobody', 'rate', CONTENDERS)).toBeUndefined()
  expect(ratioTo('scp', 'memory', CONTENDERS)).toBeUndefined()
})

test('a threshold that is met passes, with what was measured', () => {
  expect(verdictOf({ measure: 'rate', to: 'scp', atLeast: 1.5 }, CONTENDERS)).toEqual({
    measure: 'rate',
    to: 'scp',
    atLeast: 1.5,
    measured: 2,
    outcome: 'pass',
  })
})

test('a threshold that is missed is short', () => {
  expect(verdictOf({ measure: 'rate', to: 'scp', atLeast: 2.5 }, CONTENDERS)).toMatchObject({
    measured: 2,
    outcome: 'short',
  })
  expect(verdictOf({ measure: 'time', to: 'scp', atMost: 0.4 }, CONTENDERS)).toMatchObject({
    measured: 0.5,
    outcome: 'short',
  })
})

test('without another contender it is about the median itself', () => {
  expect(verdictOf({ measure: 'time', below: 5 }, CONTENDERS)).toMatchObject({
    measured: 5,
    outcome: 'short',
  })
  expect(verdictOf({ measure: 'time', atMost: 5 }, CONTENDERS)).toMatchObject({ outcome: 'pass' })
})

test('a failed peer leaves the threshold unmeasured rather than met', () => {
  const verdict = verdictOf({ measure: 'rate', to: 'broken', atLeast: 1 }, CONTENDERS)
  expect(verdict).toEqual({ measure: 'rate', to: 'broken', atLeast: 1, outcome: 'not measured' })
})

test('a subject that failed on the way has met nothing, whatever it read before', () => {
  const failed = contenderResult('fake-ssh', { rate: [900] }, { error: 'wrong bytes' })
  const [, ...others] = CONTENDERS
  const verdicts = [{ to: 'scp' }, {}].map((to) =>
    verdictOf({ measure: 'rate', ...to, atLeast: 1 }, [failed, ...others]),
  )
  expect(verdicts.map(({ outcome }) => outcome)).toEqual(['not measured', 'not measured'])
})
