// The server's last word on an upload is lost: the same call hears it again, and what others wrote meanwhile stays.
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ChannelOpener } from '../../../src/connection/channel-opener.js'
import { ConnectionError } from '../../../src/errors.js'
import { LocalDisk } from '../../../src/files/local-disk.js'
import { upload } from '../../../src/files/upload.js'
import type { JsonObject } from '../../../src/protocol/messages.js'
import { outcomeOf } from '../../helpers/operations.js'
import { changedStorage, Gate } from '../../helpers/storage.js'
import { temporaryDirectory } from '../../helpers/temporary-directory.js'
import { sha256, uploadServer } from '../../helpers/upload-server.js'

const SIZE = 1_500_000
const content = randomBytes(SIZE)
const newer = 'by somebody else'

function params(attempt: number, more: JsonObject = {}): JsonObject {
  return {
    path: 'file',
    size: SIZE,
    resume: { id: 'a'.repeat(64), holder: '1'.repeat(32), attempt },
    ...more,
  }
}

/** Attempt 1 is committed, its answer does not arrive, and then somebody else writes the target. */
async function unheard(more: JsonObject = {}) {
  const server = uploadServer()
  const { put, lose } = await server.connect('ann')
  const first = put(params(1, more))
  await first.opened
  await first.send(content)
  first.finish(content)
  await first.answer
  await lose()
  writeFileSync(server.root.at('file'), newer)
  const again = async (...args: Parameters<typeof params>) =>
    (await server.connect('ann')).put(params(...args))
  return { ...server, again, target: () => readFileSync(server.root.at('file')) }
}

describe('the next attempt of the same holder', () => {
  test.each<JsonObject>([{}, { overwrite: false }])(
    'has the answer again %j, and nothing is written',
    async (more) => {
      const { again, target, root } = await unheard(more)
      const put = await again(2, more)
      expect(await put.opened).toEqual({ start: SIZE, digest: sha256(content) })
      put.finish(content)
      expect(await put.answer).toEqual({ bytes: SIZE, algorithm: 'sha256', digest: sha256(content) })
      expect(target().toString()).toBe(newer)
      expect(root.list()).toEqual(['file'])
      // As often as it asks.
      const third = await again(3, more)
      expect(await third.opened).toEqual({ start: SIZE, digest: sha256(content) })
      third.finish(content)
      expect(await third.answer).toMatchObject({ digest: sha256(content) })
      expect(target().toString()).toBe(newer)
    },
  )

  test('sends all of it when its source has changed since', async () => {
    const { again, target, root } = await unheard()
    const put = await again(2)
    await put.opened
    expect(await put.channel.request('restart', {})).toEqual({})
    const changed = randomBytes(SIZE)
    await put.send(changed)
    put.finish(changed)
    expect(await put.answer).toMatchObject({ bytes: SIZE, digest: sha256(changed) })
    expect(target().equals(changed)).toBe(true)
    expect(root.list()).toEqual(['file'])
  })

  test('leaves nothing behind when it is lost after that', async () => {
    const { connect, root, target, table } = await unheard()
    const { put, lose } = await connect('ann')
    await put(params(2)).opened
    await lose()
    expect(await table.list()).toEqual([])
    const restarting = await connect('ann')
    const other = restarting.put(params(3))
    await other.opened
    await other.channel.request('restart', {})
    await restarting.lose()
    expect(root.list()).toEqual(['file'])
    expect(target().toString()).toBe(newer)
  })

  test('goes on with what one that restarted has brought, not with what was committed before', async () => {
    const { connect, again, root, target } = await unheard()
    const restarting = await connect('ann')
    const put = restarting.put(params(2))
    await put.opened
    await put.channel.request('restart', {})
    const changed = randomBytes(SIZE)
    await put.send(changed.subarray(0, 1_000_000))
    await restarting.lose()
    const next = await again(3)
    const { start, digest } = await next.opened
    const bytes = Number(start)
    expect(bytes).toBeGreaterThan(0)
    expect(digest).toBe(sha256(changed.subarray(0, bytes)))
    await next.send(changed.subarray(bytes))
    next.finish(changed)
    expect(await next.answer).toMatchObject({ bytes: SIZE, digest: sha256(changed) })
    expect(target().equals(changed)).toBe(true)
    expect(root.list()).toEqual(['file'])
    // The one that was committed first still comes too late.
    await expect((await again(1)).opened).rejects.toMatchObject({ code: 'ERR_FAKESSH_FENCED' })
  })

  test('cannot add anything to what is no longer there', async () => {
    const { again, target, root } = await unheard()
    const put = await again(2)
    await put.opened
    const longer = Buffer.concat([content, randomBytes(1_000)])
    void put.send(longer.subarray(SIZE))
    put.finish(longer)
    expect(await put.answer).toMatchObject({ error: { code: 'ERR_FAKESSH_SOURCE_CHANGED' } })
    expect(target().toString()).toBe(newer)
    expect(root.list()).toEqual(['file'])
  })

  test.each<[string, JsonObject]>([
    ['another size', { size: SIZE + 1 }],
    ['another algorithm', { algorithm: 'sha512' }],
  ])('with %s begins anew', async (_what, more) => {
    const { again } = await unheard()
    expect(await (await again(2, more)).opened).toEqual({ start: 0 })
  })
})

test('another holder begins anew', async () => {
  const { again } = await unheard()
  const resume = { id: 'a'.repeat(64), holder: '2'.repeat(32), attempt: 2 }
  expect(await (await again(2, { resume })).opened).toEqual({ start: 0 })
})

test('an earlier attempt of the same holder is refused', async () => {
  const { again } = await unheard()
  await expect((await again(1)).opened).rejects.toMatchObject({ code: 'ERR_FAKESSH_FENCED' })
})

test('an attempt that comes while the earlier one is being committed has its answer', async () => {
  const gate = new Gate()
  let commits = 0
  const { connect, root } = uploadServer({
    storage: (path) =>
      changedStorage(path, {
        staged: (staged) => ({
          commit: async (options) => {
            commits += 1
            await gate.pass()
            await staged.commit(options)
          },
        }),
      }),
  })
  const first = (await connect('ann')).put(params(1))
  await first.opened
  await first.send(content)
  first.finish(content)
  await gate.reached
  const { put } = await connect('ann')
  const second = put(params(2))
  // By the answer to this one the server has heard of the other.
  await put({ path: 'another' }).opened
  gate.open()
  expect(await second.opened).toEqual({ start: SIZE, digest: sha256(content) })
  second.finish(content)
  expect(await second.answer).toMatchObject({ digest: sha256(content) })
  expect(readFileSync(root.at('file')).equals(content)).toBe(true)
  expect(commits).toBe(1)
})

test('an upload that must not overwrite tells the loss where the server is another one by now', async () => {
  const gate = new Gate()
  const { connect, root } = uploadServer({
    storage: (path) =>
      changedStorage(path, {
        staged: (staged) => ({
          commit: async (options) => {
            await staged.commit(options)
            await gate.pass()
          },
        }),
      }),
  })
  const [first, second] = [
    await connect('ann'),
    await uploadServer({ storage: () => new LocalDisk(root.path) }).connect('ann'),
  ]
  let isFirst = true
  const opener: ChannelOpener = {
    open: (...args) => (isFirst ? first : second).pair.client.open(...args),
    recovery: {
      isRecoverable: ConnectionError.is,
      whenOpen: async () => {
        isFirst = false
      },
      get instance() {
        return isFirst ? 'one' : 'two'
      },
    },
  }
  const local = temporaryDirectory()
  writeFileSync(local.at('file'), content)
  const server = { host: 'host', user: 'ann' }
  const outcome = outcomeOf(upload(opener, local.at('file'), 'file', { overwrite: false }, { server }))
  await gate.reached
  const isLost = first.lose()
  gate.open()
  await isLost
  expect(await outcome).toMatchObject({ error: { code: 'ERR_FAKESSH_CONNECTION_LOST' } })
  expect(readFileSync(root.at('file')).equals(content)).toBe(true)
})

describe('a small upload, of which nothing is kept', () => {
  const small = content.subarray(0, 1_000)
  const of = (attempt: number) => params(attempt, { size: small.length })

  test('is taken up anew, and ends the attempt before', async () => {
    const { connect, root, table } = uploadServer()
    const { put, lose } = await connect('ann')
    const first = put(of(1))
    await first.opened
    expect(await table.list()).toEqual([])
    const second = (await connect('ann')).put(of(2))
    expect(await second.opened).toEqual({ start: 0 })
    expect(await first.answer).toMatchObject({ error: { code: 'ERR_FAKESSH_FENCED' } })
    await second.send(small)
    second.finish(small)
    expect(await second.answer).toMatchObject({ digest: sha256(small) })
    await lose()
    expect(root.list()).toEqual(['file'])
  })

  test('leaves nothing when it is lost', async () => {
    const { connect, root, table } = uploadServer()
    const { put, lose } = await connect('ann')
    const first = put(of(1))
    await first.opened
    await first.send(small.subarray(1))
    await lose()
    expect([root.list(), await table.list()]).toEqual([[], []])
  })

  test('of an earlier attempt, which comes late, is refused: what was written since stays', async () => {
    const { connect, root } = uploadServer()
    const second = (await connect('ann')).put(of(2))
    await second.opened
    await second.send(small)
    second.finish(small)
    await second.answer
    writeFileSync(root.at('file'), newer)
    const late = (await connect('ann')).put(of(1))
    await expect(late.opened).rejects.toMatchObject({ code: 'ERR_FAKESSH_FENCED' })
    expect(readFileSync(root.at('file')).toString()).toBe(newer)
    // Its answer was lost: it is told again.
    const third = (await connect('ann')).put(of(3))
    expect(await third.opened).toEqual({ start: small.length, digest: sha256(small) })
  })
})
