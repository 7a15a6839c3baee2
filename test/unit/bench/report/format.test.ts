import { expect, test } from 'vitest'
import { formatBound, formatNumber, formatRange, formatValue } from '../../../../bench/report/format.js'

test.each<[number, string]>([
  [0, '0.00'],
  [1.234, '1.23'],
  [9.999, '10.00'],
  [12.34, '12.3'],
  [99.99, '100.0'],
  [123.4, '123'],
  [1_234.5, '1235'],
  [-3.21, '-3.21'],
])('%d is written %s', (value, expected) => {
  expect(formatNumber(value)).toBe(expected)
})

test('a value has its unit', () => {
  expect(formatValue(1.5, 'MiB/s')).toBe('1.50 MiB/s')
})

test('a range goes from the smallest to the largest', () => {
  expect(formatRange([3, 1, 2])).toBe('1.00 to 3.00')
  expect(formatRange([1])).toBe('')
  expect(formatRange([])).toBe('')
})

test('a bound says what it is a multiple of, or its unit', () => {
  expect(formatBound({ atLeast: 1.5 }, 'MiB/s', 'scp')).toBe('≥ 1.5 × scp')
  expect(formatBound({ atMost: 1 / 3 }, 'ms', 'cold ssh')).toBe('≤ 0.33 × cold ssh')
  expect(formatBound({ below: 20 }, 'ms', undefined)).toBe('< 20 ms')
  expect(() => formatBound({}, 'ms', undefined)).toThrow('without a value')
})
