// What the core does with the data, requests and end of one channel.
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { ConnectionCore } from '../../../src/protocol/connection-core.js'
import {
  acceptFrom,
  type CoreSetup,
  drainBytes,
  drainFrames,
  failureIn,
  feed,
  openCore,
  saying,
} from '../../helpers/cores.js'
import { frames, utf8 } from '../../helpers/frames.js'
import { concat } from '../../helpers/hex.js'
import { jsonOf, type NaiveFrame } from '../../helpers/naive-frames.js'

const EXIT = { exitCode: 0, signal: null, stdioLeaked: false, stdinBytes: 0 }
const json = (frame: NaiveFrame | undefined) => jsonOf(frame as NaiveFrame)

/** Channel 1 of the peer's, which takes 8 bytes on streams 0 and 1 and may send 8 on stream 0. */
function withChannel(setup: CoreSetup = {}): ConnectionCore {
  const core = openCore(setup)
  acceptFrom(core, 1, [8, 8], [8])
  return core
}

function send(core: ConnectionCore, text: string, stream = 0): boolean[] {
  const told: boolean[] = []
  core.sendData(1, stream, utf8(text), (wasDropped) => told.push(wasDropped))
  return told
}

describe('sending', () => {
  test('goes as far as the window; WINDOW lets it go on', () => {
    const core = withChannel()
    const told = send(core, '0123456789')
    expect(drainBytes(core)).toEqual(frames.data(1, utf8('01234567')))
    expect(told).toEqual([])
    expect(feed(core, frames.window(1, 8, 16))).toEqual([
      { type: 'acknowledged', channel: 1, stream: 0, consumed: 8 },
    ])
    expect(drainBytes(core)).toEqual(frames.data(1, utf8('89'), 0, utf8('01234567')))
    expect(told).toEqual([false])
  })

  test('streams do not wait for each other', () => {
    const core = withChannel()
    send(core, '0123456789')
    send(core, 'err', 1)
    core.sendEof(1, 1)
    expect(drainFrames(core).map(({ name, stream }) => `${name}.${stream}`)).toEqual([
      'DATA.0',
      'DATA.1',
      'EOF.1',
    ])
  })

  test('frames are no larger than the peer takes', () => {
    const core = openCore({}, { limits: { maxFrameBytes: 1024, maxChannels: 1 } })
    acceptFrom(core, 1, [10_000])
    core.sendData(1, 0, new Uint8Array(2500), () => {})
    expect(drainFrames(core).map(({ payload }) => payload.length)).toEqual([1024, 1024, 452])
  })

  test('an end proves number and content', () => {
    const core = withChannel()
    send(core, 'abc')
    core.sendEof(1, 0)
    core.sendEof(1, 0)
    expect(drainBytes(core)).toEqual(concat(frames.data(1, utf8('abc')), frames.eof(1, 3, crc32('abc'))))
  })

  test.each<[string, (core: ConnectionCore) => void, number]>([
    ['an unknown channel', () => {}, 99],
    ['a channel whose stream ended', (core) => core.sendEof(1, 0), 1],
    ['a channel the peer closed', (core) => feed(core, frames.close(1)), 1],
    ['a channel we closed', (core) => core.closeChannel(1, false), 1],
    [
      'a channel that is to be closed once its data has gone',
      (core) => {
        send(core, '0123456789')
        core.closeChannel(1, false)
      },
      1,
    ],
    ['a connection that is over', (core) => core.close(), 1],
  ])('on %s is dropped and told', (_name, prepare, id) => {
    const core = withChannel()
    prepare(core)
    const told: boolean[] = []
    core.sendData(id, 0, utf8('late'), (wasDropped) => told.push(wasDropped))
    const said = drainBytes(core)
    expect(told).toEqual([true])
    expect(Buffer.from(said).includes('late')).toBe(false)
  })

  test('on a stream the peer does not take is dropped and told', () => {
    const core = withChannel()
    const told = send(core, 'x', 2)
    drainBytes(core)
    expect(told).toEqual([true])
  })

  test('nothing is no frame', () => {
    const core = withChannel()
    expect(() => core.sendData(1, 0, new Uint8Array(0), () => {})).toThrow(RangeError)
  })

  test('EXIT, COMMIT and CLOSE wait for data and ends before them, in order', () => {
    const core = withChannel()
    send(core, '0123456789')
    core.sendEof(1, 0)
    core.sendCommit(1, { bytes: 10, algorithm: 'md5', digest: '0'.repeat(32) })
    core.sendExit(1, EXIT)
    core.closeChannel(1, false)
    expect(saying(core)).toEqual(['DATA 1'])
    feed(core, frames.window(1, 8, 16))
    expect(saying(core)).toEqual(['DATA 1', 'EOF 1', 'COMMIT 1', 'EXIT 1', 'CLOSE 1'])
  })

  test('nothing follows a CLOSE that waits', () => {
    const core = withChannel()
    send(core, '0123456789')
    core.closeChannel(1, false)
    core.closeChannel(1, false)
    core.sendExit(1, EXIT)
    core.sendEof(1, 0)
    core.sendEof(1, 1)
    expect(core.sendRequest(1, 'signal', {})).toBeUndefined()
    drainBytes(core)
    feed(core, frames.window(1, 8, 16))
    expect(saying(core)).toEqual(['DATA 1', 'CLOSE 1'])
  })

  test('a CLOSE that is to drop overtakes one that waits', () => {
    const core = withChannel()
    const told = send(core, '0123456789')
    core.closeChannel(1, false)
    drainBytes(core)
    core.closeChannel(1, true)
    expect(saying(core)).toEqual(['CLOSE 1'])
    expect(told).toEqual([true])
    core.closeChannel(1, true)
    expect(core.hasOutput).toBe(false)
  })

  test('an EXIT that is to drop goes before what is queued, but not past a CLOSE', () => {
    const core = withChannel()
    const told = send(core, '0123456789')
    core.sendEof(1, 0)
    core.sendExit(1, EXIT, true)
    core.closeChannel(1, false)
    expect(saying(core)).toEqual(['EXIT 1', 'CLOSE 1'])
    expect(told).toEqual([true])
    const closing = withChannel()
    const waiting = send(closing, '0123456789')
    closing.closeChannel(1, false)
    closing.sendExit(1, EXIT, true)
    expect(saying(closing)).toEqual(['DATA 1'])
    expect(waiting).toEqual([])
    closing.sendExit(99, EXIT, true)
    expect(closing.hasOutput).toBe(false)
  })

  test('frames a channel cannot send any more are not sent', () => {
    const core = withChannel()
    feed(core, frames.close(1))
    core.sendExit(1, EXIT)
    core.sendCommit(1, { bytes: 0, algorithm: 'md5', digest: '0'.repeat(32) })
    core.sendReply(1, { id: 1, ok: true, info: {} })
    core.sendEof(1, 0)
    core.sendExit(99, EXIT)
    core.closeChannel(99, false)
    expect(core.hasOutput).toBe(false)
  })

  test('a channel that waits for a decision is not closed, only decided', () => {
    const core = openCore()
    feed(core, frames.open(1))
    core.closeChannel(1, true)
    expect(core.hasOutput).toBe(false)
    core.rejectChannel(1, 'EPERM', 'no')
    expect(saying(core)).toEqual(['OPEN_FAIL 1'])
  })
})

describe('receiving', () => {
  test('bytes are reported in order and counted', () => {
    const core = withChannel()
    const events = feed(core, frames.data(1, utf8('abc')), frames.data(1, utf8('de'), 0, utf8('abc')))
    expect(events).toMatchObject([{ bytes: utf8('abc') }, { bytes: utf8('de') }])
    expect(core.receivedBytes(1, 0)).toBe(5)
    expect(core.receivedBytes(1, 1)).toBe(0)
    expect(core.receivedBytes(99, 0)).toBe(0)
  })

  test('credit is given when the consumer took a quarter, not before', () => {
    const core = withChannel()
    feed(core, frames.data(1, utf8('abcd')))
    expect(core.hasOutput).toBe(false)
    core.onBytesConsumed(1, 0, 1)
    expect(core.hasOutput).toBe(false)
    core.onBytesConsumed(1, 0, 1)
    expect(drainBytes(core)).toEqual(frames.window(1, 2, 10))
  })

  test('a window becomes wider by what it is told, and that is announced as credit is', () => {
    const core = withChannel()
    core.onBytesConsumed(1, 0, 0, 1)
    expect(core.hasOutput).toBe(false)
    core.onBytesConsumed(1, 0, 0, 7)
    expect(drainBytes(core)).toEqual(frames.window(1, 0, 16))
    feed(core, frames.data(1, utf8('0123456789abcdef')))
    core.onBytesConsumed(1, 0, 4)
    expect(drainBytes(core)).toEqual(frames.window(1, 4, 20))
  })

  test('credit that nobody can use is not given', () => {
    const core = withChannel()
    feed(core, frames.data(1, utf8('abcd')), frames.eof(1, 4, crc32('abcd')))
    core.onBytesConsumed(1, 0, 4)
    core.onBytesConsumed(1, 1, 4)
    core.onBytesConsumed(99, 0, 4)
    feed(core, frames.close(1))
    core.onBytesConsumed(1, 0, 4)
    expect(core.hasOutput).toBe(false)
  })

  test('what comes after our CLOSE is checked but not reported', () => {
    const core = withChannel()
    core.sendRequest(1, 'signal', {})
    core.closeChannel(1, true)
    drainBytes(core)
    const late = [
      frames.data(1, utf8('ab')),
      frames.window(1, 0, 100),
      frames.request(1, 1),
      frames.replyOk(1, 1),
      frames.exit(1),
      frames.commit(1),
      frames.eof(1, 2, crc32('ab')),
    ]
    expect(feed(core, ...late)).toEqual([])
    expect(failureIn(feed(core, frames.data(1, utf8('x'))))?.message).toContain('DATA after EOF')
  })

  test('the peer’s CLOSE drops what waited, and is answered by ours', () => {
    const core = withChannel()
    const told = send(core, '0123456789')
    expect(feed(core, frames.close(1))).toEqual([{ type: 'channel-closed-by-peer', channel: 1 }])
    drainBytes(core)
    expect(told).toEqual([true])
    expect(core.hasChannel(1)).toBe(true)
    core.closeChannel(1, false)
    expect(saying(core)).toEqual(['CLOSE 1'])
    expect(core.hasChannel(1)).toBe(false)
  })

  test.each([true, false])('DATA beyond the window is refused by its header, plain: %s', (isPlain) => {
    const core = withChannel({ isPlain })
    const data = (isPlain ? frames.data : frames.uncheckedData)(1, utf8('123456789'))
    expect(failureIn(core.receive(data.subarray(0, 16)))?.message).toContain('DATA beyond the window')
  })

  test('a stream that is over leaves its growth to others, though its channel is open', () => {
    let ms = 0
    const core = openCore({ isPlain: false, now: () => ms })
    acceptFrom(core, 1, [], [1_000, 1_000])
    core.sendPing()
    const [ping] = drainFrames(core).filter(({ name }) => name === 'PING')
    ms += 50
    feed(core, frames.pong(ping?.payload))
    drainBytes(core)
    // Takes all of its window twice in a round trip.
    const grow = (stream: number) => {
      let sent = 0
      let limit = 1_000
      for (let i = 0; i < 40; i += 1) {
        const length = Math.min(limit - sent, 262_144)
        feed(core, frames.uncheckedData(1, new Uint8Array(length), stream))
        sent += length
        ms += 25
        core.onBytesConsumed(1, stream, length)
        const window = drainFrames(core).findLast(({ name }) => name === 'WINDOW')
        if (window !== undefined) limit = Number(Buffer.from(window.payload).readBigUInt64BE(8))
      }
      return { sent, ahead: limit - sent }
    }
    const first = grow(0)
    expect(first.ahead).toBeGreaterThan(262_144)
    feed(core, frames.eof(1, first.sent, 0))
    expect(grow(1).ahead).toBe(first.ahead)
  })

  test('checked bytes are reported when all of their frame has come and is proved', () => {
    const core = withChannel()
    const data = frames.data(1, utf8('abcdef'))
    expect(core.receive(data.subarray(0, 20))).toEqual([])
    expect(core.receive(data.subarray(20))).toMatchObject([{ type: 'data', bytes: utf8('abcdef') }])
    const damaged = frames.data(1, utf8('gh'), 0, utf8('abcdef'))
    damaged[17] = 'i'.charCodeAt(0)
    expect(core.receive(damaged).map(({ type }) => type)).toEqual(['failed'])
  })

  test.each([
    { isPlain: true, pieces: 0 },
    { isPlain: false, pieces: 1 },
  ])('our CLOSE may go out in the middle of the peer’s DATA, %o', ({ isPlain, pieces }) => {
    const core = withChannel({ isPlain })
    const data = (isPlain ? frames.data : frames.uncheckedData)(1, utf8('abcdef'))
    expect(core.receive(data.subarray(0, 18))).toHaveLength(pieces)
    core.closeChannel(1, true)
    expect(core.receive(data.subarray(18))).toEqual([])
    expect(feed(core, frames.close(1)).map(({ type }) => type)).toEqual(['channel-closed'])
  })
})

describe('requests', () => {
  test('count up and are answered once', () => {
    const core = withChannel()
    expect(core.sendRequest(1, 'signal', { signal: 'SIGINT' })).toBe(1)
    expect(core.sendRequest(1, 'signal', {})).toBe(2)
    const [first, second] = drainFrames(core)
    expect(json(first)).toEqual({ id: 1, type: 'signal', params: { signal: 'SIGINT' } })
    expect(json(second)).toMatchObject({ id: 2 })
    const events = feed(core, frames.replyFail(1, 2, 'ESRCH', 'gone'), frames.replyOk(1, 1, { a: 1 }))
    expect(events).toEqual([
      { type: 'reply', channel: 1, reply: { id: 2, ok: false, code: 'ESRCH', message: 'gone' } },
      { type: 'reply', channel: 1, reply: { id: 1, ok: true, info: { a: 1 } } },
    ])
    expect(failureIn(feed(core, frames.replyOk(1, 1)))?.message).toContain('REPLY to request 1')
  })

  test('the peer’s are reported and answered', () => {
    const core = withChannel()
    expect(feed(core, frames.request(1, 1, 'resize', { columns: 80 }))).toEqual([
      { type: 'request', channel: 1, id: 1, request: 'resize', params: { columns: 80 } },
    ])
    core.sendReply(1, { id: 1, ok: true, info: {} })
    expect(drainBytes(core)).toEqual(frames.replyOk(1, 1))
  })

  test('results are reported as they are', () => {
    const core = withChannel()
    expect(feed(core, frames.exit(1, null, 'SIGKILL'), frames.commit(1, 7))).toEqual([
      { type: 'exit', channel: 1, exit: { ...EXIT, exitCode: null, signal: 'SIGKILL' } },
      { type: 'commit', channel: 1, commit: { bytes: 7, algorithm: 'md5', digest: 'ab'.repeat(16) } },
    ])
  })
})

describe('messages of our own that a peer would not take', () => {
  const long = 'm'.repeat(100_000)
  const cases: [string, (core: ConnectionCore) => void][] = [
    [
      'a refusal of an OPEN',
      (core) => {
        feed(core, frames.open(3))
        core.rejectChannel(3, 'ENOENT', long)
      },
    ],
    [
      'a refusal of a REQUEST',
      (core) => {
        feed(core, frames.request(1, 1))
        core.sendReply(1, { id: 1, ok: false, code: 'ENOENT', message: long })
      },
    ],
    ['an EXIT that failed', (core) => core.sendExit(1, { error: { code: 'ENOENT', message: long } })],
    ['a COMMIT that failed', (core) => core.sendCommit(1, { error: { code: 'ENOENT', message: long } })],
  ]

  test.each(cases)('%s with an endless message is cut to 4,096 characters', (_name, act) => {
    const core = withChannel()
    act(core)
    const [frame] = drainFrames(core)
    const object = json(frame)
    const { message } = (object.error ?? object) as { message: string }
    expect(message.length).toBeLessThanOrEqual(4_096)
    expect(message.length).toBeGreaterThan(1_000)
  })

  test('an OPEN that no peer would take fails by itself, not with the connection', () => {
    const core = openCore()
    expect(() => core.openChannel('exec', { command: 'x'.repeat(262_144) }, [])).toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_LIMIT' }),
    )
    expect([core.hasOutput, core.openChannels]).toEqual([false, 0])
    expect(core.openChannel('exec', { command: 'x'.repeat(262_000) }, [])).toBe(2)
  })
})
