// A peer that has gone without a word is noticed, by whichever side is left; a peer that only has nothing to say is not given up.
import { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { Connection } from '../../src/connection/connection.js'
import type { ConnectionError } from '../../src/errors.js'
import type { Transport } from '../../src/transport/transport.js'
import { connectionPair } from '../helpers/connection-pair.js'
import { isWhole, serve, talk } from '../helpers/conversation.js'
import { frames } from '../helpers/frames.js'
import { gate } from '../helpers/gate.js'
import { interceptedPair } from '../helpers/intercepted-pair.js'
import { rawConnected } from '../helpers/raw-peer.js'
import { RecordingHandler } from '../helpers/recording-handler.js'
import { WIRINGS } from '../helpers/transport-matrix.js'
import { until } from '../helpers/until.js'

const QUICK = { keepaliveIntervalMs: 20 }
const NEVER = { keepaliveIntervalMs: 1_000_000 }

/** Two ends that are joined until `swallow` is called; from then on nothing arrives, and nobody is told. */
function swallowablePair() {
  let isSwallowing = false
  const { transports } = interceptedPair({
    meddle: ({ bytes }) => (isSwallowing ? new Uint8Array(0) : bytes),
  })
  return {
    transports,
    swallow: () => {
      isSwallowing = true
    },
  }
}

describe.each([
  ['client', QUICK, NEVER],
  ['server', NEVER, QUICK],
] as const)('a peer that is gone without a word, with only the %s watching', (watching, client, server) => {
  test('is noticed; everything pending fails with it', async () => {
    const { transports, swallow } = swallowablePair()
    const held: RecordingHandler[] = []
    const pair = await connectionPair({
      transports,
      client,
      server,
      onOpen: (open) => {
        const handler = new RecordingHandler()
        handler.channel = open.channel
        held.push(handler)
        open.accept({}, [], handler)
      },
    })
    const handler = new RecordingHandler()
    handler.channel = pair.client.open('hold', {}, [], handler)
    await handler.opened
    swallow()
    await until(() => pair.endings[watching] !== undefined)
    expect(pair.endings[watching]).toMatchObject({ code: 'ERR_FAKESSH_KEEPALIVE_TIMEOUT' })
    const told = watching === 'client' ? handler : held[0]
    expect(told?.error).toMatchObject({ code: 'ERR_FAKESSH_KEEPALIVE_TIMEOUT' })
    await pair.close()
  })
})

describe.each(WIRINGS)('$name', ({ connect }) => {
  test('two sides with nothing to say stay connected', async () => {
    const transports = await connect()
    const pair = await connectionPair({
      transports,
      client: { keepaliveIntervalMs: 40 },
      server: { keepaliveIntervalMs: 40 },
      onOpen: serve,
    })
    // Nothing but PING and PONG arrives, and each comes after an interval at least.
    let arrived = 0
    transports[0].stream.on('data', () => {
      arrived += 1
    })
    await until(() => arrived >= 8)
    expect(pair.endings).toEqual({})
    expect(isWhole(await talk(pair.client))).toBe(true)
    await pair.close()
  })
})

test('PINGs of a peer are answers to ours: two that only PING keep each other', async () => {
  const raw = await rawConnected({ options: { keepaliveIntervalMs: 30 } })
  const drip = setInterval(() => raw.peer.send(frames.ping()), 5)
  // 40 of them take more than the three intervals after which a silent peer is given up.
  await until(() => raw.peer.seen.filter(({ name }) => name === 'PONG').length >= 40)
  expect(raw.connection.isEnded).toBe(false)
  clearInterval(drip)
  expect(await raw.ended).toMatchObject({ code: 'ERR_FAKESSH_KEEPALIVE_TIMEOUT' })
})

test('a peer that neither reads nor writes is given up, and the stream is cut although nothing can be flushed', async () => {
  let isAlive = true
  const inbound: Buffer[] = []
  const stuck = new Duplex({
    read() {
      const next = inbound.shift()
      if (next !== undefined) this.push(next)
    },
    write: (_chunk, _encoding, done) => {
      if (isAlive) done()
    },
  })
  const transport: Transport = { stream: stuck, side: 'listener', peer: { kind: 'memory', label: 'stuck' } }
  const ended = gate<ConnectionError | undefined>()
  const connection = new Connection(
    transport,
    { role: 'server', agent: 'test', keepaliveIntervalMs: 20 },
    { onAuthenticate: async () => true, onOpen: () => {}, onEnded: ended.open, onInternalError: () => {} },
  )
  stuck.push(Buffer.concat([frames.hello('client'), frames.auth()]))
  await until(() => connection.isOpen)
  isAlive = false
  expect(await ended.promise).toMatchObject({ code: 'ERR_FAKESSH_KEEPALIVE_TIMEOUT', host: 'stuck' })
  await connection.close(1_000)
  expect(stuck.destroyed).toBe(true)
})
