// A client whose connection is lost gets it back, says so, and tells every operation whether it may have been started.
import { describe, expect, test } from 'vitest'
import { FakeSshClient, FakeSshServer, generateToken } from '../../src/index.js'
import { connectedPair, faultProxy } from '../../src/testing/index.js'
import { served } from '../helpers/served.js'
import { until } from '../helpers/until.js'

/** What a promise rejects with. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

const QUICK = { minDelayMs: 1, maxDelayMs: 20 }

/** A client of a server behind a proxy that can cut it off. */
async function behindProxy(reconnect: boolean | object = QUICK, options: Parameters<typeof served>[0] = {}) {
  const all = await served({ transport: 'tls', ...options })
  const target = new URL(all.server.connectionString('test'))
  const proxy = await faultProxy({ target: { host: '127.0.0.1', port: Number(target.port) } })
  target.port = String(proxy.port)
  const client = await FakeSshClient.connect(target.href, { reconnect })
  const heard: string[] = []
  client.on('disconnect', ({ error, willReconnect }) =>
    heard.push(`disconnect ${error?.code} ${willReconnect ? 'will reconnect' : 'for good'}`),
  )
  client.on('reconnecting', ({ attempt }) => heard.push(`reconnecting ${attempt}`))
  client.on('reconnect', ({ attempts }) => heard.push(`reconnect after ${attempts}`))
  const finish = async () => {
    await client.close({ drainMs: 0 })
    await all.finish()
    await proxy.close()
  }
  return { all, client, proxy, heard, finish }
}

describe('a connection that is lost', () => {
  test('is had again, and operations run on it', async () => {
    const { client, proxy, heard, finish } = await behindProxy()
    const isBack = new Promise<{ attempts: number; downMs: number }>((resolve) =>
      client.once('reconnect', resolve),
    )
    proxy.cut()
    const { attempts, downMs } = await isBack
    expect(attempts).toBeGreaterThanOrEqual(1)
    expect(downMs).toBeGreaterThan(0)
    expect(client.isConnected).toBe(true)
    expect((await client.run('echo again')).stdout).toBe('again\n')
    expect(heard[0]).toBe('disconnect ERR_FAKESSH_CONNECTION_LOST will reconnect')
    expect(heard.at(-1)).toBe(`reconnect after ${attempts}`)
    expect(heard.slice(1, -1)).toEqual(
      Array.from({ length: attempts }, (_, index) => `reconnecting ${index + 1}`),
    )
    await finish()
  })

  test('is had again every time', async () => {
    const { client, proxy, heard, finish } = await behindProxy()
    for (let cut = 1; cut <= 20; cut += 1) {
      proxy.cut()
      await until(() => heard.filter((line) => line.startsWith('reconnect after')).length === cut)
      expect((await client.run('echo', [String(cut)])).stdout).toBe(`${cut}\n`)
    }
    expect(heard.filter((line) => line.startsWith('disconnect'))).toHaveLength(20)
    await finish()
  })

  test('stays lost without the option', async () => {
    const { client, proxy, heard, finish } = await behindProxy(false)
    const isGone = new Promise((resolve) => client.once('disconnect', resolve))
    proxy.cut()
    await isGone
    expect(heard).toEqual(['disconnect ERR_FAKESSH_CONNECTION_LOST for good'])
    expect(client.isConnected).toBe(false)
    await finish()
  })
})

describe('what was pending', () => {
  test('fails at once, with a code that says whether it can have been started', async () => {
    const { all, client, proxy, finish } = await behindProxy(QUICK, { limits: { maxChannels: 1 } })
    const running = failureOf(client.run('sleep 1000'))
    const waiting = failureOf(client.run('echo never'))
    await until(() => all.events('exec').some(({ phase }) => phase === 'start'))
    let isBack = false
    client.once('reconnect', () => {
      isBack = true
    })
    const isGone = new Promise((resolve) => client.once('disconnect', resolve))
    proxy.cut()
    await isGone
    const afterwards = failureOf(client.run('echo never'))
    expect(await running).toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
    expect(await waiting).toMatchObject({ code: 'ERR_FAKESSH_NOT_STARTED' })
    expect(await afterwards).toMatchObject({ code: 'ERR_FAKESSH_NOT_STARTED' })
    expect(isBack).toBe(false)
    await until(() => isBack)
    const started = all.events('exec').filter(({ phase }) => phase === 'start')
    expect(started).toHaveLength(1)
    await finish()
  })

  test('a session is over, and its commands do not find one of the next connection', async () => {
    const { client, proxy, finish } = await behindProxy()
    const session = await client.session()
    const isBack = new Promise((resolve) => client.once('reconnect', resolve))
    proxy.cut()
    await isBack
    await using other = await client.session({ cwd: '/' })
    expect(await failureOf(session.run('pwd'))).toMatchObject({
      code: expect.stringMatching(/^ERR_FAKESSH_(CLOSED|NOT_STARTED|CONNECTION_LOST)$/),
    })
    expect((await other.run('echo mine')).stdout).toBe('mine\n')
    await finish()
  })
})

describe('trying ends', () => {
  test('when the time for it is over', async () => {
    const { client, proxy, heard, finish } = await behindProxy({ ...QUICK, giveUpAfterMs: 200 })
    const isOver = new Promise((resolve) =>
      client.on('disconnect', (event) => {
        if (!event.willReconnect) resolve(event.error)
      }),
    )
    await proxy.close()
    expect(await isOver).toMatchObject({ code: 'ERR_FAKESSH_CONNECT_FAILED' })
    expect(heard.at(-1)).toBe('disconnect ERR_FAKESSH_CONNECT_FAILED for good')
    expect(heard.filter((line) => line.startsWith('reconnecting')).length).toBeGreaterThan(1)
    expect(await failureOf(client.run('true'))).toMatchObject({ code: 'ERR_FAKESSH_NOT_STARTED' })
    await finish()
  })

  test('when the server no longer takes the token', async () => {
    const [token, other] = [generateToken(), generateToken()]
    const first = new FakeSshServer({ users: { test: { token } } })
    const { port } = await first.listen()
    const proxy = await faultProxy({ target: { host: '127.0.0.1', port } })
    const client = await FakeSshClient.connect({ port: proxy.port, user: 'test', token, reconnect: QUICK })
    const attempts: number[] = []
    client.on('reconnecting', ({ attempt }) => attempts.push(attempt))
    const isOver = new Promise((resolve) =>
      client.on('disconnect', (event) => {
        if (!event.willReconnect) resolve(event.error)
      }),
    )
    await first.close({ drainMs: 0 })
    const second = new FakeSshServer({ users: { test: { token: other } } })
    await second.listen({ port })
    expect(await isOver).toMatchObject({ code: 'ERR_FAKESSH_AUTH_FAILED' })
    // One refusal could be a handshake that was damaged on its way.
    expect(attempts.length).toBeGreaterThanOrEqual(2)
    await Promise.all([client.close(), second.close({ drainMs: 0 }), proxy.close()])
  })

  test('when the client is closed, from within the event of the loss or later', async () => {
    for (const when of ['disconnect', 'reconnecting'] as const) {
      const { client, proxy, heard, finish } = await behindProxy({ minDelayMs: 60_000, maxDelayMs: 60_000 })
      const closing = new Promise<Promise<void>>((resolve) =>
        client.once(when, () => resolve(client.close())),
      )
      proxy.cut()
      await await closing
      expect(heard.filter((line) => line.startsWith('reconnect after'))).toEqual([])
      expect(heard.filter((line) => line.startsWith('reconnecting'))).toHaveLength(
        when === 'disconnect' ? 0 : 1,
      )
      await finish()
    }
  })
})

test('a server that is started again is found again', async () => {
  const token = generateToken()
  const make = () => new FakeSshServer({ users: { test: { token, exec: 'argv' } } })
  const first = make()
  const { port } = await first.listen()
  const client = await FakeSshClient.connect({ port, user: 'test', token, reconnect: QUICK })
  const isBack = new Promise((resolve) => client.once('reconnect', resolve))
  await first.close({ drainMs: 0 })
  const second = make()
  await second.listen({ port })
  await isBack
  expect((await client.run('echo', ['here'])).stdout).toBe('here\n')
  await client.close()
  await second.close({ drainMs: 0 })
})

test('a pair in one process has its connection back as well', async () => {
  await using pair = await connectedPair({ user: { exec: 'argv' }, faults: {}, reconnect: QUICK })
  const isBack = new Promise((resolve) => pair.client.once('reconnect', resolve))
  pair.faults.cut()
  await isBack
  expect((await pair.client.run('echo', ['here'])).stdout).toBe('here\n')
})
