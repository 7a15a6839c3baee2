import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mean, median, pairedRatios, percentile } from '../../../../bench/measure/statistics.js'

test.each<[number[], number]>([
  [[7], 7],
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
  [[10, 9, 100], 10],
  [[-1, -5], -3],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected)
})

test('one bad trial moves the mean but not the median', () => {
  expect(median([10, 11, 12, 13, 9_000])).toBe(12)
  expect(mean([10, 11, 12, 13, 9_000])).toBeGreaterThan(1_000)
})

test('the values are left in their order', () => {
  const values = [3, 1, 2]
  median(values)
  percentile(values, 50)
  expect(values).toEqual([3, 1, 2])
})

test('numbers are sorted as numbers, not as text', () => {
  expect(median([10, 9, 1])).toBe(9)
  expect(percentile([100, 20, 3], 100)).toBe(100)
})

test.each<[number, number]>([
  [1, 1],
  [50, 50],
  [95, 95],
  [99, 99],
  [99.5, 100],
  [100, 100],
])('percentile %d of 1 to 100 is %d', (percent, expected) => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index)
  expect(percentile(values, percent)).toBe(expected)
})

test('a high percentile of few values is the largest', () => {
  expect(percentile([1, 2, 3], 95)).toBe(3)
})

test.each([0, -1, 101, Number.NaN])('percentile %d is refused', (percent) => {
  expect(() => percentile([1], percent)).toThrow(RangeError)
})

test('nothing has neither median nor mean nor percentile', () => {
  expect(() => median([])).toThrow('no values')
  expect(() => mean([])).toThrow('no values')
  expect(() => percentile([], 50)).toThrow('no values')
})

test('ratios are taken within a round', () => {
  expect(pairedRatios([10, 20, 30], [5, 40, 10])).toEqual([2, 0.5, 3])
})

test('a round that only one of them ran has no ratio', () => {
  expect(pairedRatios([10, 20, 30], [5])).toEqual([2])
  expect(pairedRatios([], [5])).toEqual([])
})

test('property: half of the values are on either side of the median', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 50 }),
      (values) => {
        const middle = median(values)
        const half = values.length / 2
        expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(half)
        expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(half)
      },
    ),
  )
})

test('property: a percentile is one of the values, and none below it covers as many', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer(), { minLength: 1, maxLength: 50 }),
      fc.integer({ min: 1, max: 100 }),
      (values, percent) => {
        const found = percentile(values, percent)
        const covered = (limit: number) => values.filter((value) => value <= limit).length / values.length
        expect(values).toContain(found)
        expect(covered(found)).toBeGreaterThanOrEqual(percent / 100 - 1e-9)
        for (const smaller of values.filter((value) => value < found))
          expect(covered(smaller)).toBeLessThan(percent / 100)
      },
    ),
  )
})
