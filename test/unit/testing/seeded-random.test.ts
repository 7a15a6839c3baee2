// Numbers that follow from a seed.
import { expect, test } from 'vitest'
import { between, seededRandom } from '../../../src/testing/seeded-random.js'

const take = (count: number, random: () => number) => Array.from({ length: count }, random)

test('are those of mulberry32', () => {
  // Of the published generator, started with 1, in 32 bits.
  expect(take(4, seededRandom(1))).toEqual([2693262067, 11749833, 2265367787, 4213581821])
})

test('are the same for the same seed, and others for another seed, salt, or order of salts', () => {
  const first = take(5, seededRandom(7, 1, 2))
  expect(take(5, seededRandom(7, 1, 2))).toEqual(first)
  for (const other of [seededRandom(8, 1, 2), seededRandom(7, 2, 1), seededRandom(7, 1), seededRandom(7)])
    expect(take(5, other)).not.toEqual(first)
})

test('cover a range with both its ends, evenly', () => {
  const random = seededRandom(3)
  const counts = new Map<number, number>()
  for (let i = 0; i < 10_000; i++) {
    const value = between(5, 9, random())
    counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  expect([...counts.keys()].sort()).toEqual([5, 6, 7, 8, 9])
  for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(200)
  expect(between(4, 4, random())).toBe(4)
  expect([between(0, 1, 0), between(0, 1, 0xffff_ffff)]).toEqual([0, 1])
})
