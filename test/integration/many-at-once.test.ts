// Many operations on one connection: each has its own windows, so none waits for a reader of another; and what is more than the server
// takes at once waits its turn.
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { ExecProcess, FakeSshClient } from '../../src/index.js'
import { outcomeOf } from '../helpers/operations.js'
import { served, TRANSPORTS } from '../helpers/served.js'
import { until } from '../helpers/until.js'

const MIB = 2 ** 20
/** As many as a server takes at once unless told otherwise. */
const MAX_CHANNELS = 200

async function byteCount(stream: Readable): Promise<number> {
  let bytes = 0
  for await (const chunk of stream) bytes += (chunk as Buffer).length
  return bytes
}

const started = (process: ExecProcess) => new Promise((resolve) => process.once('spawn', resolve))

/** Runs until its input ends, then repeats it. */
const echoing = (client: FakeSshClient) => client.exec('read line; echo "$line"')

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('a stderr that nobody reads does not stall stdout, and is thrown away', async () => {
    const client = await (await served({ transport })).connect()
    const process = client.exec(`head -c ${8 * MIB} /dev/zero >&2; head -c ${8 * MIB} /dev/zero; exit 7`)
    expect(await byteCount(process)).toBe(8 * MIB)
    await expect(process.result).resolves.toMatchObject({
      exitCode: 7,
      stderrBytes: 8 * MIB,
      stderrDiscarded: true,
      stdoutDiscarded: false,
    })
  })

  test('a stderr that was paused on purpose keeps all of it, and does not stall stdout', async () => {
    const client = await (await served({ transport })).connect()
    const process = client.exec(`head -c ${2 * MIB} /dev/zero >&2 & head -c ${8 * MIB} /dev/zero; wait`)
    process.stderr.pause()
    let stdout = 0
    process.on('data', (chunk) => {
      stdout += chunk.length
    })
    await until(() => stdout === 8 * MIB)
    expect(process.readableEnded).toBe(false)
    process.stderr.resume()
    expect(await byteCount(process.stderr)).toBe(2 * MIB)
    await expect(process.result).resolves.toMatchObject({ exitCode: 0, stderrDiscarded: false })
  })

  test('a stdout that was paused does not stall stderr', async () => {
    const client = await (await served({ transport })).connect()
    const process = client.exec(`head -c ${4 * MIB} /dev/zero & head -c ${2 * MIB} /dev/zero >&2; wait`)
    process.pause()
    let stderr = 0
    process.stderr.on('data', (chunk) => {
      stderr += chunk.length
    })
    await until(() => stderr === 2 * MIB)
    process.resume()
    expect(await byteCount(process)).toBe(4 * MIB)
    await expect(process.result).resolves.toMatchObject({ exitCode: 0 })
  })

  test('readers that stopped hold up nobody else: exec, get and put go on beside them', async () => {
    const { connect, root } = await served({ transport })
    const content = randomBytes(3 * MIB)
    writeFileSync(join(root, 'a'), content)
    const client = await connect()
    const stopped = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? client.exec('yes') : client.get('a')))
    // Each has something to read, and nobody reads it.
    await Promise.all(
      stopped.map((stream) => new Promise((resolve) => stream.once('readable', () => resolve(stream)))),
    )
    await expect(client.run('echo beside')).resolves.toMatchObject({ stdout: 'beside\n' })
    await client.put('b').end(content).result
    expect(Buffer.concat(await client.get('b').toArray()).equals(content)).toBe(true)
    for (const stream of stopped) stream.destroy()
  })
})

test('200 operations run at once; the 201st waits, and then runs', { timeout: 60_000 }, async () => {
  const { connect, events, running } = await served({ transport: 'tls' })
  const client = await connect()
  const first = Array.from({ length: MAX_CHANNELS }, () => echoing(client))
  const outputs = first.map((process) => process.setEncoding('utf8').toArray())
  await Promise.all(first.map(started))
  expect(running()).toHaveLength(MAX_CHANNELS)

  const late = echoing(client)
  const lateOutput = late.setEncoding('utf8').toArray()
  let hasLateStarted = false
  late.once('spawn', () => {
    hasLateStarted = true
  })
  late.end('the 201st\n')
  expect(client.pendingOperations).toBe(MAX_CHANNELS + 1)
  // Those before it still talk with the server, one after the other, which the 201st could have overtaken.
  for (const process of first.slice(0, 20)) await process.kill('SIGCONT')
  expect(hasLateStarted).toBe(false)
  expect(events('exec').filter(({ phase }) => phase === 'start')).toHaveLength(MAX_CHANNELS)

  first[0]?.end('the 1st\n')
  expect((await lateOutput).join('')).toBe('the 201st\n')
  await expect(late.result).resolves.toMatchObject({ exitCode: 0 })
  for (const [index, process] of first.entries()) if (index > 0) process.end(`line ${index}\n`)
  expect((await Promise.all(outputs)).map((chunks) => chunks.join(''))).toEqual(
    first.map((_, index) => (index === 0 ? 'the 1st\n' : `line ${index}\n`)),
  )
  await until(() => client.pendingOperations === 0)
})

test('a thousand operations of every kind started at once all get their turn, with their own bytes', {
  timeout: 60_000,
}, async () => {
  const { connect, root } = await served({
    transport: 'tls',
    commands: {
      repeat: async ({ args, stdout }) => {
        stdout.write(args.join(' '))
      },
    },
  })
  for (let i = 0; i < 10; i += 1) writeFileSync(join(root, `in-${i}`), `content of ${i}`)
  const client = await connect()
  const tasks = Array.from({ length: 1_000 }, async (_, i) => {
    if (i % 3 === 0) return (await client.run('repeat', [`answer ${i}`])).stdout === `answer ${i}`
    if (i % 3 === 1) return (await client.get(`in-${i % 10}`).toArray()).join('') === `content of ${i % 10}`
    const { bytes } = await client.put(`out-${i}`).end(`content of ${i}`).result
    return bytes === Buffer.byteLength(`content of ${i}`)
  })
  expect(client.pendingOperations).toBe(1_000)
  expect((await Promise.all(tasks)).every((isRight) => isRight)).toBe(true)
})

describe('an operation that waits for its turn', () => {
  const crowded = async () => {
    const all = await served({ transport: 'tls', limits: { maxChannels: 2 } })
    const client = await all.connect()
    const holders = [echoing(client), echoing(client)]
    await Promise.all(holders.map(started))
    return { ...all, client, holders }
  }

  test.each(['run', 'get', 'put', 'session'] as const)(
    '%s can be cancelled, and was never asked for',
    async (op) => {
      const { client, holders, events, eventNames } = await crowded()
      const abort = new AbortController()
      const reason = new Error('changed my mind')
      const { signal } = abort
      const waiting = outcomeOf<unknown>(
        {
          run: () => client.run('touch run', { signal }),
          get: () => client.get('x', { signal }).result,
          put: () => client.put('x', { signal }).end('x').result,
          session: () => client.session({ signal }),
        }[op](),
      )
      expect(client.pendingOperations).toBe(3)
      abort.abort(reason)
      expect(await waiting).toEqual({ isSuccess: false, error: reason })
      expect(client.pendingOperations).toBe(2)
      for (const process of holders) process.end('x\n')
      for (const process of holders) await expect(process.result).resolves.toMatchObject({ exitCode: 0 })
      await client.run('true')
      expect(events('exec').filter(({ phase }) => phase === 'start')).toHaveLength(3)
      expect(eventNames).not.toContain('transfer')
    },
  )

  test('runs out of its own time', async () => {
    const { client } = await crowded()
    await expect(client.run('true', { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_TIMEOUT',
      timedOut: true,
    })
    await expect(client.get('x', { timeoutMs: 20 }).result).rejects.toMatchObject({
      code: 'ERR_FAKESSH_TIMEOUT',
    })
  })

  test('fails with the rest when the connection ends', async () => {
    const { client, server } = await crowded()
    const waiting = [client.run('true'), client.get('x').result, client.put('x').end('x').result].map(
      (promise) => outcomeOf<unknown>(promise),
    )
    await server.close({ drainMs: 0 })
    for (const outcome of await Promise.all(waiting)) {
      expect(outcome).toMatchObject({
        isSuccess: false,
        error: { code: expect.stringMatching(/^ERR_FAKESSH_(SHUTDOWN|CONNECTION_LOST)$/) },
      })
    }
  })

  test('fails when its own side closes, while those that run may finish', async () => {
    const { client, holders } = await crowded()
    const waiting = outcomeOf(client.run('true'))
    const closing = client.close({ drainMs: 10_000 })
    expect(await waiting).toMatchObject({ isSuccess: false, error: { code: 'ERR_FAKESSH_CLOSED' } })
    for (const process of holders) process.end('x\n')
    for (const process of holders) await expect(process.result).resolves.toMatchObject({ exitCode: 0 })
    await closing
  })
})
