// Channels between two Connections, over every kind of byte stream and with either side dialling.
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { IncomingOpen } from '../../src/connection/channel-handler.js'
import type { Connection } from '../../src/connection/connection.js'
import { connectionPair } from '../helpers/connection-pair.js'
import { INPUT, isWhole, NOISE, serve, talk } from '../helpers/conversation.js'
import { gate } from '../helpers/gate.js'
import { interceptedPair } from '../helpers/intercepted-pair.js'
import { RecordingHandler } from '../helpers/recording-handler.js'
import { WIRINGS } from '../helpers/transport-matrix.js'
import { until } from '../helpers/until.js'

/** Opens a channel that stays open until the peer closes it. */
function opened(connection: Connection, windows: readonly number[] = []): RecordingHandler {
  const handler = new RecordingHandler()
  handler.channel = connection.open('hold', {}, windows, handler)
  return handler
}

/** Accepts every OPEN and keeps what it accepted. */
function holder(windows: readonly number[] = []) {
  const held: RecordingHandler[] = []
  const onOpen = (open: IncomingOpen) => {
    const handler = new RecordingHandler()
    handler.channel = open.channel
    held.push(handler)
    open.accept({}, windows, handler)
  }
  return { held, onOpen }
}

describe.each(WIRINGS)('$name', ({ connect }) => {
  test('a whole conversation', async () => {
    const pair = await connectionPair({ transports: await connect(), onOpen: serve })
    const outcome = await talk(pair.client)
    expect(isWhole(outcome)).toBe(true)
    expect(outcome).toMatchObject({
      stdout: INPUT,
      stderr: NOISE,
      reply: { type: 'ask', params: { a: 1 } },
    })
    await pair.close()
    expect([pair.endings, pair.internalErrors]).toEqual([{ client: 'clean', server: 'clean' }, []])
  })

  test('either side opens: a server asks its client the same way', async () => {
    const pair = await connectionPair({ transports: await connect(), onOpen: serve, onClientOpen: serve })
    const outcomes = await Promise.all([talk(pair.client), talk(pair.server), talk(pair.client)])
    expect(outcomes.map(isWhole)).toEqual([true, true, true])
    await pair.close()
  })

  test('200 channels at once, and the 201st waits for a place and then runs', async () => {
    const { held, onOpen } = holder()
    const pair = await connectionPair({ transports: await connect(), onOpen })
    const handlers = Array.from({ length: 201 }, () => opened(pair.client))
    await Promise.all(handlers.slice(0, 200).map((handler) => handler.opened))
    const last = handlers[200] as RecordingHandler
    expect([held.length, pair.client.pendingOperations, last.channel?.id]).toEqual([200, 201, 0])
    held[77]?.channel?.close()
    await last.opened
    expect(held).toHaveLength(201)
    expect(await handlers[77]?.closed).toBeUndefined()
    expect(last.channel?.id).toBeGreaterThan(0)
    await pair.close()
    for (const handler of [...handlers, ...held]) expect(handler.closedTimes).toBe(1)
    expect(pair.client.pendingOperations).toBe(0)
  })

  test('2,000 short conversations through 5 places: none fails for want of one', async () => {
    const pair = await connectionPair({
      transports: await connect(),
      onOpen: serve,
      server: { maxChannels: 5 },
    })
    const outcomes = await Promise.all(Array.from({ length: 2_000 }, () => talk(pair.client)))
    expect(outcomes.filter(isWhole)).toHaveLength(2_000)
    expect(pair.client.pendingOperations).toBe(0)
    await pair.close()
    expect(pair.internalErrors).toEqual([])
  })

  test('megabytes both ways on several streams arrive as they were', async () => {
    const sent = Array.from({ length: 3 }, () => randomBytes(3_000_000))
    const { held, onOpen } = holder([262_144, 65_536, 1_000])
    const pair = await connectionPair({ transports: await connect(), onOpen })
    const near = opened(pair.client, [100_000, 5_000, 262_144])
    await near.opened
    const far = held[0] as RecordingHandler
    for (const side of [near, far]) {
      sent.forEach((bytes, stream) => {
        for (let at = 0; at < bytes.length; at += 400_000) {
          side.channel?.send(stream, bytes.subarray(at, at + 400_000), () => {})
        }
        side.channel?.sendEof(stream)
      })
    }
    const isDone = (side: RecordingHandler) => [0, 1, 2].every((stream) => side.log.includes(`eof ${stream}`))
    await until(() => isDone(near) && isDone(far))
    for (const side of [near, far]) {
      for (const [stream, bytes] of sent.entries()) expect(side.bytesOn(stream).equals(bytes)).toBe(true)
      expect(side.acknowledged.every((count) => count > 0 && count <= 3_000_000)).toBe(true)
    }
    await pair.close()
  })

  test('half close: one side has ended its stream, the other goes on', async () => {
    const { held, onOpen } = holder([100])
    const pair = await connectionPair({ transports: await connect(), onOpen })
    const near = opened(pair.client, [100])
    await near.opened
    const far = held[0] as RecordingHandler
    near.channel?.sendEof(0)
    await far.ended(0)
    far.channel?.send(0, Buffer.from('still here'), () => {})
    await until(() => near.bytesOn(0).length > 0)
    expect(String(near.bytesOn(0))).toBe('still here')
    expect([near.channel?.isClosed, far.channel?.isClosed]).toEqual([false, false])
    await pair.close()
  })

  test('cancelling while OPEN is queued, on its way, and running', async () => {
    const decide = gate<void>()
    const accepted: RecordingHandler[] = []
    const pair = await connectionPair({
      transports: await connect(),
      server: { maxChannels: 2 },
      onOpen: async (open) => {
        await decide.promise
        const handler = new RecordingHandler()
        handler.channel = open.channel
        accepted.push(handler)
        open.accept({}, [10], handler)
      },
    })
    const [first, second, queued] = [opened(pair.client), opened(pair.client), opened(pair.client)]
    queued.channel?.abort()
    expect(await queued.closed).toBeUndefined()
    first.channel?.abort()
    decide.open()
    await Promise.all([first.closed, second.opened])
    second.channel?.abort()
    await second.closed
    await until(() => accepted.every(({ closedTimes }) => closedTimes > 0))
    expect(accepted).toHaveLength(2)
    for (const handler of [first, second, queued, ...accepted]) expect(handler.closedTimes).toBe(1)
    expect(pair.client.pendingOperations).toBe(0)
    await pair.close()
  })
})

test('one byte at a time, both ways, from the first byte of the handshake', async () => {
  const { transports } = interceptedPair({ chunkBytes: 1 })
  const pair = await connectionPair({ transports, onOpen: serve })
  const outcome = await talk(pair.client)
  expect(isWhole(outcome)).toBe(true)
  expect(outcome.stdout).toBe(INPUT)
  await pair.close()
  expect(pair.endings).toEqual({ client: 'clean', server: 'clean' })
})
