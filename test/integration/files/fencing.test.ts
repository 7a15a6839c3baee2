// A newer attempt at an upload ends the older one in whatever it is doing, and does not wait for work that nobody needs any more.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../../src/protocol/messages.js'
import { changedStorage, Gate } from '../../helpers/storage.js'
import { sha256, uploadServer } from '../../helpers/upload-server.js'

const SIZE = 3_000_000
const HALF = 1_500_000
const FENCED = { code: 'ERR_FAKESSH_FENCED' }

const content = randomBytes(SIZE)
const firstHalf = content.subarray(0, HALF)
const secondHalf = content.subarray(HALF)

const params = (attempt: number): JsonObject => ({
  path: 'file',
  size: SIZE,
  resume: { id: 'a'.repeat(64), holder: '1'.repeat(32), attempt },
})

test('an attempt that is reading what it found reads no more of it', async () => {
  const gate = new Gate()
  // By whom, in the order in which they came.
  const reads: number[] = []
  const { root, connect } = uploadServer({
    storage: (path) =>
      changedStorage(path, {
        staged: (staged) => {
          if (staged.bytes === 0) return {}
          const mine = reads.push(0) - 1
          return {
            read: async (into, position) => {
              reads[mine] = (reads[mine] ?? 0) + 1
              if (mine === 0) await gate.pass()
              return staged.read(into, position)
            },
          }
        },
      }),
  })
  const first = await connect('ann')
  const put = first.put(params(1))
  await put.opened
  await put.send(firstHalf)
  await first.lose()

  const older = (await connect('ann')).put(params(2))
  await gate.reached
  const third = await connect('ann')
  const newer = third.put(params(3))
  // By the answer to this one the server has heard of the other.
  await third.put({ path: 'another' }).opened
  gate.open()
  expect(await newer.opened).toEqual({ start: HALF, digest: sha256(firstHalf) })
  await expect(older.opened).rejects.toMatchObject(FENCED)
  expect(reads[0]).toBeLessThanOrEqual(2)
  expect(reads[1]).toBeGreaterThan(2)
  await newer.send(secondHalf)
  newer.finish(content)
  expect(await newer.answer).toMatchObject({ bytes: SIZE, digest: sha256(content) })
  expect(readFileSync(root.at('file')).equals(content)).toBe(true)
})
