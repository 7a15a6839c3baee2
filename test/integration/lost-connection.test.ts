// The connection is lost in the middle of everything: each pending operation is told, all in the same turn, with what had arrived.
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FakeSshClient } from '../../src/index.js'
import { closed, outcomeOf } from '../helpers/operations.js'
import { served } from '../helpers/served.js'
import { tcpProxy } from '../helpers/tcp-proxy.js'
import { until } from '../helpers/until.js'

const LOST = 'ERR_FAKESSH_CONNECTION_LOST'
const NEVER = 'ERR_FAKESSH_NOT_STARTED'
const BYTES = 8_000_000

describe.each(['end', 'reset'] as const)('by %s', (how) => {
  test('every pending operation fails in the turn of the disconnect event, with partial facts', async () => {
    let hasWritten = false
    const all = await served({
      transport: 'tls',
      limits: { maxChannels: 7 },
      commands: {
        'test:partial': async ({ stdout, stderr, signal }) => {
          await new Promise((resolve) => stdout.write('collected', resolve))
          await new Promise((resolve) => stderr.write('complaint', resolve))
          hasWritten = true
          await new Promise((_resolve, reject) => signal.addEventListener('abort', reject))
        },
      },
    })
    const content = randomBytes(BYTES)
    writeFileSync(join(all.root, 'in'), content)
    writeFileSync(join(all.local, 'in'), content)
    const target = new URL(all.server.connectionString('test'))
    const proxy = await tcpProxy(Number(target.port))
    target.port = String(proxy.port)
    const client = await FakeSshClient.connect(target.href)

    // Time in turns of the event loop.
    let turn = 0
    let isCounting = true
    const count = () => {
      turn += 1
      if (isCounting) setImmediate(count)
    }
    count()
    const settledAt: { [name: string]: number } = {}
    const note = <T>(name: string, promise: Promise<T>) => {
      void promise
        .catch(() => {})
        .then(() => {
          settledAt[name] = turn
        })
      return outcomeOf(promise)
    }

    const exec = client.exec('printf partial; printf warning >&2; sleep 1000')
    exec.on('data', () => {})
    exec.stderr.on('data', () => {})
    const run = note('run', client.run('test:partial'))
    const get = client.get('in')
    get.once('readable', () => get.read(1_000))
    const put = client.put('out')
    put.write(content.subarray(0, 100_000))
    const session = await client.session()
    const inSession = session.exec('sleep 1000')
    const outcomes = {
      run,
      exec: note('exec', exec.result),
      get: note('get', get.result),
      put: note('put', put.result),
      inSession: note('inSession', inSession.result),
      // Two that wait: one for its turn, one for an answer.
      running: note('running', client.run('sleep 1000')),
      waiting: note('waiting', client.run('echo never')),
    }
    await until(() => all.events('exec').filter(({ phase }) => phase === 'start').length === 4)
    await until(() => get.metadata !== undefined && get.readableLength > 0)
    await until(() => exec.readableDidRead && exec.stderr.readableDidRead)
    await until(() => all.leftovers().length === 1 && hasWritten)
    // What the server has written comes before its answer to this.
    await exec.kill('SIGCONT')
    expect(client.pendingOperations).toBe(8)

    const ended: { turn: number; pending: number; code: string | undefined; isConnected: boolean }[] = []
    client.on('disconnect', ({ error }) => {
      const { pendingOperations: pending, isConnected } = client
      ended.push({ turn, pending, code: error?.code, isConnected })
    })
    const streamsClosed = [exec, exec.stderr, get, put, inSession].map(closed)
    proxy.cutNow(how)
    const told = Object.fromEntries(
      await Promise.all(
        Object.entries(outcomes).map(
          async ([name, outcome]) => [name, await (outcome as Promise<unknown>)] as const,
        ),
      ),
    )
    await Promise.all(streamsClosed)
    isCounting = false

    expect(ended).toEqual([{ turn: expect.any(Number), pending: 0, code: LOST, isConnected: false }])
    const lost = { isSuccess: false, error: { code: LOST, host: `127.0.0.1:${proxy.port}` } }
    expect(told).toMatchObject({
      run: { ...lost, error: { ...lost.error, stdout: 'collected', stderr: 'complaint', exitCode: null } },
      exec: {
        ...lost,
        error: { ...lost.error, stdoutBytes: 7, stderrBytes: 7, exitCode: null, signal: null },
      },
      get: { ...lost, error: { ...lost.error, op: 'get', path: 'in' } },
      put: { ...lost, error: { ...lost.error, op: 'put', path: 'out' } },
      inSession: lost,
      running: lost,
      waiting: { ...lost, error: { ...lost.error, code: NEVER } },
    })
    const bytes = (told.get as { error: { bytesTransferred: number } }).error.bytesTransferred
    expect(bytes).toBeGreaterThan(0)
    expect(bytes).toBeLessThan(BYTES)
    expect(Object.values(settledAt)).toEqual(Object.values(settledAt).map(() => ended[0]?.turn))
    expect(Object.keys(settledAt).sort()).toEqual(Object.keys(outcomes).sort())

    // The server notices too, ends what it started, and keeps nothing.
    await until(() => all.events('disconnect').length === 1 && all.running().length === 0)
    await until(() => all.leftovers().length === 0)
    await until(() => all.events('exec').filter(({ phase }) => phase === 'end').length === 4)
    expect(all.events('exec').filter(({ isCancelled }) => isCancelled)).toHaveLength(4)
    await until(() => all.events('transfer').filter(({ error }) => error !== undefined).length === 2)
  })
})

test('after the loss every new operation fails as never started, and closing is done at once', async () => {
  const all = await served({ transport: 'tls' })
  const target = new URL(all.server.connectionString('test'))
  const proxy = await tcpProxy(Number(target.port))
  target.port = String(proxy.port)
  const client = await FakeSshClient.connect(target.href)
  const session = await client.session()
  proxy.cutNow('reset')
  await until(() => !client.isConnected)
  const attempts = [
    client.run('true'),
    client.exec('true').result,
    client.get('x').result,
    client.put('x').end('x').result,
    client.download('x', join(all.local, 'x')),
    client.upload('/etc/passwd', 'x'),
    client.session(),
    session.run('true'),
  ]
  for (const outcome of await Promise.all(attempts.map((promise) => outcomeOf<unknown>(promise)))) {
    expect(outcome).toMatchObject({ isSuccess: false, error: { code: NEVER } })
  }
  await client.close()
  await session.close()
  expect(all.leftovers()).toEqual([])
})
