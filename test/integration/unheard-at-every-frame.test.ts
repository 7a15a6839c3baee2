// Nobody listens to anything: no 'error', no result, no event. At every frame of a conversation the connection ends, breaks, or turns into
// garbage. Neither side's process may notice it as an exception.
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FakeSshServer, generateToken } from '../../src/index.js'
import {
  type Direction,
  type InterceptedPair,
  interceptedPair,
  type SeenFrame,
} from '../helpers/intercepted-pair.js'
import { within } from '../helpers/operations.js'
import { type Served, served } from '../helpers/served.js'
import { recordUncaught } from '../helpers/uncaught.js'
import { turns, until } from '../helpers/until.js'

const SETTLE_MS = 5_000
const GARBAGE_BYTES = 64

type Breakage = 'end' | 'reset' | 'garbage'

interface Moment {
  readonly how: Breakage
  readonly direction: Direction
  readonly index: number
}

/** One of everything at once, looked at by nobody; resolves when all of it is over. */
async function unheard(all: Served, moment: Moment | undefined): Promise<{ passed: readonly SeenFrame[] }> {
  const isIt = ({ direction, index }: SeenFrame) => direction === moment?.direction && index === moment.index
  const pair: InterceptedPair = interceptedPair({
    meddle: (frame) => (moment?.how === 'garbage' && isIt(frame) ? randomBytes(GARBAGE_BYTES) : frame.bytes),
    onPassed: (frame) => {
      if (isIt(frame) && (moment?.how === 'end' || moment?.how === 'reset')) pair.cut(moment.how)
    },
  })
  const client = await all
    .connectOver(pair.transports, { connectTimeoutMs: 500, keepaliveIntervalMs: 50 })
    .catch(() => undefined)
  if (client !== undefined) {
    const streams = [
      client.exec('cat; echo end >&2', []).end('unknown program'),
      client.exec('test:echo').end('input'),
      client.get('in'),
      client.get('missing'),
      client.put('out').end('output'),
      client.put('missing/out').end('output'),
    ]
    const killed = client.exec('test:wait')
    void killed.kill()
    const isOver = () =>
      [...streams, killed].every(
        ({ destroyed, readableEnded }: { destroyed: boolean; readableEnded?: boolean }) =>
          destroyed || readableEnded === true,
      )
    // Reading is no listening for failures.
    for (const stream of [...streams, killed]) if ('resume' in stream) stream.resume()
    await until(isOver)
    await client.close({ drainMs: 0 })
  }
  await until(() => all.events('connection').length === all.events('disconnect').length)
  return { passed: pair.passed }
}

test('end, reset and garbage at every frame: no exception, and everything is over', {
  timeout: 60_000,
}, async () => {
  const uncaught = recordUncaught()
  const all = await served({
    keepaliveIntervalMs: 50,
    limits: { handshakeTimeoutMs: 500 },
    commands: {
      'test:echo': async ({ stdin, stdout }) => {
        for await (const chunk of stdin) stdout.write(chunk)
      },
      'test:wait': ({ signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    },
  })
  writeFileSync(join(all.root, 'in'), randomBytes(300_000))
  const { passed } = await within(SETTLE_MS, 'without a breakage', unheard(all, undefined))
  expect(passed.length).toBeGreaterThan(30)
  for (const { direction, index } of passed) {
    for (const how of ['end', 'reset', 'garbage'] as const) {
      await within(
        SETTLE_MS,
        `${how} at frame ${index} ${direction}`,
        unheard(all, { how, direction, index }),
      )
      expect(uncaught, `${how} at frame ${index} ${direction}`).toEqual([])
    }
  }
  await turns(20)
  expect(uncaught).toEqual([])
})

test('a server that nobody listens to at all survives it as well', async () => {
  const uncaught = recordUncaught()
  const server = new FakeSshServer({ users: { test: { token: generateToken() } } })
  const { memoryPair } = await import('../../src/transport/memory-pair.js')
  for (const speak of [
    (stream: NodeJS.WritableStream) => void stream.end(),
    (stream: NodeJS.WritableStream) => void stream.write(randomBytes(100)),
    (stream: NodeJS.WritableStream & { destroy(error: Error): void }) => stream.destroy(new Error('reset')),
  ]) {
    const [dialer, listener] = memoryPair()
    server.serve(listener)
    dialer.stream.resume()
    speak(dialer.stream)
    await until(() => dialer.stream.destroyed)
  }
  await server.close()
  await turns(20)
  expect(uncaught).toEqual([])
})
