import { expect, test } from 'vitest'
import { interleave } from '../../../../bench/measure/interleave.js'

async function runAll(warmups: number, rounds: number, fails: (member: string, turn: number) => boolean) {
  const turns: string[] = []
  const failures: [string, unknown][] = []
  await interleave(['a', 'b', 'c'], {
    warmups,
    rounds,
    turn: async (member, isCounted) => {
      turns.push(isCounted ? member.toUpperCase() : member)
      const own = turns.filter((one) => one.toLowerCase() === member).length
      if (fails(member, own)) throw new Error(`${member} broke`)
    },
    onFailure: (member, error) => failures.push([member, error]),
  })
  return { turns: turns.join(''), failures }
}

test('members take turns', async () => {
  const { turns, failures } = await runAll(0, 3, () => false)
  expect(turns).toBe('ABCABCABC')
  expect(failures).toEqual([])
})

test('warm-up rounds come first and do not count', async () => {
  const { turns } = await runAll(2, 1, () => false)
  expect(turns).toBe('abcabcABC')
})

test('who fails gets no further turn, and the others go on', async () => {
  const { turns, failures } = await runAll(1, 2, (member, turn) => member === 'b' && turn === 2)
  expect(turns).toBe('abcABCAC')
  expect(failures).toEqual([['b', new Error('b broke')]])
})

test('who fails the warm-up is never counted', async () => {
  const { turns } = await runAll(1, 2, (member) => member === 'a')
  expect(turns).toBe('abcBCBC')
})

test('all may fail', async () => {
  const { turns, failures } = await runAll(0, 3, () => true)
  expect(turns).toBe('ABC')
  expect(failures).toHaveLength(3)
})

test('one turn ends before the next begins', async () => {
  let running = 0
  await interleave([1, 2, 3], {
    warmups: 1,
    rounds: 3,
    turn: async () => {
      running += 1
      expect(running).toBe(1)
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
    },
    onFailure: (_member, error) => {
      throw error
    },
  })
  expect(running).toBe(0)
})
