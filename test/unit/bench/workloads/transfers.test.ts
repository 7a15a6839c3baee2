import { expect, test } from 'vitest'
import type { Direction, LibraryClient, RunningTransfer } from '../../../../bench/clients/remote-client.js'
import { readAll, readSmall, transferAtOnce, transferOne } from '../../../../bench/workloads/transfers.js'

/** A client whose transfers move a fixed number of bytes a turn of the loop, each at its own speed. */
function clientWith(speeds: { readonly [remote: string]: number }, bytesEach: number) {
  const calls: string[] = []
  const start = async (direction: Direction, remote: string): Promise<RunningTransfer> => {
    calls.push(`${direction} ${remote}`)
    let moved = 0
    const move = async () => {
      while (moved < bytesEach) {
        await new Promise((resolve) => setTimeout(resolve, 1))
        moved = Math.min(bytesEach, moved + (speeds[remote] ?? 1))
      }
    }
    return { done: move(), transferredBytes: () => moved }
  }
  let running = 0
  let mostRunning = 0
  const read = async (remote: string) => {
    running += 1
    mostRunning = Math.max(mostRunning, running)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
    return Buffer.alloc(speeds[remote] ?? 0)
  }
  const client = {
    start,
    read,
    get: async (remote: string, local: string) => void calls.push(`get ${remote} to ${local}`),
    put: async (local: string, remote: string) => void calls.push(`put ${local} to ${remote}`),
  } as unknown as LibraryClient
  return { client, calls, mostRunning: () => mostRunning }
}

const pairs = (...names: string[]) => names.map((remote) => ({ remote, local: `/tmp/${remote}` }))

test('one file goes the way it is told', async () => {
  const { client, calls } = clientWith({}, 0)
  await transferOne(client, 'get', { remote: 'r', local: 'l' })
  await transferOne(client, 'put', { remote: 'r', local: 'l' })
  expect(calls).toEqual(['get r to l', 'put l to r'])
})

test('equal transfers have equal shares', async () => {
  const { client } = clientWith({ a: 10, b: 10 }, 1_000)
  const { smallestShare, largestShare } = await transferAtOnce(client, 'get', pairs('a', 'b'), 1_000)
  expect(smallestShare).toBeGreaterThan(0.8)
  expect(largestShare).toBeLessThan(1.2)
  expect((smallestShare + largestShare) / 2).toBeCloseTo(1)
})

test('a starved transfer is seen, although it gets its bytes in the end', async () => {
  const { client } = clientWith({ a: 100, b: 100, c: 1 }, 200)
  const { smallestShare, largestShare } = await transferAtOnce(client, 'put', pairs('a', 'b', 'c'), 200)
  expect(smallestShare).toBeLessThan(0.5)
  expect(largestShare).toBeGreaterThan(1)
})

test('transfers that end before anybody looked have shares all the same', async () => {
  const { client } = clientWith({ a: 5, b: 5 }, 5)
  expect(await transferAtOnce(client, 'get', pairs('a', 'b'), 5)).toMatchObject({
    smallestShare: 1,
    largestShare: 1,
  })
})

test('small files are read all at once, or one after the other', async () => {
  const names = ['a', 'b', 'c']
  const sizes = { a: 7, b: 7, c: 7 }
  const together = clientWith(sizes, 0)
  await readSmall(together.client, names, 7, 'at once')
  expect(together.mostRunning()).toBe(3)
  const alone = clientWith(sizes, 0)
  await readSmall(alone.client, names, 7, 'in sequence')
  expect(alone.mostRunning()).toBe(1)
})

test('a small file of the wrong size is no result', async () => {
  const { client } = clientWith({ a: 6 }, 0)
  await expect(readSmall(client, ['a'], 7, 'at once')).rejects.toThrow("'a' has 6 bytes instead of 7")
})

test('a whole file counts only when all of it came', async () => {
  const { client } = clientWith({ a: 50 }, 100)
  await expect(readAll(client, 'a', 100)).resolves.toBeUndefined()
  await expect(readAll(client, 'a', 101)).rejects.toThrow('100 bytes arrived instead of 101')
})
