// Parts of uploads at a server: whose they are, who may write them, how they are listed, and when they go.
import { randomBytes } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/protocol/messages.js'
import { fullStorage } from '../../helpers/storage.js'
import { until } from '../../helpers/until.js'
import { sha256, uploadServer } from '../../helpers/upload-server.js'

const SIZE = 3_000_000
const HALF = 1_500_000

const id = (letter: string) => letter.repeat(64)
const holder = (letter: string) => letter.repeat(32)

/** Params of a put of `SIZE` bytes. */
function params(
  more: { path?: string; id?: string; holder?: string; size?: number; attempt?: number } = {},
): JsonObject {
  const resume = { id: more.id ?? id('a'), holder: more.holder ?? holder('1'), attempt: more.attempt ?? 1 }
  return { path: more.path ?? 'file', size: more.size ?? SIZE, resume }
}

const content = randomBytes(SIZE)
const firstHalf = content.subarray(0, HALF)
const secondHalf = content.subarray(HALF)

/** A server at which `user` has sent half of the content, and was lost. */
async function withPart(user = 'ann', ...options: Parameters<typeof uploadServer>) {
  const server = uploadServer(...options)
  const first = await server.connect(user)
  const put = first.put(params())
  expect(await put.opened).toEqual({ start: 0 })
  await put.send(firstHalf)
  await first.lose()
  return server
}

describe('what was kept', () => {
  test('is found by the same user, id and path, with its digest, and completed', async () => {
    const { root, connect } = await withPart()
    const put = (await connect('ann')).put(params())
    expect(await put.opened).toEqual({ start: HALF, digest: sha256(firstHalf) })
    await put.send(secondHalf)
    put.finish(content)
    expect(await put.answer).toMatchObject({ bytes: SIZE, digest: sha256(content) })
    expect(root.list()).toEqual(['file'])
    expect(readFileSync(root.at('file')).equals(content)).toBe(true)
  })

  test.each<[string, string, JsonObject]>([
    ['another user', 'bob', params()],
    ['another id', 'ann', params({ id: id('b') })],
    ['another path', 'ann', params({ path: 'other' })],
    ['no id', 'ann', { path: 'file', size: SIZE }],
    ['a small size', 'ann', params({ size: 1_048_575, holder: holder('2') })],
  ])('is not found by %s, and not touched', async (_what, user, theirs) => {
    const { root, connect } = await withPart()
    const [part = ''] = root.leftovers()
    const other = await connect(user)
    const put = other.put(theirs)
    expect(await put.opened).toEqual({ start: 0 })
    put.finish(Buffer.alloc(0))
    expect(await put.answer).toMatchObject({ bytes: 0 })
    expect(readFileSync(root.at(part)).equals(firstHalf)).toBe(true)
    expect(await (await connect('ann')).put(params()).opened).toMatchObject({ start: HALF })
  })

  test('is found by another holder too, once nobody writes it', async () => {
    const { connect } = await withPart()
    expect(await (await connect('ann')).put(params({ holder: holder('2') })).opened).toMatchObject({
      start: HALF,
    })
  })

  test('is thrown away on restart, and the upload begins at its beginning', async () => {
    const { root, connect } = await withPart()
    const put = (await connect('ann')).put(params())
    await put.opened
    expect(await put.channel.request('restart', {})).toEqual({})
    expect(root.leftovers().map((name) => statSync(root.at(name)).size)).toEqual([0])
    const other = randomBytes(SIZE)
    await put.send(other)
    put.finish(other)
    expect(await put.answer).toMatchObject({ bytes: SIZE, digest: sha256(other) })
    expect(readFileSync(root.at('file')).equals(other)).toBe(true)
  })

  test('DATA that comes while it is thrown away is of the new beginning', async () => {
    const { root, connect } = await withPart()
    const put = (await connect('ann')).put(params())
    await put.opened
    const other = randomBytes(SIZE)
    const restarted = put.channel.request('restart', {})
    await put.send(other)
    put.finish(other)
    await restarted
    expect(await put.answer).toMatchObject({ bytes: SIZE })
    expect(readFileSync(root.at('file')).equals(other)).toBe(true)
  })

  test.each([
    ['restart', 'ERR_FAKESSH_PROTOCOL'],
    ['rewind', 'ERR_FAKESSH_UNSUPPORTED'],
  ])('a request %s after DATA is refused with %s', async (type, code) => {
    const { connect } = await withPart()
    const put = (await connect('ann')).put(params())
    await put.opened
    await put.send(secondHalf)
    await expect(put.channel.request(type, {})).rejects.toMatchObject({ code })
  })

  test('a proof that is wrong discards it', async () => {
    const { root, connect } = await withPart()
    const put = (await connect('ann')).put(params())
    await put.opened
    await put.send(secondHalf)
    put.finish(randomBytes(SIZE))
    expect(await put.answer).toMatchObject({ error: { code: 'ERR_FAKESSH_DIGEST_MISMATCH' } })
    expect(root.list()).toEqual([])
  })

  test('a full disk discards it', async () => {
    const storage = (root: string) => fullStorage(root, 2_000_000)
    const server = uploadServer({ storage })
    const put = (await server.connect('ann')).put(params())
    await put.opened
    void put.send(content)
    expect(await put.answer).toMatchObject({ error: { code: 'ENOSPC' } })
    expect(server.root.list()).toEqual([])
    expect(await server.table.list()).toEqual([])
  })

  test('a part that damage changed is not vouched for', async () => {
    const { root, connect } = await withPart()
    const [part = ''] = root.leftovers()
    const damaged = Buffer.from(firstHalf)
    damaged[77] = ~(damaged[77] as number)
    writeFileSync(root.at(part), damaged)
    expect(await (await connect('ann')).put(params()).opened).toEqual({
      start: HALF,
      digest: sha256(damaged),
    })
  })

  test('all of it is whole: only the COMMIT was missing', async () => {
    const { root, connect } = await withPart()
    const second = await connect('ann')
    const put = second.put(params())
    await put.opened
    await put.send(secondHalf)
    await second.lose()
    const last = (await connect('ann')).put(params())
    expect(await last.opened).toEqual({ start: SIZE, digest: sha256(content) })
    last.finish(content)
    expect(await last.answer).toMatchObject({ bytes: SIZE })
    expect(root.list()).toEqual(['file'])
  })
})

describe('while it is being written', () => {
  async function running() {
    const server = uploadServer()
    const first = await server.connect('ann')
    const put = first.put(params())
    await put.opened
    await put.send(firstHalf)
    return { ...server, first, put }
  }

  test('the same holder ends the older attempt, and goes on where it was', async () => {
    const { root, connect, put } = await running()
    const newer = (await connect('ann')).put(params({ attempt: 2 }))
    expect(await newer.opened).toEqual({ start: HALF, digest: sha256(firstHalf) })
    expect(await put.answer).toMatchObject({ error: { code: 'ERR_FAKESSH_FENCED' } })
    // Whatever it still sends does not reach the file.
    put.channel.send(0, randomBytes(10_000), () => undefined)
    await newer.send(secondHalf)
    newer.finish(content)
    expect(await newer.answer).toMatchObject({ bytes: SIZE })
    expect(readFileSync(root.at('file')).equals(content)).toBe(true)
    expect(root.list()).toEqual(['file'])
  })

  test('of many attempts of the same holder at once the newest wins', async () => {
    const { root, connect, put } = await running()
    const attempts = [put]
    for (let i = 0; i < 10; i++) attempts.push((await connect('ann')).put(params({ attempt: 2 + i })))
    const newest = attempts.pop()
    expect(await newest?.opened).toMatchObject({ start: HALF })
    const fenced = { code: 'ERR_FAKESSH_FENCED' }
    expect(await put.answer).toMatchObject({ error: fenced })
    for (const older of attempts.slice(1)) {
      // Ended before or after it was answered.
      const end = older.opened.then(() => older.answer).catch((error: unknown) => ({ error }))
      expect(await end).toMatchObject({ error: fenced })
    }
    await newest?.send(secondHalf)
    newest?.finish(content)
    expect(await newest?.answer).toMatchObject({ bytes: SIZE })
    expect(root.list()).toEqual(['file'])
  })

  test.each([1, 2])(
    'attempt %i of the same holder that comes after attempt 2 is refused',
    async (attempt) => {
      const { root, connect } = uploadServer()
      const put = (await connect('ann')).put(params({ attempt: 2 }))
      await put.opened
      await put.send(firstHalf)
      // Of a connection that was given up long ago, on which the network still delivered this.
      const late = (await connect('ann')).put(params({ attempt }))
      await expect(late.opened).rejects.toMatchObject({ code: 'ERR_FAKESSH_FENCED' })
      await put.send(secondHalf)
      put.finish(content)
      expect(await put.answer).toMatchObject({ bytes: SIZE, digest: sha256(content) })
      expect(root.list()).toEqual(['file'])
    },
  )

  test('another holder begins a file of its own, and neither touches the other', async () => {
    const { root, connect, put } = await running()
    const other = (await connect('ann')).put(params({ holder: holder('2') }))
    expect(await other.opened).toEqual({ start: 0 })
    expect(root.leftovers()).toHaveLength(2)
    const theirs = randomBytes(SIZE)
    await Promise.all([other.send(theirs), put.send(secondHalf)])
    other.finish(theirs)
    expect(await other.answer).toMatchObject({ digest: sha256(theirs) })
    expect(readFileSync(root.at('file')).equals(theirs)).toBe(true)
    put.finish(content)
    expect(await put.answer).toMatchObject({ digest: sha256(content) })
    expect(readFileSync(root.at('file')).equals(content)).toBe(true)
    expect(root.list()).toEqual(['file'])
  })

  test('another user with the same id and holder ends nothing', async () => {
    const { connect, put } = await running()
    expect(await (await connect('bob')).put(params()).opened).toEqual({ start: 0 })
    await put.send(secondHalf)
    put.finish(content)
    expect(await put.answer).toMatchObject({ bytes: SIZE })
  })

  test('an attempt whose opener has gone before the answer leaves what was found', async () => {
    const { connect, first } = await running()
    await first.lose()
    const second = await connect('ann')
    second.put(params()).channel.abort()
    await second.lose()
    expect(await (await connect('ann')).put(params()).opened).toMatchObject({ start: HALF })
  })
})

describe('the list', () => {
  test('tells what runs, and then what is kept', async () => {
    const server = uploadServer()
    const { root, table, connect } = server
    expect(await table.list()).toEqual([])
    const before = Date.now()
    const first = await connect('ann')
    const put = first.put(params())
    await put.opened
    await put.send(firstHalf)
    const [running] = await table.list()
    expect(running).toMatchObject({ state: 'running', user: 'ann', path: 'file', directory: '' })
    expect(running?.bytes).toBeGreaterThan(0)
    await first.lose()
    const [kept, ...more] = await table.list()
    expect(more).toEqual([])
    expect(kept).toMatchObject({ state: 'kept', user: 'ann', path: 'file', directory: '', bytes: HALF })
    expect(kept?.updatedAtMs).toBeGreaterThanOrEqual(before - 1_000)
    expect(JSON.stringify(kept)).not.toContain(root.path)
  })

  test('no longer tells what was completed or taken over', async () => {
    const { table, connect } = await withPart()
    const put = (await connect('ann')).put(params())
    await put.opened
    expect((await table.list()).map(({ state }) => state)).toEqual(['running'])
    await put.send(secondHalf)
    put.finish(content)
    await put.answer
    expect(await table.list()).toEqual([])
  })
})

test('what was kept goes when its time is over', async () => {
  const { root, table } = await withPart('ann', { expiryMs: 50 })
  await until(() => root.list().length === 0)
  expect(await table.list()).toEqual([])
})
