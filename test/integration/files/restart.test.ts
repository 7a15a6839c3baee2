// REQUEST restart: it counts once, of a part that was found, before anything else. Whatever the server proves is what is under the target's name.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../../src/protocol/messages.js'
import { changedStorage, Gate, type StorageChanges } from '../../helpers/storage.js'
import { sha256, uploadServer } from '../../helpers/upload-server.js'

const SIZE = 2_000_000
const PARAMS: JsonObject = {
  path: 'file',
  size: SIZE,
  resume: { id: 'a'.repeat(64), holder: '1'.repeat(32), attempt: 1 },
}
const REFUSED = { code: 'ERR_FAKESSH_PROTOCOL' }

const content = randomBytes(SIZE)
const part = content.subarray(0, 700_000)

/** A server at which the part was left, and the attempt that found it. */
async function withPart(changes: StorageChanges = {}) {
  const server = uploadServer({ storage: (root) => changedStorage(root, changes) })
  const first = await server.connect('ann')
  const earlier = first.put(PARAMS)
  await earlier.opened
  await earlier.send(part)
  await first.lose()
  const { put } = await server.connect('ann')
  const attempt = put(PARAMS)
  expect(await attempt.opened).toMatchObject({ start: part.length })
  const target = () => readFileSync(server.root.at('file'))
  return { ...server, attempt, target }
}

test('is refused where nothing was found', async () => {
  const { root, connect } = uploadServer()
  const put = (await connect('ann')).put(PARAMS)
  await put.opened
  const restarts = Array.from({ length: 4 }, () => put.channel.request('restart', {}))
  put.channel.send(0, part, () => undefined)
  put.finish(part)
  for (const restart of restarts) await expect(restart).rejects.toMatchObject(REFUSED)
  expect(await put.answer).toMatchObject({ bytes: part.length, digest: sha256(part) })
  expect(readFileSync(root.at('file')).equals(part)).toBe(true)
})

test('is refused the second time, also while the first is under way', async () => {
  const gate = new Gate()
  const { attempt, target } = await withPart({
    staged: (staged) => ({
      restart: async () => {
        await gate.pass()
        await staged.restart()
      },
    }),
  })
  const first = attempt.channel.request('restart', {})
  await expect(attempt.channel.request('restart', {})).rejects.toMatchObject(REFUSED)
  gate.open()
  expect(await first).toEqual({})
  await expect(attempt.channel.request('restart', {})).rejects.toMatchObject(REFUSED)
  await attempt.send(content)
  attempt.finish(content)
  expect(await attempt.answer).toMatchObject({ bytes: SIZE, digest: sha256(content) })
  expect(target().equals(content)).toBe(true)
})

test('is refused after EOF', async () => {
  const { attempt, target } = await withPart()
  attempt.channel.sendEof(0)
  // By the answer to this one it has come.
  await expect(attempt.channel.request('nothing', {})).rejects.toMatchObject({
    code: 'ERR_FAKESSH_UNSUPPORTED',
  })
  await expect(attempt.channel.request('restart', {})).rejects.toMatchObject(REFUSED)
  attempt.channel.sendCommit({ bytes: part.length, algorithm: 'sha256', digest: sha256(part) })
  expect(await attempt.answer).toMatchObject({ digest: sha256(part) })
  expect(target().equals(part)).toBe(true)
})

test('is refused while the file is being committed', async () => {
  const gate = new Gate()
  const { attempt, target } = await withPart({
    staged: (staged) => ({
      commit: async (options) => {
        await gate.pass()
        await staged.commit(options)
      },
    }),
  })
  attempt.finish(part)
  await gate.reached
  await expect(attempt.channel.request('restart', {})).rejects.toMatchObject(REFUSED)
  gate.open()
  expect(await attempt.answer).toMatchObject({ bytes: part.length, digest: sha256(part) })
  expect(target().equals(part)).toBe(true)
})
