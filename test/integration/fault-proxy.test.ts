// The fault proxy and `connectedPair({ faults })` with real clients and servers: what each fault looks like to a program that uses them.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ConnectStringOptions, FakeSshClient } from '../../src/index.js'
import { connectedPair, type FaultOptions, type FaultProxy, faultProxy } from '../../src/testing/index.js'
import { outcomeOf } from '../helpers/operations.js'
import { type Served, type ServedOptions, served } from '../helpers/served.js'
import { temporaryDirectory } from '../helpers/temporary-directory.js'
import { turns, until } from '../helpers/until.js'

const LOST = 'ERR_FAKESSH_CONNECTION_LOST'
const SILENT = 'ERR_FAKESSH_KEEPALIVE_TIMEOUT'
const KEEPALIVE_MS = 100
const BYTES = 2_000_000

interface Behind extends Served {
  readonly proxy: FaultProxy
  readonly content: Buffer
  client(options?: ConnectStringOptions): Promise<FakeSshClient>
}

/** A server with a file in it, behind a proxy. */
async function behindProxy(faults: FaultOptions = {}, options: ServedOptions = {}): Promise<Behind> {
  const all = await served({ transport: 'tls', ...options })
  const content = randomBytes(BYTES)
  writeFileSync(join(all.root, 'in'), content)
  const direct = all.server.connectionString('test')
  const isUnix = direct.startsWith('fakessh+unix')
  const target = isUnix
    ? { path: decodeURIComponent(direct.slice(direct.indexOf('@') + 1)) }
    : { port: Number(new URL(direct).port) }
  const proxy = await faultProxy({ target, ...faults })
  onTestFinished(() => proxy.close())
  const client = async (more?: ConnectStringOptions) => {
    const made = await FakeSshClient.connect(proxy.connectionString(direct), more)
    onTestFinished(() => made.close({ drainMs: 0 }))
    return made
  }
  return { ...all, proxy, content, client }
}

/** A connection begins with a few PINGs in a row. Each run takes two round trips, in which theirs have had their turn. */
async function pastFirstPings(client: FakeSshClient): Promise<void> {
  await client.run('true')
  await client.run('true')
}

describe.each(['tls', 'unix'] as const)('over %s', (transport) => {
  test('without faults everything passes, and nothing is logged', async () => {
    const { client, proxy, content, root, server } = await behindProxy({}, { transport })
    const one = await client()
    expect((await buffer(one.get('in'))).equals(content)).toBe(true)
    await one.put('out').end(content).result
    expect(readFileSync(join(root, 'out')).equals(content)).toBe(true)
    const [{ up, down } = { up: undefined, down: undefined }] = proxy.connections
    expect(up?.passed).toBeGreaterThan(BYTES)
    expect(down?.passed).toBeGreaterThan(BYTES)
    await one.close()
    await until(() => proxy.connections.length === 0)
    expect([proxy.connectionCount, proxy.log]).toEqual([1, []])
    expect(server).toBeDefined()
  })

  test.each(['reset', 'end'] as const)('a cut by %s in the middle of a get', async (how) => {
    const faults = { down: { cut: { afterBytes: 700_000, how } } }
    const { client, proxy, events } = await behindProxy(faults, { transport })
    const one = await client()
    const get = one.get('in')
    get.resume()
    await expect(get.result).rejects.toMatchObject({ code: LOST, op: 'get', path: 'in' })
    expect(one.isConnected).toBe(false)
    await until(() => events('disconnect').length === 1)
    expect(proxy.log).toMatchObject([{ kind: 'cut', direction: 'down', afterBytes: 700_000, how }])
    expect(proxy.log[0]?.afterFrames).toBeGreaterThan(2)
    // The next connection has faults of its own.
    expect((await (await client()).run('echo again')).stdout).toBe('again\n')
  })

  test('a cut after so many frames', async () => {
    const { client, proxy } = await behindProxy({ up: { cut: { afterFrames: 9 } } }, { transport })
    const one = await client()
    const put = one.put('out')
    put.end(randomBytes(BYTES))
    await expect(put.result).rejects.toMatchObject({ code: LOST })
    expect(proxy.log).toMatchObject([{ kind: 'cut', direction: 'up', afterFrames: 9 }])
  })

  test('a black hole is noticed by both sides within the keepalive bound', async () => {
    const { client, proxy, events } = await behindProxy({}, { transport, keepaliveIntervalMs: KEEPALIVE_MS })
    const one = await client({ keepaliveIntervalMs: KEEPALIVE_MS })
    const running = outcomeOf(one.run('sleep 1000'))
    await until(() => events('exec').length === 1)
    const startedAt = performance.now()
    proxy.blackHole()
    expect(await running).toMatchObject({ isSuccess: false, error: { code: SILENT } })
    await until(() => events('disconnect').length === 1)
    expect(events('disconnect')[0]?.error?.code).toBe(SILENT)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(KEEPALIVE_MS)
    await until(() => proxy.log.length === 2)
    proxy.heal()
    expect((await (await client()).run('echo healed')).stdout).toBe('healed\n')
  })

  test('a black hole that heals in time is not noticed', async () => {
    const { client, proxy } = await behindProxy(
      { down: { blackHole: { afterBytes: 500_000 } } },
      { transport },
    )
    const one = await client()
    const get = buffer(one.get('in'))
    await until(() => proxy.log.length === 1)
    await turns(50)
    proxy.heal()
    expect(await get).toHaveLength(BYTES)
  })

  test.each(['up', 'down'] as const)('a half-close of %s ends the connection', async (direction) => {
    const { client, proxy, events } = await behindProxy({}, { transport })
    const one = await client()
    const running = outcomeOf(one.run('sleep 1000'))
    await until(() => events('exec').length === 1)
    proxy.halfClose(direction)
    expect(await running).toMatchObject({ isSuccess: false, error: { code: LOST } })
    await until(() => events('disconnect').length === 1)
    expect(proxy.log).toMatchObject([{ kind: 'halfClose', direction }])
  })

  test.each(['corrupt', 'duplicate'] as const)('%s: what is damaged is refused', async (kind) => {
    const { client, proxy, root } = await behindProxy({ seed: 11 }, { transport, expectsFaults: true })
    // Not the CLOSE of the run before, which may still be on its way and harms nobody when it comes twice.
    for (const afterFrames of [1, 2]) {
      const one = await client({ keepaliveIntervalMs: KEEPALIVE_MS })
      await pastFirstPings(one)
      proxy.setFaults({ up: { [kind]: { afterFrames } } })
      const outcome = await outcomeOf(one.put('out').end(randomBytes(300_000)).result)
      // Damage to a length makes the receiver wait for what never comes; then the keepalive ends it.
      const code = expect.stringMatching(`${LOST}|${SILENT}|ERR_FAKESSH_PROTOCOL`)
      expect(outcome, `after ${afterFrames} frames`).toMatchObject({ isSuccess: false, error: { code } })
      expect(existsSync(join(root, 'out'))).toBe(false)
      proxy.heal()
    }
    expect(proxy.log.map((fault) => fault.kind)).toEqual([kind, kind])
  })

  test('the delay is on the way there and on the way back', async () => {
    const { client, proxy } = await behindProxy({}, { transport })
    const one = await client()
    proxy.setFaults({ up: { delayMs: 30 }, down: { delayMs: 40 } })
    const startedAt = performance.now()
    expect((await one.run('echo slowly')).stdout).toBe('slowly\n')
    // One round trip. Timers may be early by less than a millisecond.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(30 + 40 - 2)
    proxy.heal()
  })

  test('a rate makes a transfer last as long as its bytes', async () => {
    const { client, proxy } = await behindProxy({ down: { bytesPerSecond: 4_000_000 } }, { transport })
    const startedAt = performance.now()
    const one = await client()
    expect(await buffer(one.get('in'))).toHaveLength(BYTES)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual((BYTES / 4_000_000) * 1_000 - 4)
    const { received = 0, passed = 0 } = proxy.connections[0]?.down ?? {}
    expect(received).toBe(passed)
  })

  test('a target that refuses is a cut, and says why', async () => {
    const { client, proxy, server } = await behindProxy({}, { transport })
    await server.close()
    const code = transport === 'tls' ? 'ECONNREFUSED' : 'ENOENT'
    await expect(client()).rejects.toMatchObject({ name: 'ConnectionError' })
    await until(() => proxy.connections.length === 0)
    expect(proxy.log).toEqual([{ connection: 0, kind: 'cut', how: 'reset', code }])
  })

  test('close() ends every connection, and leaves nothing', async () => {
    const { client, proxy, events } = await behindProxy({ up: { delayMs: 50 } }, { transport })
    const one = await client()
    const running = outcomeOf(one.run('sleep 1000'))
    await until(() => events('exec').length === 1)
    const { host, port } = proxy
    await Promise.all([proxy.close(), proxy.close()])
    expect(await running).toMatchObject({ isSuccess: false, error: { code: LOST } })
    await until(() => events('disconnect').length === 1)
    expect([proxy.connections, proxy.log]).toEqual([[], []])
    if (port === 0) expect(existsSync(dirname(host))).toBe(false)
    else {
      const [error] = await once(connect({ host, port }), 'connect').catch((reason) => [reason])
      expect(error.code).toBe('ECONNREFUSED')
    }
  })
})

test('the same seed gives the same log, byte for byte, and each connection other points', async () => {
  const range = { min: 100_000, max: 1_900_000 }
  const faults = { seed: 42, down: { corrupt: { afterBytes: range }, cut: { afterBytes: range } } }
  const logs = []
  for (let run = 0; run < 2; run++) {
    const { client, proxy } = await behindProxy(faults)
    for (let connection = 0; connection < 4; connection++) {
      const one = await client({ keepaliveIntervalMs: KEEPALIVE_MS })
      expect(await outcomeOf(buffer(one.get('in')))).toMatchObject({ isSuccess: false })
      await until(() => proxy.connections.length === 0)
    }
    // Whether the cut of a damaged connection is still reached depends on how soon its client gives up.
    const firsts = [0, 1, 2, 3].map((index) => proxy.log.find(({ connection }) => connection === index))
    logs.push(firsts.map((fault) => ({ ...fault, afterFrames: undefined })))
  }
  expect(logs[0]).toEqual(logs[1])
  expect(new Set(logs[0]?.map(({ afterBytes }) => afterBytes)).size).toBe(4)
})

test('a target that does not read makes the source wait', async () => {
  const held: Socket[] = []
  const target = createServer((socket) => held.push(socket.pause()))
  target.listen(0, '127.0.0.1')
  await once(target, 'listening')
  const proxy = await faultProxy({ target: { port: (target.address() as AddressInfo).port } })
  const source = connect({ host: proxy.host, port: proxy.port })
  onTestFinished(async () => {
    source.destroy()
    for (const socket of held) socket.destroy()
    await proxy.close()
    target.close()
  })
  await once(source, 'connect')
  const flood = 256 * 1_048_576
  let written = 0
  let received = -1
  // Until nothing moves any more.
  for (let quiet = 0; quiet < 200 && written < flood; quiet++) {
    if (!source.writableNeedDrain) {
      source.write(Buffer.alloc(1_048_576))
      written += 1_048_576
    }
    await turns(5)
    const now = proxy.connections[0]?.up.received ?? 0
    if (now !== received || now < 100_000) quiet = 0
    received = now
  }
  expect(written).toBeLessThan(flood)
  const { up } = proxy.connections[0] ?? {}
  // What the kernel took, for the target and for us, is not ours.
  expect((up?.received ?? 0) - (up?.passed ?? 0)).toBeLessThan(200_000)
})

describe('connectedPair({ faults })', () => {
  async function pairWith(faults: FaultOptions, more: { keepaliveIntervalMs?: number } = {}) {
    const { path, at, list } = temporaryDirectory()
    const pair = await connectedPair({ user: { root: path, exec: 'shell' }, faults, ...more })
    onTestFinished(() => pair.close())
    return { ...pair, at, list }
  }

  test('counts frames of fake-ssh: damage in one of them is a protocol error', async () => {
    const { client, faults, list } = await pairWith({ seed: 3 })
    await pastFirstPings(client)
    // The OPEN is damaged.
    faults.setFaults({ up: { corrupt: { afterFrames: 0 } } })
    await expect(client.put('x').end('content').result).rejects.toMatchObject({
      code: 'ERR_FAKESSH_PROTOCOL',
    })
    expect(faults.log).toMatchObject([{ kind: 'corrupt', direction: 'up' }])
    expect(list()).toEqual([])
  })

  test('a frame that comes twice is a protocol error', async () => {
    const { client, faults } = await pairWith({})
    await pastFirstPings(client)
    faults.setFaults({ up: { duplicate: { afterFrames: 1 } } })
    await expect(client.run('cat', { input: 'x' })).rejects.toMatchObject({ code: 'ERR_FAKESSH_PROTOCOL' })
    expect(faults.log).toMatchObject([{ kind: 'duplicate' }])
  })

  test('cuts, and half-closes', async () => {
    for (const fault of ['cut', 'halfClose'] as const) {
      const { client, faults } = await pairWith({})
      await pastFirstPings(client)
      faults.setFaults({ down: { [fault]: { afterFrames: 1 } } })
      await expect(client.run('echo x; sleep 1000')).rejects.toMatchObject({ code: LOST })
      expect(faults.log).toMatchObject([{ kind: fault, direction: 'down' }])
    }
  })

  test('a black hole is noticed, and closing frees what it held', async () => {
    const { client, faults, close } = await pairWith({}, { keepaliveIntervalMs: KEEPALIVE_MS })
    faults.blackHole()
    await expect(client.run('true')).rejects.toMatchObject({ code: SILENT })
    await close()
    expect(faults.connections).toEqual([])
    expect(faults.log).toHaveLength(2)
  })

  test('delays; and `intercept` sees what passed', async () => {
    const seen: string[] = []
    const pair = await connectedPair({
      user: { exec: 'shell' },
      faults: { up: { delayMs: 20 } },
      intercept: (bytes, direction) => {
        seen.push(direction)
        return bytes
      },
    })
    const startedAt = performance.now()
    await pair.client.run('true')
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(20 - 1)
    await pair.close()
    expect(new Set(seen)).toEqual(new Set(['to-server', 'to-client']))
    expect([pair.faults.connections, pair.faults.log]).toEqual([[], []])
  })

  test('faults that already keep it from connecting are told, and nothing stays behind', async () => {
    const cut = { afterFrames: 1 }
    await expect(connectedPair({ faults: { up: { cut } } })).rejects.toMatchObject({ code: LOST })
  })
})
