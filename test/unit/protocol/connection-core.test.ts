// The connection itself: handshake, PING, GOODBYE, failure. Channels are in channel-table.test.ts and connection-core-channels.test.ts.
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import {
  acceptFrom,
  drainBytes,
  drainFrames,
  failureIn,
  feed,
  greetedCore,
  makeCore,
  openCore,
  openTo,
  saying,
} from '../../helpers/cores.js'
import { frames, helloMessage, utf8 } from '../../helpers/frames.js'
import { fromHex } from '../../helpers/hex.js'
import { jsonOf } from '../../helpers/naive-frames.js'

const client = { role: 'client', side: 'dialer' } as const

describe('handshake', () => {
  test('HELLO is the first thing said, without waiting, and nothing else', () => {
    const core = makeCore({ ...client, maxFrameBytes: 2048, maxChannels: 3 })
    const [hello, ...more] = drainFrames(core)
    expect(more).toEqual([])
    expect(jsonOf(hello as NonNullable<typeof hello>)).toEqual(
      helloMessage('client', { agent: 'test/1', limits: { maxFrameBytes: 2048, maxChannels: 3 } }),
    )
    expect(core.state).toBe('hello')
  })

  test('a client may send AUTH right after its HELLO', () => {
    const core = makeCore(client)
    core.sendAuth({ method: 'psk', user: 'u' })
    expect(saying(core)).toEqual(['HELLO', 'AUTH'])
    const events = feed(core, frames.hello('server'), frames.authOk())
    expect(events.map(({ type }) => type)).toEqual(['hello', 'auth-reply'])
    expect(core.state).toBe('open')
  })

  test('a server reports the credential with every field of the method, and opens with its own answer', () => {
    const core = makeCore()
    const [hello, request] = feed(core, frames.hello('client'), frames.auth())
    expect(hello).toMatchObject({ type: 'hello', agreement: { version: 1, maxChannels: 200 } })
    expect(request).toEqual({
      type: 'auth-request',
      request: { method: 'token', user: 'test', token: 'x' },
    })
    expect(core.state).toBe('auth')
    drainBytes(core)
    core.sendAuthReply({ status: 'success', user: 'test' })
    expect(core.state).toBe('open')
    expect(drainBytes(core)).toEqual(frames.authOk())
  })

  test('a refused credential leaves the state; another one may follow', () => {
    const core = greetedCore()
    const failure = {
      status: 'failure',
      code: 'ERR_FAKESSH_AUTH_FAILED',
      message: 'no',
      attemptsLeft: 1,
    } as const
    feed(core, frames.auth())
    core.sendAuthReply(failure)
    expect(core.state).toBe('auth')
    expect(feed(core, frames.auth()).map(({ type }) => type)).toEqual(['auth-request'])
  })

  test('a client hears of a refusal and may try again', () => {
    const core = greetedCore(client)
    const failure = { status: 'failure', code: 'C', message: 'no', attemptsLeft: 1 }
    core.sendAuth({ method: 'psk', user: 'u' })
    expect(feed(core, frames.json('AUTH', 0, failure))).toEqual([{ type: 'auth-reply', reply: failure }])
    expect(core.state).toBe('auth')
    expect(failureIn(feed(core, frames.authOk()))?.message).toContain('answers nothing')
  })

  test('a valid credential with an OPEN behind it in the same chunk is refused', () => {
    const core = greetedCore()
    const events = feed(core, frames.auth(), frames.open(1))
    expect(events.map(({ type }) => type)).toEqual(['auth-request', 'failed'])
    core.sendAuthReply({ status: 'success', user: 'test' })
    expect(core.state).toBe('closed')
    expect(saying(core)).toEqual(['GOODBYE'])
  })

  test('large frames are taken from the very frame behind the success', () => {
    const core = greetedCore(client)
    core.sendAuth({ method: 'psk', user: 'u' })
    const large = frames.open(2, [], 'test', { text: 'x'.repeat(100_000) })
    expect(feed(core, frames.authOk(), large).map(({ type }) => type)).toEqual([
      'auth-reply',
      'channel-requested',
    ])
  })

  test('streams are checked only if both offered it', () => {
    const core = openCore({ isPlain: false }, { features: ['stream-crc32'] })
    acceptFrom(core, 1, [], [8])
    expect(failureIn(feed(core, frames.uncheckedData(1, utf8('a')), frames.eof(1, 1, 0)))).toBeUndefined()
  })

  test('16 frames are enough for a handshake with PINGs, and no more are taken', () => {
    const core = makeCore()
    const pings = Array.from({ length: 14 }, () => frames.ping())
    expect(failureIn(feed(core, frames.hello('client'), ...pings, frames.auth()))).toBeUndefined()
    expect(failureIn(feed(core, frames.pong()))?.message).toContain('more than 16 frames')
  })

  test('the count ends with authentication', () => {
    const core = openCore()
    for (let i = 0; i < 100; i += 1) expect(feed(core, frames.ping())).toEqual([])
  })
})

describe('PING', () => {
  test('is answered in every state with its own bytes', () => {
    const payload = fromHex('00 01 fe ff 80 7f 0a 0d')
    for (const core of [makeCore(), greetedCore(), openCore()]) {
      drainBytes(core)
      expect(feed(core, frames.ping(payload))).toEqual([])
      expect(drainBytes(core)).toEqual(frames.pong(payload))
    }
  })

  test('ours is sent in every state but the last', () => {
    const core = openCore()
    core.sendPing()
    expect(saying(core)).toEqual(['PING'])
    core.close()
    core.sendPing()
    expect(core.hasOutput).toBe(false)
  })

  test('a PONG nobody asked for is ignored', () => {
    expect(feed(openCore(), frames.pong())).toEqual([])
  })
})

describe('GOODBYE', () => {
  test('shutdown lets running channels go on and is no end', () => {
    const core = openCore()
    acceptFrom(core, 1, [], [8])
    expect(feed(core, frames.goodbye('shutdown', 'tea'))).toEqual([
      { type: 'goodbye', code: 'shutdown', message: 'tea' },
    ])
    expect(core.state).toBe('draining')
    expect(feed(core, frames.data(1, utf8('x'))).map(({ type }) => type)).toEqual(['data'])
  })

  test('every other code ends the connection and whatever came behind it', () => {
    for (const code of ['protocol', 'version', 'limit', 'keepalive-timeout', 'a code of version 9']) {
      const core = openCore()
      acceptFrom(core, 1, [], [8])
      const events = feed(core, frames.goodbye(code), frames.data(1, utf8('x')), Uint8Array.of(1, 2, 3))
      expect(events.map(({ type }) => type)).toEqual(['goodbye'])
      expect([core.state, core.openChannels, core.hasOutput]).toEqual(['closed', 0, false])
    }
  })

  test('before authentication every code ends the connection, shutdown too', () => {
    for (const core of [makeCore(), greetedCore(), greetedCore(client)]) {
      expect(feed(core, frames.goodbye('shutdown')).map(({ type }) => type)).toEqual(['goodbye'])
      expect(core.state).toBe('closed')
      expect(feed(core, frames.hello('client'), frames.auth())).toEqual([])
    }
  })

  test('shutdown may be said twice, or by both', () => {
    const core = openCore()
    core.sendGoodbye('shutdown', 'ours')
    expect(core.state).toBe('draining')
    expect(feed(core, frames.goodbye('shutdown'), frames.goodbye('shutdown'))).toHaveLength(2)
    expect(core.state).toBe('draining')
    expect(feed(core, frames.goodbye('limit'))).toHaveLength(1)
    expect(core.state).toBe('closed')
  })

  test('the peer’s reason is escaped', () => {
    expect(feed(openCore(), frames.goodbye('shutdown', 'a\nb\u001b[2J'))).toMatchObject([
      { message: 'a\\x0ab\\x1b[2J' },
    ])
  })

  test('after either side said shutdown no OPEN is taken or sent', () => {
    for (const isOurs of [true, false]) {
      const core = openCore()
      if (isOurs) core.sendGoodbye('shutdown', 'bye')
      else feed(core, frames.goodbye('shutdown'))
      drainBytes(core)
      expect(feed(core, frames.open(1))).toEqual([])
      const [refusal] = drainFrames(core)
      expect(refusal).toMatchObject({ name: 'OPEN_FAIL', channel: 1 })
      expect(jsonOf(refusal as NonNullable<typeof refusal>)).toMatchObject({ code: 'ERR_FAKESSH_SHUTDOWN' })
      expect(() => core.openChannel('test', {}, [])).toThrow(
        expect.objectContaining({ code: 'ERR_FAKESSH_CLOSED' }),
      )
    }
  })

  test('ours goes out behind what was queued, and only once', () => {
    const core = openCore()
    core.sendPing()
    core.sendGoodbye('limit', 'too much')
    core.sendGoodbye('protocol', 'again')
    expect(core.state).toBe('closed')
    expect(drainFrames(core).map(({ name }) => name)).toEqual(['PING', 'GOODBYE'])
  })

  test('a message of any length fits: it is cut to what a peer takes, before authentication too', () => {
    for (const core of [makeCore(), openCore()]) {
      drainBytes(core)
      core.sendGoodbye('limit', '\u{1f600}'.repeat(10_000))
      const [goodbye] = drainFrames(core)
      expect(goodbye?.payload.length).toBeLessThanOrEqual(4_096)
      expect(jsonOf(goodbye as NonNullable<typeof goodbye>)).toMatchObject({ code: 'limit' })
    }
  })
})

describe('the end', () => {
  test('closing drops channels and tells whoever waits to send', () => {
    const core = openCore()
    const id = openTo(core, [4])
    const told: boolean[] = []
    core.sendData(id, 0, new Uint8Array(10), (wasDropped) => told.push(wasDropped))
    core.close()
    for (const tell of core.dropped.splice(0)) tell(true)
    expect(told).toEqual([true])
    expect([core.state, core.openChannels, core.hasOutput]).toEqual(['closed', 0, false])
    expect(core.receive(frames.ping())).toEqual([])
  })

  test('what arrived before the damage counts, nothing after it', () => {
    const core = openCore()
    acceptFrom(core, 1, [], [8])
    const events = feed(core, frames.data(1, utf8('a')), fromHex('00'.repeat(16)), frames.data(1, utf8('b')))
    expect(events.map(({ type }) => type)).toEqual(['data', 'failed'])
  })

  test('a mistake of our own ends the connection too, and the peer is told no details', () => {
    let isBroken = false
    const core = makeCore({
      crc32: (data, value) => {
        if (!isBroken) return crc32(data, value)
        isBroken = false
        throw new TypeError('secret path /srv/x')
      },
    })
    drainBytes(core)
    isBroken = true
    const [event] = core.receive(frames.ping())
    expect(event).toMatchObject({
      type: 'failed',
      error: { code: 'ERR_FAKESSH_INTERNAL', cause: expect.any(TypeError) },
    })
    const [goodbye] = drainFrames(core)
    expect(JSON.stringify(jsonOf(goodbye as NonNullable<typeof goodbye>))).not.toContain('secret')
  })
})
