// A client that reconnects: transfers go on by themselves, within bounds, and stop when they are told to.
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RECEIVE_WINDOW_BYTES } from '../../src/files/receive-window.js'
import { FakeSshClient, type GetStream } from '../../src/index.js'
import { READABLE_HIGH_WATER_MARK } from '../../src/streams/inbound.js'
import { type FaultPlan, type FaultProxy, faultProxy } from '../../src/testing/index.js'
import { cutLink, QUICK } from '../helpers/cut-link.js'
import { outcomeOf } from '../helpers/operations.js'
import { type Served, type ServedOptions, served } from '../helpers/served.js'
import { until } from '../helpers/until.js'

const SIZE = 12_000_000

interface Setup {
  readonly all: Served
  readonly proxy: FaultProxy
  readonly client: FakeSshClient
}

async function setup(
  faults: FaultPlan = {},
  reconnect: object = QUICK,
  more: ServedOptions = {},
): Promise<Setup> {
  const all = await served({ transport: 'tls', ...more })
  const target = all.server.connectionString('test')
  const proxy = await faultProxy({ target: { port: Number(new URL(target).port) }, ...faults })
  const client = await FakeSshClient.connect(proxy.connectionString(target), { reconnect })
  onTestFinished(async () => {
    await client.close({ drainMs: 0 })
    await proxy.close()
  })
  return { all, proxy, client }
}

async function digestOf(stream: GetStream): Promise<{ bytes: number; digest: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  await pipeline(stream, async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      bytes += chunk.length
      hash.update(chunk)
    }
  })
  return { bytes, digest: hash.digest('hex') }
}

/** The largest piece that is handed over at once. */
const FRAME_BYTES = 262_144

/** How often the server has begun to serve it. */
const startsOf = (all: Served, path: string) =>
  all.events('transfer').filter((event) => event.phase === 'start' && event.path === path).length

/** Over the connections that are open. */
const passedDown = (proxy: FaultProxy) => proxy.connections.reduce((sum, one) => sum + one.down.passed, 0)

const once = (emitter: { once(name: never, listener: () => void): unknown }, name: string) =>
  new Promise<void>((resolve) => emitter.once(name as never, resolve))

const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex')

describe('get()', () => {
  test.each([1, 2, 3, 4])('is one stream over 20 cuts, seed %i', { timeout: 60_000 }, async (seed) => {
    const all = await served({ transport: 'tls' })
    const link = await cutLink(all, { direction: 'down', cuts: 20, maxBytes: 1_000_000, seed })
    const content = randomBytes(SIZE)
    writeFileSync(join(all.root, 'file'), content)
    const stream = link.client.get('file')
    const told: string[] = []
    for (const event of ['metadata', 'checksum', 'end', 'close']) stream.on(event, () => told.push(event))
    expect(await digestOf(stream)).toEqual({ bytes: SIZE, digest: sha256(content) })
    const receipt = await stream.result
    expect(receipt).toMatchObject({ bytes: SIZE, digest: sha256(content) })
    expect(receipt.resumedFrom).toBeGreaterThan(0)
    expect(link.cuts).toBe(20)
    expect(told).toEqual(['metadata', 'checksum', 'end', 'close'])
  })

  test('of a part, over 10 cuts', { timeout: 60_000 }, async () => {
    const all = await served({ transport: 'tls' })
    const link = await cutLink(all, { direction: 'down', cuts: 10, maxBytes: 1_000_000, seed: 5 })
    const content = randomBytes(SIZE)
    writeFileSync(join(all.root, 'file'), content)
    const part = content.subarray(1_234_567, 1_234_567 + 9_000_000)
    const stream = link.client.get('file', { offset: 1_234_567, length: 9_000_000 })
    expect(await digestOf(stream)).toEqual({ bytes: 9_000_000, digest: sha256(part) })
    expect(await stream.result).toMatchObject({ bytes: 9_000_000, digest: sha256(part) })
  })

  test('keeps what waits to be read, and gives it once', async () => {
    const { all, proxy, client } = await setup()
    const content = randomBytes(SIZE)
    writeFileSync(join(all.root, 'file'), content)
    const stream = client.get('file')
    const seen: Buffer[] = []
    stream.once('readable', () => seen.push(stream.read(1_000)))
    await until(() => seen.length === 1)
    for (let cut = 1; cut <= 5; cut++) {
      const isBack = new Promise((resolve) => client.once('reconnect', resolve))
      proxy.cut()
      await isBack
    }
    for await (const chunk of stream) seen.push(chunk)
    expect(Buffer.concat(seen).equals(content)).toBe(true)
  })

  test('whose reader is paused holds one window, however often the connection is lost', async () => {
    const { all, proxy, client } = await setup()
    const [content, other] = [randomBytes(SIZE), randomBytes(2_000_000)]
    writeFileSync(join(all.root, 'file'), content)
    writeFileSync(join(all.root, 'other'), other)
    const stream = client.get('file')
    let arrived = 0
    let handedOn = 0
    let tooEarly = 0
    stream.on('progress', ({ acknowledged }) => {
      tooEarly = Math.max(tooEarly, acknowledged - handedOn)
    })
    const isReadable = once(stream, 'readable')
    // More often than an attempt may get nothing across: while it is paused it asks for nothing.
    for (let cut = 1; cut <= 14; cut++) {
      await until(() => startsOf(all, 'file') === cut)
      // The connection is shared out evenly: as much of the stream has arrived as can.
      expect(await digestOf(client.get('other'))).toEqual({ bytes: other.length, digest: sha256(other) })
      const isBack = once(client, 'reconnect')
      arrived += passedDown(proxy) - other.length
      proxy.cut()
      await isBack
    }
    await isReadable
    expect(arrived).toBeGreaterThan(RECEIVE_WINDOW_BYTES)
    expect(arrived).toBeLessThan(2 * RECEIVE_WINDOW_BYTES)
    const hash = createHash('sha256')
    for await (const chunk of stream) {
      hash.update(chunk)
      handedOn += chunk.length
    }
    expect(hash.digest('hex')).toBe(sha256(content))
    // What waits for the reader has not arrived for good; what the stream itself keeps counts as read.
    expect(tooEarly).toBeLessThanOrEqual(READABLE_HIGH_WATER_MARK + 2 * FRAME_BYTES)
    expect((await stream.result).resumedFrom).toBeGreaterThan(0)
  })

  test('whose reader is paused at a full window ends with the client', async () => {
    const { all, proxy, client } = await setup()
    writeFileSync(join(all.root, 'file'), randomBytes(SIZE))
    const stream = client.get('file')
    await once(stream, 'readable')
    const outcome = outcomeOf(stream.result)
    await until(() => passedDown(proxy) > RECEIVE_WINDOW_BYTES)
    proxy.cut()
    await until(() => startsOf(all, 'file') === 2)
    await client.close({ drainMs: 0 })
    expect(await outcome).toMatchObject({ error: { code: 'ERR_FAKESSH_CLOSED' } })
  })

  /** Read to the middle, and cut off from the server, which nobody reaches until `proxy.heal()`. */
  async function inTheMiddle() {
    const { all, proxy, client } = await setup()
    const content = randomBytes(SIZE)
    writeFileSync(join(all.root, 'file'), content)
    const stream = client.get('file')
    const seen: Buffer[] = []
    stream.on('data', (chunk: Buffer) => seen.push(chunk))
    await until(() => Buffer.concat(seen).length > 500_000)
    stream.pause()
    proxy.blackHole()
    proxy.cut()
    await until(() => !client.isConnected)
    return { all, proxy, client, stream, seen, content }
  }

  test('of a file that changed meanwhile fails, having handed on nothing of the new one', async () => {
    const { all, proxy, stream, seen, content } = await inTheMiddle()
    writeFileSync(join(all.root, 'file'), randomBytes(SIZE))
    const outcome = outcomeOf(stream.result)
    stream.resume()
    proxy.heal()
    expect(await outcome).toMatchObject({ error: { code: 'ERR_FAKESSH_SOURCE_CHANGED', op: 'get' } })
    const read = Buffer.concat(seen)
    expect(read.equals(content.subarray(0, read.length))).toBe(true)
  })

  test('of a file that only grew goes on', async () => {
    const { all, proxy, stream, seen, content } = await inTheMiddle()
    appendFileSync(join(all.root, 'file'), 'more')
    stream.resume()
    proxy.heal()
    await stream.result
    expect(Buffer.concat(seen).equals(Buffer.concat([content, Buffer.from('more')]))).toBe(true)
  })

  test('that is destroyed while there is no connection is over at once', async () => {
    const { stream } = await inTheMiddle()
    const outcome = outcomeOf(stream.result)
    stream.destroy()
    expect(await outcome).toMatchObject({ error: { code: 'ERR_FAKESSH_CLOSED' } })
  })
})

test('put() is not carried on: its source cannot be read again', async () => {
  const { all, proxy, client } = await setup()
  const stream = client.put('file')
  const outcome = outcomeOf(stream.result)
  stream.write(randomBytes(100_000))
  await until(() => all.leftovers().length === 1)
  proxy.cut()
  expect(await outcome).toMatchObject({ error: { code: 'ERR_FAKESSH_CONNECTION_LOST' } })
})

describe.each(['upload', 'download'] as const)('%s', (op) => {
  const from = (all: Served) => join(op === 'upload' ? all.local : all.root, 'file')
  const to = (all: Served) => join(op === 'upload' ? all.root : all.local, 'copy')
  const direction = op === 'upload' ? 'up' : 'down'
  const run = ({ all, client }: Setup, options: object = {}) =>
    op === 'upload' ? client.upload(from(all), 'copy', options) : client.download('file', to(all), options)
  const content = randomBytes(SIZE)
  const partBytes = (all: Served) => (all.leftovers().length === 0 ? 0 : 1)

  /** Under way, and then cut off from the server, which nobody reaches until `proxy.heal()`. */
  async function cutOff(options: object = {}, more: ServedOptions = { keepsParts: true }) {
    const set = await setup({ [direction]: { blackHole: { afterBytes: 5_000_000 } } }, QUICK, more)
    writeFileSync(from(set.all), content)
    const outcome = outcomeOf(run(set, options))
    let isOver = false
    void outcome.then(() => {
      isOver = true
    })
    await until(() => isOver || set.proxy.connections.some((one) => one[direction].passed >= 5_000_000))
    await until(() => isOver || partBytes(set.all) === 1)
    set.proxy.blackHole()
    set.proxy.cut()
    await until(() => !set.client.isConnected)
    return { ...set, outcome }
  }

  test('goes on when the connection is back', async () => {
    const { all, proxy, outcome } = await cutOff()
    proxy.heal()
    const ended = await outcome
    expect(ended).toMatchObject({ isSuccess: true, value: { bytes: SIZE } })
    expect((ended as { value: { resumedFrom: number } }).value.resumedFrom).toBeGreaterThan(3_000_000)
    expect(readFileSync(to(all)).equals(content)).toBe(true)
    expect(all.leftovers()).toEqual([])
  })

  test('stops when it is told to while there is no connection, with that very reason', async () => {
    const controller = new AbortController()
    const { outcome } = await cutOff({ signal: controller.signal })
    const reason = Symbol('stop')
    controller.abort(reason)
    expect(await outcome).toEqual({ isSuccess: false, error: reason })
  })

  test('has no more time than it was given, attempts included', async () => {
    const { outcome } = await cutOff({ timeoutMs: 3_000 })
    expect(await outcome).toMatchObject({ error: { code: 'ERR_FAKESSH_TIMEOUT', op } })
  })

  test('ends with the client', async () => {
    const { client, outcome } = await cutOff()
    await client.close({ drainMs: 0 })
    expect(await outcome).toMatchObject({ error: { code: 'ERR_FAKESSH_CLOSED', op } })
  })

  test('ends when the client gives up reconnecting, and what was kept is of use later', async () => {
    const set = await setup(
      { [direction]: { blackHole: { afterBytes: 5_000_000 } } },
      { ...QUICK, giveUpAfterMs: 100 },
    )
    writeFileSync(from(set.all), content)
    const outcome = outcomeOf(run(set))
    await until(() => set.proxy.connections.some((one) => one[direction].passed >= 5_000_000))
    set.proxy.blackHole()
    set.proxy.cut()
    expect(await outcome).toMatchObject({ error: { code: 'ERR_FAKESSH_CONNECT_FAILED', op } })
    const client = await set.all.connect()
    const { resumedFrom } = await run({ ...set, client })
    expect(resumedFrom).toBeGreaterThan(3_000_000)
    expect(readFileSync(to(set.all)).equals(content)).toBe(true)
  })

  test('with resume: false fails with the connection', async () => {
    const { outcome } = await cutOff({ resume: false }, {})
    expect(await outcome).toMatchObject({ error: { code: 'ERR_FAKESSH_CONNECTION_LOST', op } })
  })

  test('of a small file begins again', async () => {
    const set = await setup()
    writeFileSync(from(set.all), content.subarray(0, 500_000))
    set.proxy.setFaults({ [direction]: { cut: { afterBytes: 300_000 } } })
    const outcome = outcomeOf(run(set))
    await until(() => set.proxy.log.length > 0)
    set.proxy.heal()
    expect(await outcome).toMatchObject({ isSuccess: true, value: { bytes: 500_000 } })
    expect(readFileSync(to(set.all)).equals(content.subarray(0, 500_000))).toBe(true)
  })

  test('that gets nothing across ten times in a row is given up', async () => {
    const set = await setup()
    writeFileSync(from(set.all), content)
    // What a connection needs passes, and not much more.
    set.proxy.setFaults({ [direction]: { cut: { afterBytes: 8_000 } } })
    expect(await outcomeOf(run(set))).toMatchObject({ error: { code: 'ERR_FAKESSH_CONNECTION_LOST', op } })
    expect(set.proxy.connectionCount).toBeLessThan(100)
  })
})

test('an upload whose part is lost goes on as long as bytes come across', { timeout: 60_000 }, async () => {
  const all = await served({ transport: 'tls' })
  const link = await cutLink(all, { direction: 'up', cuts: 1_000, maxBytes: 600_000, seed: 4 })
  const content = randomBytes(SIZE)
  writeFileSync(join(all.local, 'file'), content)
  const partBytes = () => Math.max(0, ...all.leftovers().map((name) => statSync(join(all.root, name)).size))
  let lostAt = Number.POSITIVE_INFINITY
  let lostBytes = 0
  let sentAgain = 0
  link.client.on('disconnect', () => {
    if (lostAt > link.cuts && partBytes() > 6_000_000) {
      lostAt = link.cuts
      lostBytes = partBytes()
      for (const name of all.leftovers()) rmSync(join(all.root, name))
    }
    // More often than attempts may get nothing across, and it is not back where it was.
    if (link.cuts - lostAt >= 13) {
      sentAgain = partBytes()
      link.proxy.setFaults({})
    }
  })
  expect((await link.client.upload(join(all.local, 'file'), 'copy')).bytes).toBe(SIZE)
  expect(readFileSync(join(all.root, 'copy')).equals(content)).toBe(true)
  expect(link.cuts - lostAt).toBeGreaterThanOrEqual(13)
  expect(sentAgain).toBeLessThan(lostBytes)
})

test('two uploads of the same pair at once: one after the other or beside each other, never mixed', async () => {
  const { all, client } = await setup()
  const content = randomBytes(SIZE)
  writeFileSync(join(all.local, 'file'), content)
  const uploads = [1, 2, 3].map(() => client.upload(join(all.local, 'file'), 'copy'))
  for (const { bytes } of await Promise.all(uploads)) expect(bytes).toBe(SIZE)
  expect(readFileSync(join(all.root, 'copy')).equals(content)).toBe(true)
  expect(all.leftovers()).toEqual([])
})

test('an upload that must not overwrite does not fail on itself: what it wrote already is proved again', async () => {
  const { all, proxy, client } = await setup()
  all.server.once('checksum', () => {
    // The server has the COMMIT, and its answer gets nowhere.
    proxy.blackHole('down')
  })
  const content = randomBytes(300_000)
  writeFileSync(join(all.local, 'file'), content)
  const outcome = outcomeOf(client.upload(join(all.local, 'file'), 'copy', { overwrite: false }))
  await until(() => all.events('transfer').some(({ phase }) => phase === 'end'))
  proxy.cut()
  proxy.heal()
  expect(await outcome).toMatchObject({ isSuccess: true, value: { bytes: content.length } })
  expect(readFileSync(join(all.root, 'copy')).equals(content)).toBe(true)
})
