// A reader that stops stops the far writer; a peer that takes more than it was given, or leaves everything unread, is ended.
import { describe, expect, test } from 'vitest'
import type { IncomingOpen } from '../../src/connection/channel-handler.js'
import { connectionPair } from '../helpers/connection-pair.js'
import { isWhole, serve, talk } from '../helpers/conversation.js'
import { frames } from '../helpers/frames.js'
import { jsonOf } from '../helpers/naive-frames.js'
import { type RawSetup, rawConnected } from '../helpers/raw-peer.js'
import { RecordingHandler } from '../helpers/recording-handler.js'
import { tcpPair } from '../helpers/tcp-pair.js'
import { WIRINGS } from '../helpers/transport-matrix.js'
import { until } from '../helpers/until.js'

const PIECE = 65_536

/** Accepts 'flood' and sends for as long as the channel takes it; serves everything else. */
function flooding(state: { sent: number; handler?: RecordingHandler }) {
  return (open: IncomingOpen) => {
    if (open.kind !== 'flood') {
      serve(open)
      return
    }
    const handler = new RecordingHandler()
    handler.channel = open.channel
    state.handler = handler
    open.accept({}, [], handler)
    const more = () => {
      open.channel.send(0, new Uint8Array(PIECE), (error) => {
        if (error !== undefined) return
        state.sent += PIECE
        more()
      })
    }
    more()
  }
}

describe.each(WIRINGS)('$name', ({ connect }) => {
  test('a reader that stops reading stops the far writer; a small operation beside it stays quick', async () => {
    const state = { sent: 0 } as { sent: number; handler?: RecordingHandler }
    const pair = await connectionPair({ transports: await connect(), onOpen: flooding(state) })
    const reader = new RecordingHandler()
    reader.isHolding = true
    const window = 262_144
    reader.channel = pair.client.open('flood', {}, [window], reader)
    await until(() => reader.bytesOn(0).length === window)
    const started = performance.now()
    for (let i = 0; i < 20; i += 1) expect(isWhole(await talk(pair.client))).toBe(true)
    expect((performance.now() - started) / 20).toBeLessThan(100)
    expect(state.sent).toBeLessThanOrEqual(window)
    // It goes on as soon as the reader does, and stops again.
    reader.channel.consumed(0, window)
    await until(() => reader.bytesOn(0).length === 2 * window)
    reader.channel.abort()
    await reader.closed
    expect(await state.handler?.closed).toBeUndefined()
    await pair.close()
    expect(pair.internalErrors).toEqual([])
  })

  test('small operations beside a bulk stream that is being read at full speed', async () => {
    const state = { sent: 0 } as { sent: number; handler?: RecordingHandler }
    const pair = await connectionPair({ transports: await connect(), onOpen: flooding(state) })
    let received = 0
    const channel = pair.client.open('flood', {}, [1_048_576], {
      onData: (stream, bytes) => {
        received += bytes.length
        channel.consumed(stream, bytes.length)
      },
      onEof: () => {},
      onClosed: () => channel.close(),
    })
    const durations: number[] = []
    for (let i = 0; i < 15; i += 1) {
      const started = performance.now()
      expect(isWhole(await talk(pair.client))).toBe(true)
      durations.push(performance.now() - started)
    }
    expect(received).toBeGreaterThan(1_048_576)
    expect(durations.sort((a, b) => a - b)[7]).toBeLessThan(500)
    channel.abort()
    await pair.close()
  })
})

/** A raw peer with channel 1 open that the server takes 1,000 bytes on. */
async function accepted(
  setup: Parameters<typeof rawConnected>[0] = {},
): Promise<RawSetup & { handler: RecordingHandler }> {
  const raw = await rawConnected(setup)
  const handler = new RecordingHandler()
  handler.isHolding = true
  handler.onRequest = async () => ({ filler: 'x'.repeat(1_000) })
  raw.peer.send(frames.open(1, [0]))
  await until(() => raw.opens.length > 0)
  const open = raw.opens[0] as IncomingOpen
  handler.channel = open.channel
  open.accept({}, [1_000], handler)
  await raw.peer.next('OPEN_OK')
  return { ...raw, handler }
}

describe('a hostile peer', () => {
  test('one byte beyond the window ends the connection; what was within it was delivered', async () => {
    const { peer, ended, handler } = await accepted()
    peer.send(frames.data(1, new Uint8Array(1_000)))
    await until(() => handler.bytesOn(0).length === 1_000)
    peer.send(frames.data(1, new Uint8Array(1)))
    expect(await ended).toMatchObject({
      code: 'ERR_FAKESSH_PROTOCOL',
      message: 'DATA beyond the window: allowed up to offset 1000, got 1001',
    })
    expect(handler.error?.code).toBe('ERR_FAKESSH_PROTOCOL')
    expect(jsonOf(await peer.next('GOODBYE'))).toMatchObject({ code: 'protocol' })
    expect(handler.bytesOn(0)).toHaveLength(1_000)
  })

  test.each(['in memory', 'over TCP'])(
    'PINGs without end, unread (%s): one PONG at a time, no memory',
    async (how) => {
      const transports = how === 'over TCP' ? await tcpPair() : undefined
      const { peer, connection } = await accepted(transports === undefined ? {} : { transports })
      peer.stopReading()
      const ping = frames.ping()
      const flood = new Uint8Array(Buffer.concat(Array.from({ length: 2_000 }, () => ping)))
      for (let i = 0; i < 100; i += 1) expect(await peer.sendAll(flood)).toBe(true)
      // 200,000 PINGs are 4.8 MB; had each been answered, as much would wait for the peer.
      expect(connection.transport.stream.writableLength).toBeLessThan(1_048_576)
      expect(connection.isEnded).toBe(false)
      peer.goOnReading()
      await peer.next('PONG')
      await connection.close(0)
    },
  )

  test('REQUESTs without end, unread: ended with the limit before the answers take much more than 1 MiB', async () => {
    const { peer, ended, handler, connection } = await accepted()
    peer.stopReading()
    let id = 1
    while (!connection.isEnded && id < 200_000) {
      const batch = Array.from({ length: 50 }, () => frames.request(1, id++))
      await peer.sendAll(...batch)
    }
    expect(await ended).toMatchObject({ code: 'ERR_FAKESSH_LIMIT' })
    // An answer has 100 bytes and more; 1 MiB of them wait, and half as much is on its way.
    expect(id).toBeLessThan(18_000)
    expect(connection.transport.stream.writableLength).toBeLessThan(2_500_000)
    expect(handler.error?.code).toBe('ERR_FAKESSH_LIMIT')
  })

  test('OPENs without end, unread: the same', async () => {
    const { peer, ended, connection } = await accepted({ options: { maxChannels: 1 } })
    peer.stopReading()
    let id = 3
    while (!connection.isEnded && id < 400_000) {
      const first = id
      const batch = Array.from({ length: 50 }, (_, i) => frames.open(first + 2 * i))
      id += 100
      await peer.sendAll(...batch)
    }
    expect(await ended).toMatchObject({ code: 'ERR_FAKESSH_LIMIT' })
    expect(id).toBeLessThan(36_000)
  })

  test('channels without end: as many as we said, the rest refused, the connection goes on', async () => {
    const { peer, connection, opens } = await accepted({ options: { maxChannels: 10 } })
    for (let id = 3; id < 203; id += 2) peer.send(frames.open(id))
    peer.send(frames.ping())
    await peer.next('PONG')
    expect(opens).toHaveLength(10)
    expect(peer.names.filter((name) => name === 'OPEN_FAIL')).toHaveLength(91)
    expect(connection.isEnded).toBe(false)
    await connection.close(0)
  })
})
