import { expect, test } from 'vitest'
import { DigestTurns } from '../../../src/files/digest-turns.js'
import { Gate } from '../../helpers/storage.js'
import { turns, until } from '../../helpers/until.js'

const never = new AbortController().signal

/** Work that waits; `begun` names those that had their turn, in order. */
function works() {
  const digests = new DigestTurns()
  const begun: string[] = []
  const gates = new Map<string, Gate>()
  const start = (user: string, name: string, signal = never) => {
    const gate = new Gate()
    gates.set(name, gate)
    return digests.during(user, signal, async () => {
      begun.push(name)
      await gate.pass()
      return name
    })
  }
  return { start, begun, finish: (name: string) => gates.get(name)?.open() }
}

test('two at once of each user, in the order in which they came', async () => {
  const { start, begun, finish } = works()
  const all = ['a1', 'a2', 'a3', 'a4', 'b1'].map((name) => start(name.slice(0, 1), name))
  await turns(3)
  expect(begun).toEqual(['a1', 'a2', 'b1'])
  finish('a2')
  await until(() => begun.length === 4)
  finish('a1')
  await until(() => begun.length === 5)
  expect(begun.slice(3)).toEqual(['a3', 'a4'])
  for (const name of ['a3', 'a4', 'b1']) finish(name)
  expect(await Promise.all(all)).toEqual(['a1', 'a2', 'a3', 'a4', 'b1'])
  // All of it can be used again.
  const again = [start('a', 'c1'), start('a', 'c2')]
  expect(begun.slice(5)).toEqual(['c1', 'c2'])
  for (const name of ['c1', 'c2']) finish(name)
  await Promise.all(again)
})

test('one that nobody waits for any more does not take a turn', async () => {
  const { start, begun, finish } = works()
  const stop = new AbortController()
  const first = [start('a', '1'), start('a', '2')]
  const dropped = start('a', 'dropped', stop.signal)
  const last = start('a', 'last')
  stop.abort('gone')
  await expect(dropped).rejects.toBe('gone')
  finish('1')
  finish('2')
  await until(() => begun.includes('last'))
  finish('last')
  await Promise.all([...first, last])
  expect(begun).not.toContain('dropped')
  await expect(start('a', 'late', stop.signal)).rejects.toBe('gone')
})

test('work that fails makes room', async () => {
  const digests = new DigestTurns()
  const failing = () => digests.during('a', never, () => Promise.reject(new Error('broken')))
  for (let i = 0; i < 5; i++) await expect(failing()).rejects.toThrow('broken')
  expect(await digests.during('a', never, async () => 'done')).toBe('done')
})
