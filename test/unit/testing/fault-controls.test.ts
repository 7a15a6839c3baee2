// Faults between two streams: order, backpressure, half-closed and vanished ends, and that nothing stays behind. In memory, where what a
// source could write is known exactly; a clock that is driven by hand.
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { FaultControls, type FaultRecord } from '../../../src/testing/fault-controls.js'
import type { FaultOptions } from '../../../src/testing/fault-options.js'
import { FAKE_SSH_FRAMES } from '../../../src/testing/frame-format.js'
import { memoryPair } from '../../../src/transport/memory-pair.js'
import { turns, until } from '../../helpers/until.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

/** Buffers of 64 KiB at each of two in-memory hops and in between, and one piece under way. */
const BUFFERS_BYTES = 500_000

interface End {
  readonly stream: Duplex
  readonly bytes: () => Buffer
  readonly state: { ended: boolean; closed: boolean; code: string | undefined }
}

function endOf(stream: Duplex): End {
  const chunks: Buffer[] = []
  const state = { ended: false, closed: false, code: undefined as string | undefined }
  stream.on('end', () => Object.assign(state, { ended: true }))
  stream.on('close', () => Object.assign(state, { closed: true }))
  stream.on('error', ({ code }: NodeJS.ErrnoException) => Object.assign(state, { code }))
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { stream, state, bytes: () => Buffer.concat(chunks) }
}

/** Two ends with faults between them, each able to close by itself. */
function joined(options: FaultOptions, { isReading = true } = {}) {
  const [client, near] = memoryPair()
  const [far, server] = memoryPair()
  for (const { stream } of [client, server]) stream.allowHalfOpen = true
  const controls = new FaultControls('faults', options)
  onTestFinished(() => controls.endAll())
  const events: FaultRecord[] = []
  controls.on('fault', (fault) => events.push(fault))
  controls.join(near.stream, far.stream, FAKE_SSH_FRAMES)
  const ends = { client: endOf(client.stream), server: endOf(server.stream) }
  if (!isReading) server.stream.pause()
  return { ...ends, controls, events, middle: [near.stream, far.stream] }
}

const pattern = (length: number) => Buffer.from(Array.from({ length }, (_, index) => index % 251))

/** Writes until the stream asks to wait and stays so; returns how much it took. */
async function flood(stream: Duplex): Promise<number> {
  let written = 0
  for (;;) {
    while (!stream.writableNeedDrain) {
      stream.write(Buffer.alloc(10_000))
      written += 10_000
      if (written > 100_000_000) return written
    }
    await turns(50)
    if (stream.writableNeedDrain) return written
  }
}

test('without faults everything passes, both ways, and both ends close', async () => {
  const { client, server, controls, events, middle } = joined({})
  const content = pattern(300_000)
  client.stream.end(content)
  server.stream.end(content)
  await until(() => client.state.closed && server.state.closed)
  expect(client.bytes().equals(content) && server.bytes().equals(content)).toBe(true)
  await until(() => controls.connections.length === 0)
  expect([controls.connectionCount, controls.log, events]).toEqual([1, [], []])
  for (const stream of middle) {
    expect(stream.destroyed).toBe(true)
    expect([stream.listenerCount('data'), stream.listenerCount('drain')]).toEqual([0, 0])
  }
})

test('one end can close while the other goes on', async () => {
  const { client, server } = joined({})
  client.stream.end('question')
  await until(() => server.state.ended)
  expect(client.state.ended).toBe(false)
  server.stream.end('answer')
  await until(() => client.state.closed && server.state.closed)
  expect([server.bytes().toString(), client.bytes().toString()]).toEqual(['question', 'answer'])
})

test.each([
  ['at once', {}],
  ['after a delay', { up: { delayMs: 60_000 } }],
  ['at a rate', { up: { bytesPerSecond: 1_000 } }],
  ['in a black hole', { up: { blackHole: { afterBytes: 0 } } }],
])('a receiver that stops reading stops the sender: %s', async (_how, faults) => {
  const { client } = joined(faults, { isReading: false })
  const isLong = 'up' in faults && 'delayMs' in (faults.up ?? {})
  expect(await flood(client.stream)).toBeLessThan(BUFFERS_BYTES + (isLong ? 67_108_864 : 0))
})

test('after a delay all of it arrives, in order, when the receiver reads again', async () => {
  const { client, server } = joined({ up: { delayMs: 1_000 } }, { isReading: false })
  const content = pattern(2_000_000)
  client.stream.end(content)
  await until(() => client.stream.writableFinished)
  vi.advanceTimersByTime(999)
  await turns(20)
  server.stream.resume()
  await turns(20)
  expect(server.bytes()).toHaveLength(0)
  vi.advanceTimersByTime(2)
  await until(() => server.state.ended)
  expect(server.bytes().equals(content)).toBe(true)
})

test('a rate lets through what the clock allows', async () => {
  const { client, server } = joined({ up: { bytesPerSecond: 1_000 } })
  client.stream.write(pattern(50_000))
  await turns(50)
  for (let second = 1; second <= 20; second++) {
    vi.advanceTimersByTime(1_000)
    await turns(20)
    expect(Math.abs(server.bytes().length - second * 1_000)).toBeLessThanOrEqual(20)
  }
})

test('delay and rate can be changed while bytes are on their way', async () => {
  const { client, server, controls } = joined({ up: { delayMs: 60_000 } })
  client.stream.write('late')
  await turns(20)
  controls.setFaults({ up: { delayMs: 100 } })
  vi.advanceTimersByTime(100)
  await until(() => server.bytes().toString() === 'late')
  controls.setFaults({ up: { bytesPerSecond: 1 } })
  client.stream.write('slow')
  await turns(20)
  vi.advanceTimersByTime(2_000)
  await until(() => server.bytes().toString() === 'latesl')
  controls.heal()
  await until(() => server.bytes().toString() === 'lateslow')
  expect(vi.getTimerCount()).toBe(0)
})

describe.each(['reset', 'end'] as const)('a cut by %s', (how) => {
  const seen = how === 'reset' ? 'ECONNRESET' : undefined

  test('at a byte: what is before it arrives, both ends are gone, and it is logged', async () => {
    const { client, server, controls, events } = joined({ up: { cut: { afterBytes: 70_000, how } } })
    const content = pattern(300_000)
    client.stream.write(content)
    await until(() => client.state.closed || client.state.ended)
    await until(() => server.state.closed || server.state.ended)
    expect(server.bytes().equals(content.subarray(0, 70_000))).toBe(true)
    expect(server.state.code).toBe(seen)
    const fault = { connection: 0, kind: 'cut', direction: 'up', afterBytes: 70_000, afterFrames: 0, how }
    expect(controls.log).toEqual([fault])
    expect(events).toEqual([fault])
    await until(() => controls.connections.length === 0)
  })

  test('on demand', async () => {
    const { client, server, controls } = joined({ up: { delayMs: 1_000 } })
    client.stream.write('never arrives')
    await turns(20)
    controls.cut({ how })
    for (const { state } of [client, server]) await until(() => state.ended || state.closed)
    expect([client.state.code, server.state.code]).toEqual([seen, seen])
    expect(server.bytes()).toHaveLength(0)
    expect(controls.log).toEqual([{ connection: 0, kind: 'cut', how }])
    expect(vi.getTimerCount()).toBe(0)
    controls.cut({ how })
    expect(controls.log).toHaveLength(1)
  })

  test('by an end itself reaches the other one, after what it had sent', async () => {
    const { client, server, controls } = joined({ up: { delayMs: 1_000 } })
    client.stream.write('last words')
    await turns(20)
    client.stream.destroy(how === 'reset' ? new Error('crash') : undefined)
    await turns(20)
    expect(server.state).toEqual({ ended: false, closed: false, code: undefined })
    vi.advanceTimersByTime(1_000)
    await until(() => server.state.ended || server.state.closed)
    expect([server.bytes().toString(), server.state.code]).toEqual(['last words', seen])
    server.stream.destroy()
    await until(() => controls.connections.length === 0)
    expect(controls.log).toEqual([])
  })
})

test.each([
  ['at a byte', { up: { halfClose: { afterBytes: 5 } } }],
  ['on demand', {}],
])('a half-close %s ends one direction; the other lives on', async (_how, faults) => {
  const { client, server, controls } = joined(faults)
  client.stream.write('hello')
  if (!('up' in faults)) {
    await until(() => server.bytes().length === 5)
    controls.halfClose('up')
    controls.halfClose('up')
  }
  await until(() => server.state.ended)
  // What comes after it is lost, but does not stall the sender.
  client.stream.write(pattern(1_000_000))
  await until(() => !client.stream.writableNeedDrain)
  server.stream.write('still here')
  await until(() => client.bytes().toString() === 'still here')
  expect(server.bytes().toString()).toBe('hello')
  const fault = { connection: 0, kind: 'halfClose', direction: 'up', afterBytes: 5, afterFrames: 0 }
  expect(controls.log).toEqual([fault])
  server.stream.end()
  await until(() => client.state.ended)
  client.stream.end()
  await until(() => controls.connections.length === 0)
})

describe('a black hole', () => {
  test('lets nothing through and tells nobody, until it is healed', async () => {
    const { client, server, controls } = joined({ up: { blackHole: { afterBytes: 3 } } })
    client.stream.write('abcdef')
    await until(() => controls.log.length === 1)
    client.stream.end('ghi')
    await turns(50)
    expect([server.bytes().toString(), server.state.ended]).toEqual(['abc', false])
    server.stream.write('the other direction')
    await until(() => client.bytes().length > 0)
    controls.heal()
    await until(() => server.state.ended)
    expect(server.bytes().toString()).toBe('abcdefghi')
    server.stream.end()
    await until(() => controls.connections.length === 0)
  })

  test('can be healed by who hears of it', async () => {
    const { client, server, controls } = joined({ up: { blackHole: { afterBytes: 3 } } })
    controls.on('fault', () => controls.heal())
    client.stream.write('abcdef')
    await until(() => server.bytes().toString() === 'abcdef')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('hides that an end has vanished', async () => {
    const { client, server, controls } = joined({})
    controls.blackHole()
    client.stream.destroy(new Error('crash'))
    await turns(50)
    expect(server.state).toEqual({ ended: false, closed: false, code: undefined })
    controls.heal()
    await until(() => server.state.closed)
    expect(server.state.code).toBe('ECONNRESET')
    expect(controls.log.map(({ kind, direction }) => [kind, direction])).toEqual([
      ['blackHole', 'up'],
      ['blackHole', 'down'],
    ])
  })
})

test('connections that are made later are in the black hole too, and have the faults that were set', async () => {
  const controls = new FaultControls('faults', {})
  controls.blackHole('up')
  controls.setFaults({ down: { cut: { afterBytes: 3 } } })
  const [client, near] = memoryPair()
  const [far, server] = memoryPair()
  expect(controls.join(near.stream, far.stream, FAKE_SSH_FRAMES)).toBe(0)
  const ends = { client: endOf(client.stream), server: endOf(server.stream) }
  client.stream.write('x')
  await turns(20)
  expect(ends.server.bytes()).toHaveLength(0)
  expect(controls.connections).toEqual([
    { connection: 0, up: { received: 0, passed: 0 }, down: { received: 0, passed: 0 } },
  ])
  server.stream.write('abcdef')
  await until(() => ends.client.state.closed)
  expect(ends.client.bytes().toString()).toBe('abc')
})

describe('a seed', () => {
  const range = { min: 0, max: 1_000 }
  const plan: FaultOptions = {
    up: {
      corrupt: { afterBytes: range },
      duplicate: { afterBytes: range, bytes: 7 },
      cut: { afterBytes: range },
    },
    down: { halfClose: { afterBytes: range } },
  }

  async function run(seed: number) {
    const outcomes: unknown[] = []
    const { controls, client, server } = joined({ ...plan, seed })
    client.stream.write(pattern(1_001))
    await until(() => client.state.closed && server.state.closed)
    outcomes.push(server.bytes().toString('hex'))
    return { log: controls.log, outcomes }
  }

  test('gives the same faults each time, another seed others', async () => {
    const first = await run(1)
    expect(first.log.at(-1)).toMatchObject({ kind: 'cut' })
    expect(await run(1)).toEqual(first)
    expect(await run(2)).not.toEqual(first)
  })

  test('gives each connection, direction and kind its own', async () => {
    const controls = new FaultControls('faults', {
      seed: 5,
      up: { cut: { afterBytes: { min: 0, max: 100_000 } } },
    })
    for (let count = 0; count < 20; count++) {
      const [client, near] = memoryPair()
      const [far, server] = memoryPair()
      controls.join(near.stream, far.stream, FAKE_SSH_FRAMES)
      server.stream.resume()
      client.stream.write(pattern(100_001))
      await until(() => controls.log.length > count)
    }
    expect(new Set(controls.log.map(({ afterBytes }) => afterBytes)).size).toBeGreaterThan(18)
  })
})

test('the log is bounded', () => {
  const controls = new FaultControls('faults', {})
  for (let count = 0; count < 10_500; count++) {
    const [, near] = memoryPair()
    const [far] = memoryPair()
    controls.join(near.stream, far.stream, FAKE_SSH_FRAMES)
    controls.cut()
  }
  expect(controls.log).toHaveLength(10_000)
  expect(controls.log.at(-1)).toEqual({ connection: 10_499, kind: 'cut', how: 'reset' })
})
