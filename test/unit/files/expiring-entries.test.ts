import { afterEach, expect, test } from 'vitest'
import { ExpiringEntries } from '../../../src/files/expiring-entries.js'
import { until } from '../../helpers/until.js'

const LATER = Date.now() + 3_600_000

let over: string[] = []
let entries = new ExpiringEntries<string>(2)

function fresh(maxPerOwner = 2) {
  over = []
  entries = new ExpiringEntries<string>(maxPerOwner, (value) => over.push(value))
  return entries
}

afterEach(() => entries.close())

test("an owner's newest puts out that owner's oldest, and nobody else's", () => {
  fresh()
  entries.set('1', 'ann', 'a', LATER)
  for (const key of ['2', '3', '4', '5']) entries.set(key, 'bob', `b${key}`, LATER)
  expect(over).toEqual(['b2', 'b3'])
  expect(entries.all()).toEqual([
    ['1', 'a'],
    ['4', 'b4'],
    ['5', 'b5'],
  ])
  expect([entries.hasRoomFor('ann'), entries.hasRoomFor('bob'), entries.hasRoomFor('cid')]).toEqual([
    true,
    false,
    true,
  ])
})

test('where there is a bound for all together, the newest puts out the oldest, whoever owns it', () => {
  over = []
  entries = new ExpiringEntries<string>(2, (value) => over.push(value), 3)
  for (const owner of ['ann', 'bob', 'cid', 'dan', 'dan', 'dan'])
    entries.set(`${over.length}${entries.all().length}`, owner, owner, LATER)
  expect(over).toEqual(['ann', 'bob', 'dan'])
  expect(entries.all().map(([, owner]) => owner)).toEqual(['cid', 'dan', 'dan'])
})

test('the same key has one entry, of whoever was the last', () => {
  fresh()
  entries.set('1', 'root', 'found', LATER)
  entries.set('1', 'ann', 'kept', LATER)
  expect([entries.of('root'), entries.of('ann')]).toEqual([[], [['1', 'kept']]])
  expect(entries.get('1')).toBe('kept')
  expect(over).toEqual([])
})

test('what was deleted makes room', () => {
  fresh(1)
  entries.set('1', 'ann', 'a', LATER)
  entries.delete('1')
  entries.delete('1')
  entries.set('2', 'ann', 'b', LATER)
  expect(over).toEqual([])
  expect(entries.get('1')).toBeUndefined()
})

test('what expires goes when its time has come, in whatever order it came', async () => {
  fresh(3)
  const now = Date.now()
  entries.set('1', 'ann', 'late', LATER)
  entries.set('2', 'ann', 'second', now + 20)
  entries.set('3', 'ann', 'first', now + 10)
  await until(() => over.length === 2)
  expect(over.sort()).toEqual(['first', 'second'])
  expect(entries.all()).toEqual([['1', 'late']])
})

test('after close nothing is added', () => {
  fresh()
  entries.close()
  entries.set('1', 'ann', 'a', LATER)
  expect(entries.all()).toEqual([])
})
