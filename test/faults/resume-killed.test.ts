// kill -9 of either end in the middle of transfers: no torn file is ever seen under a target's name, and what had arrived is used.
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { FakeSshClient, FakeSshServer, generateToken, type UploadInfo } from '../../src/index.js'
import { faultProxy } from '../../src/testing/index.js'
import { between, seededRandom } from '../../src/testing/seeded-random.js'
import { childPeer } from '../helpers/child-peer.js'
import { outcomeOf } from '../helpers/operations.js'
import { type TemporaryDirectory, temporaryDirectory } from '../helpers/temporary-directory.js'
import { until } from '../helpers/until.js'

const UPLOADS = 12
const SIZE = 4_000_000
/** The same every time, so that a change is to blame for a failure and not the dice. */
const SEED = 20_261_123

const sizeOf = (directory: TemporaryDirectory) =>
  directory
    .leftovers()
    .reduce((sum, name) => sum + (statSync(directory.at(name), { throwIfNoEntry: false })?.size ?? 0), 0)

test('a server killed during uploads, and started again on the same root', { timeout: 120_000 }, async () => {
  const [root, local] = [temporaryDirectory(), temporaryDirectory()]
  const token = generateToken()
  const contents = Array.from({ length: UPLOADS }, () => randomBytes(SIZE))
  const old = randomBytes(1_000)
  for (const [i, content] of contents.entries()) {
    writeFileSync(local.at(`${i}`), content)
    mkdirSync(root.at(`dir${i}`))
    writeFileSync(root.at(`dir${i}/file`), old)
  }
  let resumed = 0
  const random = seededRandom(SEED)
  for (let round = 0; round < 3; round++) {
    const server = await childPeer('resume-peer')
    const port = await server.call<number>('listen', root.path, token, 0)
    // Slow enough that the kill comes in the middle.
    const proxy = await faultProxy({ target: { port }, up: { bytesPerSecond: 60_000_000 } })
    const client = await FakeSshClient.connect({ port: proxy.port, user: 'test', token })
    const uploads = contents.map((_, i) => outcomeOf(client.upload(local.at(`${i}`), `dir${i}/file`)))
    let isDone = false
    const all = Promise.all(uploads).finally(() => {
      isDone = true
    })
    const target = sizeOf(root) + between(1_000_000, 10_000_000, random())
    await until(() => sizeOf(root) > target || isDone)
    server.kill('SIGKILL')
    await server.exited
    for (const outcome of await all) {
      if (!outcome.isSuccess) expect(outcome.error).toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
    }
    await client.close({ drainMs: 0 })
    await proxy.close()
    for (const [i, content] of contents.entries()) {
      const seen = readFileSync(root.at(`dir${i}/file`))
      expect(seen.equals(old) || seen.equals(content), `torn: dir${i}/file of ${seen.length} bytes`).toBe(
        true,
      )
    }
  }
  expect(root.leftovers().length).toBeGreaterThan(0)

  const server = await childPeer('resume-peer')
  const port = await server.call<number>('listen', root.path, token, 0)
  // The sweep finds them without being told by anybody.
  let listed: UploadInfo[] = []
  while (listed.length < root.leftovers().length) listed = await server.call<UploadInfo[]>('uploads')
  expect(listed).toContainEqual({
    state: 'kept',
    user: undefined,
    path: undefined,
    directory: expect.stringMatching(/^dir\d+$/),
    bytes: expect.any(Number),
    updatedAtMs: expect.any(Number),
  })
  const client = await FakeSshClient.connect({ port, user: 'test', token })
  for (const [i, content] of contents.entries()) {
    const hadPart = readdirSync(root.at(`dir${i}`)).length > 1
    const { resumedFrom } = await client.upload(local.at(`${i}`), `dir${i}/file`)
    if (hadPart && resumedFrom > 0) resumed += 1
    expect(readFileSync(root.at(`dir${i}/file`)).equals(content)).toBe(true)
  }
  expect(resumed).toBeGreaterThan(0)
  await client.close()
  await server.call('close')
})

test('200 uploads, and a server killed again and again: all are completed, none is torn', {
  timeout: 240_000,
}, async () => {
  const [root, local] = [temporaryDirectory(), temporaryDirectory()]
  const token = generateToken()
  const random = seededRandom(SEED)
  const pick = (min: number, max: number) => between(min, max, random())
  const old = randomBytes(1_000)
  const files = Array.from({ length: 200 }, (_, i) => {
    // One in eight is large enough for a part of it to be kept.
    const content = randomBytes(i % 8 === 0 ? pick(1_100_000, 4_000_000) : pick(0, 50_000))
    return { name: `d${i % 10}/${i}`, content, isDone: false }
  })
  for (let i = 0; i < 10; i++) for (const directory of [root, local]) mkdirSync(directory.at(`d${i}`))
  for (const { name, content } of files) {
    writeFileSync(local.at(name), content)
    writeFileSync(root.at(name), old)
  }
  let kills = 0
  let resumed = 0
  while (files.some(({ isDone }) => !isDone)) {
    const server = await childPeer('resume-peer')
    const port = await server.call<number>('listen', root.path, token, 0)
    const proxy = await faultProxy({ target: { port }, up: { bytesPerSecond: 60_000_000 } })
    const client = await FakeSshClient.connect({ port: proxy.port, user: 'test', token })
    let doneBytes = 0
    let running = 0
    const uploads = files
      .filter(({ isDone }) => !isDone)
      .map(async (file) => {
        running += 1
        const outcome = await outcomeOf(client.upload(local.at(file.name), file.name))
        running -= 1
        if (!outcome.isSuccess) return outcome.error
        file.isDone = true
        doneBytes += file.content.length
        if (outcome.value.resumedFrom > 0) resumed += 1
        return undefined
      })
    const killAt = sizeOf(root) + pick(500_000, 9_000_000)
    await until(() => doneBytes + sizeOf(root) > killAt || running === 0)
    if (running > 0) kills += 1
    server.kill('SIGKILL')
    await server.exited
    const lost = { code: expect.stringMatching(/^ERR_FAKESSH_(CONNECTION_LOST|NOT_STARTED)$/) }
    for (const error of await Promise.all(uploads)) if (error !== undefined) expect(error).toMatchObject(lost)
    await client.close({ drainMs: 0 })
    await proxy.close()
    for (const { name, content, isDone } of files) {
      const seen = readFileSync(root.at(name))
      const isWhole = seen.equals(content) || (!isDone && seen.equals(old))
      expect(isWhole, `torn, seed ${SEED}: ${name} of ${seen.length} bytes`).toBe(true)
    }
  }
  expect(kills).toBeGreaterThanOrEqual(5)
  expect(resumed).toBeGreaterThanOrEqual(5)
})

test('a client killed during a download: another process goes on where it was', async () => {
  const [root, local] = [temporaryDirectory(), temporaryDirectory()]
  const token = generateToken()
  const content = randomBytes(8_000_000)
  writeFileSync(root.at('file'), content)
  const server = new FakeSshServer({ users: { test: { token, root: root.path } } })
  const { port } = await server.listen()
  const stalled = await faultProxy({ target: { port }, down: { blackHole: { afterBytes: 5_000_000 } } })

  const first = await childPeer('resume-peer')
  await first.call('connect', stalled.connectionString(server.connectionString('test')))
  void outcomeOf(first.call('download', 'file', local.at('copy')))
  await until(() => sizeOf(local) > 4_000_000)
  first.kill('SIGKILL')
  await first.exited
  const keptBytes = sizeOf(local)

  const second = await childPeer('resume-peer')
  await second.call('connect', server.connectionString('test'))
  const receipt = await second.call('download', 'file', local.at('copy'))
  expect(receipt).toMatchObject({ bytes: content.length, resumedFrom: keptBytes })
  expect(readFileSync(local.at('copy')).equals(content)).toBe(true)
  expect(local.list()).toEqual(['copy'])
  await second.call('close')
  await stalled.close()
  await server.close({ drainMs: 0 })
})

test('a client killed during an upload: another process goes on where it was, by the secret of the account', async () => {
  const [root, local] = [temporaryDirectory(), temporaryDirectory()]
  const token = generateToken()
  const content = randomBytes(8_000_000)
  writeFileSync(local.at('file'), content)
  const server = new FakeSshServer({ users: { test: { token, root: root.path } } })
  const { port } = await server.listen()
  const stalled = await faultProxy({ target: { port }, up: { blackHole: { afterBytes: 5_000_000 } } })

  const first = await childPeer('resume-peer')
  await first.call('connect', stalled.connectionString(server.connectionString('test')))
  void outcomeOf(first.call('upload', local.at('file'), 'copy'))
  await until(() => sizeOf(root) > 4_000_000)
  first.kill('SIGKILL')
  await first.exited
  stalled.cut()
  await until(() => root.leftovers().length === 1)

  const second = await childPeer('resume-peer')
  await second.call('connect', server.connectionString('test'))
  const receipt = await second.call<{ resumedFrom: number }>('upload', local.at('file'), 'copy')
  expect(receipt.resumedFrom).toBeGreaterThan(4_000_000)
  expect(readFileSync(root.at('copy')).equals(content)).toBe(true)
  expect(root.list()).toEqual(['copy'])
  await second.call('close')
  await stalled.close()
  await server.close({ drainMs: 0 })
})

test('a server looks for what a killed one left, and removes what is too old', async () => {
  const root = temporaryDirectory()
  mkdirSync(root.at('a/b'), { recursive: true })
  const token = generateToken()
  const local = temporaryDirectory()
  writeFileSync(local.at('file'), randomBytes(8_000_000))
  const killed = await childPeer('resume-peer')
  const port = await killed.call<number>('listen', root.path, token, 0)
  const stalled = await faultProxy({ target: { port }, up: { blackHole: { afterBytes: 3_000_000 } } })
  const client = await FakeSshClient.connect({ port: stalled.port, user: 'test', token })
  const uploads = ['a/b/old', 'a/young'].map((path) => outcomeOf(client.upload(local.at('file'), path)))
  await until(() => root.leftovers().length === 2 && sizeOf(root) > 2_000_000)
  killed.kill('SIGKILL')
  await killed.exited
  await Promise.all(uploads)
  await client.close({ drainMs: 0 })
  await stalled.close()

  const [young = '', old = ''] = root.leftovers().sort((a, b) => dirname(a).length - dirname(b).length)
  const anHourAgo = Date.now() / 1000 - 3_600
  // What counts is when the system changed it last.
  const changedAt = (name: string) => statSync(root.at(name)).ctimeMs
  await until(() => {
    utimesSync(root.at(young), anHourAgo, anHourAgo)
    return changedAt(young) - changedAt(old) > 1_000
  })
  vi.useFakeTimers({ toFake: ['Date'], now: changedAt(old) + 600_500 })
  onTestFinished(() => void vi.useRealTimers())
  const others = ['.fakessh-x.part', 'file.part', join(dirname(young), '.fakessh-notes')]
  for (const name of others) {
    writeFileSync(root.at(name), 'not ours')
    utimesSync(root.at(name), anHourAgo, anHourAgo)
  }
  const server = new FakeSshServer({
    users: { test: { token, root: root.path } },
    limits: { uploadExpiryMs: 600_000 },
  })
  await server.listen()
  await until(() => !root.leftovers().includes(old))
  expect(root.leftovers()).toContain(young)
  for (const name of others) expect(readFileSync(root.at(name), 'utf8')).toBe('not ours')
  let listed = await server.uploads()
  while (listed.length === 0) listed = await server.uploads()
  expect(listed).toMatchObject([{ state: 'kept', directory: 'a', bytes: statSync(root.at(young)).size }])
  await server.close()
  // Closing gives up nothing.
  expect(root.leftovers()).toContain(young)
  rmSync(root.at(young))
})
