// The graceful end: running operations finish, new ones are told why not, and nothing waits for ever.
import { describe, expect, test } from 'vitest'
import type { IncomingOpen } from '../../src/connection/channel-handler.js'
import { type ConnectionPair, connectionPair } from '../helpers/connection-pair.js'
import { isWhole, serve, talk } from '../helpers/conversation.js'
import { frames } from '../helpers/frames.js'
import { jsonOf } from '../helpers/naive-frames.js'
import { rawConnected, rawSetup } from '../helpers/raw-peer.js'
import { RecordingHandler } from '../helpers/recording-handler.js'
import { WIRINGS } from '../helpers/transport-matrix.js'
import { turns, until } from '../helpers/until.js'

interface Running {
  readonly pair: ConnectionPair
  readonly near: RecordingHandler
  readonly far: RecordingHandler
}

/** A pair with one channel that runs until a side closes it. */
async function running(transports: Parameters<typeof connectionPair>[0] = {}): Promise<Running> {
  const held: RecordingHandler[] = []
  const pair = await connectionPair({
    ...transports,
    onOpen: (open: IncomingOpen) => {
      const handler = new RecordingHandler()
      handler.channel = open.channel
      held.push(handler)
      open.accept({}, [100], handler)
    },
  })
  const near = new RecordingHandler()
  near.channel = pair.client.open('hold', {}, [100], near)
  await near.opened
  return { pair, near, far: held[0] as RecordingHandler }
}

async function refused(pair: ConnectionPair, side: 'client' | 'server'): Promise<string | undefined> {
  const handler = new RecordingHandler()
  handler.channel = pair[side].open('late', {}, [], handler)
  const error = await handler.closed
  expect(handler.log).toEqual([`closed ${error?.code}`])
  return error?.code
}

describe.each(WIRINGS)('$name', ({ connect }) => {
  test.each(['client', 'server'] as const)('the %s closes: what runs finishes first', async (side) => {
    const { pair, near, far } = await running({ transports: await connect() })
    let isClosed = false
    const other = side === 'client' ? 'server' : 'client'
    const closing = pair[side].close(60_000).then(() => {
      isClosed = true
    })
    expect(pair[side].isOpen).toBe(false)
    expect(await refused(pair, side)).toBe('ERR_FAKESSH_CLOSED')
    await until(() => near.log.includes('draining') && far.log.includes('draining'))
    expect(await refused(pair, other)).toBe('ERR_FAKESSH_SHUTDOWN')
    // Data, requests and results still go both ways.
    far.onRequest = (type) => ({ type })
    expect(await near.channel?.request('still', {})).toEqual({ type: 'still' })
    near.channel?.send(0, Buffer.from('last'), () => {})
    near.channel?.sendEof(0)
    await far.ended(0)
    far.channel?.sendExit({ exitCode: 0, signal: null, stdioLeaked: false, stdinBytes: 4 })
    expect([isClosed, pair.endings]).toEqual([false, {}])
    far.channel?.close()
    await Promise.all([closing, near.closed, far.closed])
    expect(near.log).toEqual(['opened', 'draining', 'exit 0', 'closed'])
    await until(() => pair.endings[other] !== undefined)
    expect(pair.endings).toEqual({ client: 'clean', server: 'clean' })
    expect(await refused(pair, side)).toBe('ERR_FAKESSH_CLOSED')
    expect(await refused(pair, other)).toBe('ERR_FAKESSH_SHUTDOWN')
  })

  test('what does not finish in time is ended at the deadline, on both sides', async () => {
    const { pair, near, far } = await running({ transports: await connect() })
    const started = performance.now()
    await pair.server.close(50)
    expect(performance.now() - started).toBeGreaterThan(40)
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(far.error).toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    expect(pair.endings.server).toBe('clean')
    expect(await near.closed).toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
    expect(pair.endings.client).toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
    expect([near.closedTimes, far.closedTimes]).toEqual([1, 1])
  })

  test('both close at once', async () => {
    const pair = await connectionPair({ transports: await connect(), onOpen: serve })
    const talks = [talk(pair.client), talk(pair.client)]
    await turns(1)
    await Promise.all([pair.client.close(5_000), pair.server.close(5_000), ...talks])
    expect(pair.endings).toEqual({ client: 'clean', server: 'clean' })
    const outcomes = await Promise.all(talks)
    for (const outcome of outcomes) {
      if (!isWhole(outcome))
        expect(outcome).toMatchObject({ error: { code: /ERR_FAKESSH_(CLOSED|SHUTDOWN)/ } })
    }
  })

  test('closing twice is one close, and closing what ended is done at once', async () => {
    const pair = await connectionPair({ transports: await connect() })
    const [first, second] = [pair.client.close(1_000), pair.client.close(5)]
    expect(first).toBe(second)
    await first
    await pair.client.close(1_000)
    await pair.server.close(1_000)
    expect(pair.endings).toEqual({ client: 'clean', server: 'clean' })
  })

  test('an OPEN that crosses the goodbye is refused with the reason, not lost', async () => {
    const pair = await connectionPair({ transports: await connect(), onOpen: serve })
    const closing = pair.server.close(5_000)
    const handler = new RecordingHandler()
    handler.channel = pair.client.open('late', {}, [], handler)
    expect(await handler.closed).toMatchObject({ code: 'ERR_FAKESSH_SHUTDOWN' })
    await closing
    expect(pair.internalErrors).toEqual([])
  })
})

describe('against a raw peer', () => {
  test('queued operations are refused when we close, and say so', async () => {
    const raw = await rawConnected({ role: 'client' })
    const handlers = Array.from({ length: 201 }, () => {
      const handler = new RecordingHandler()
      handler.channel = raw.connection.open('test', {}, [], handler)
      return handler
    })
    const closing = raw.connection.close(100)
    expect(handlers[200]?.error).toMatchObject({
      code: 'ERR_FAKESSH_CLOSED',
      message: 'the connection was closed',
    })
    expect(handlers[0]?.error).toBeUndefined()
    await closing
    for (const handler of handlers) expect(handler.error?.code).toBe('ERR_FAKESSH_CLOSED')
    expect(await raw.ended).toBeUndefined()
  })

  test('a peer that hangs up at our goodbye has not been lost', async () => {
    const raw = await rawConnected({ role: 'client' })
    const closing = raw.connection.close(60_000)
    raw.peer.end()
    await closing
    expect(await raw.ended).toBeUndefined()
    expect(jsonOf(await raw.peer.next('GOODBYE'))).toEqual({
      code: 'shutdown',
      message: 'the client is closing',
    })
  })

  test('a peer that reads nothing holds up a close no longer than it may take', async () => {
    const raw = await rawConnected()
    raw.peer.stopReading()
    raw.peer.send(frames.open(1, [1_000_000]))
    await until(() => raw.opens.length > 0)
    const handler = new RecordingHandler()
    handler.channel = raw.opens[0]?.channel
    raw.opens[0]?.accept({}, [], handler)
    const told: unknown[] = []
    handler.channel?.send(0, new Uint8Array(1_000_000), (error) => told.push(error))
    handler.channel?.close()
    const started = performance.now()
    await raw.connection.close(20)
    expect(performance.now() - started).toBeLessThan(2_500)
    expect(told).toMatchObject([{ code: 'ERR_FAKESSH_CLOSED' }])
    expect(handler.closedTimes).toBe(1)
  })

  test.each(['client', 'server'] as const)('a %s closes before it is authenticated', async (role) => {
    const raw = rawSetup({ role })
    const asked = role === 'client' ? raw.connection.authenticate({ method: 'psk', user: 'u' }) : undefined
    const failed = expect(
      asked ?? Promise.reject(Object.assign(new Error(), { code: 'ERR_FAKESSH_CLOSED' })),
    ).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    await raw.connection.close(1_000)
    await failed
    expect(await raw.ended).toBeUndefined()
    await raw.peer.ended()
  })

  test('the last frames before the end arrive, however many', async () => {
    const raw = await rawConnected()
    raw.peer.send(frames.open(1, [5_000_000]))
    await until(() => raw.opens.length > 0)
    const handler = new RecordingHandler()
    handler.channel = raw.opens[0]?.channel
    raw.opens[0]?.accept({}, [], handler)
    handler.channel?.send(0, new Uint8Array(5_000_000), () => {})
    handler.channel?.sendEof(0)
    handler.channel?.sendExit({ exitCode: 0, signal: null, stdioLeaked: false, stdinBytes: 0 })
    handler.channel?.close()
    const closing = raw.connection.close(10_000)
    await raw.peer.next('CLOSE')
    raw.peer.send(frames.close(1))
    await closing
    const data = raw.peer.seen.filter(({ name }) => name === 'DATA')
    expect(data.reduce((sum, { payload }) => sum + payload.length, 0)).toBe(5_000_000)
    expect(raw.peer.names.slice(-3)).toEqual(['EOF', 'EXIT', 'CLOSE'])
  })
})
