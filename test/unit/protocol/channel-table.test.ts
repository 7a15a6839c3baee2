// Numbering, limits, opening and closing, as the core shows them.
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { ChannelTable } from '../../../src/protocol/channel-table.js'
import { Outbox } from '../../../src/protocol/outbox.js'
import { RoundTrip } from '../../../src/protocol/round-trip.js'
import { WindowGrowth } from '../../../src/protocol/window-growth.js'
import {
  acceptFrom,
  drainBytes,
  drainFrames,
  failureIn,
  feed,
  openCore,
  openTo,
  saying,
} from '../../helpers/cores.js'
import { frames, utf8 } from '../../helpers/frames.js'
import { jsonOf, type NaiveFrame, wholeFrames } from '../../helpers/naive-frames.js'

const json = (frame: NaiveFrame | undefined) => jsonOf(frame as NaiveFrame)

describe('numbering', () => {
  test('the dialer opens odd channels, the listener even ones, whoever serves', () => {
    for (const role of ['client', 'server'] as const) {
      const dialer = openCore({ role, side: 'dialer' })
      expect([1, 2, 3].map(() => dialer.openChannel('k', {}, []))).toEqual([1, 3, 5])
      const listener = openCore({ role, side: 'listener' })
      expect([1, 2, 3].map(() => listener.openChannel('k', {}, []))).toEqual([2, 4, 6])
    }
  })

  test('numbers may be skipped, never reused', () => {
    const core = openCore()
    expect(feed(core, frames.open(7), frames.open(4_294_967_295))).toHaveLength(2)
    expect(failureIn(feed(core, frames.open(9)))?.message).toContain('above 4294967295')
  })

  test('a dialer takes only even numbers', () => {
    const core = openCore({ side: 'dialer' })
    expect(failureIn(feed(core, frames.open(1)))?.message).toContain('expected an unused even id above 0')
  })

  test('the last number there is can be used, and after it none', () => {
    const outbox = new Outbox(crc32)
    const growth = new WindowGrowth(() => 0, new RoundTrip(() => 0))
    const last = 0xffff_ffff
    const table = new ChannelTable(crc32, outbox, growth, { side: 'dialer', maxChannels: 1, firstId: last })
    expect(table.open('k', {}, [])).toBe(last)
    expect(() => table.open('k', {}, [])).toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_LIMIT' }))
    expect(table.size).toBe(1)
    const [open, ...more] = wholeFrames(outbox.take(1).buffers[0] as Uint8Array)
    expect([open?.channel, more.length]).toEqual([last, 0])
  })

  test('a number stays used after its channel closed or was refused', () => {
    for (const act of ['close', 'refuse'] as const) {
      const core = openCore()
      feed(core, frames.open(1))
      if (act === 'refuse') core.rejectChannel(1, 'ENOENT', 'no')
      else {
        core.acceptChannel(1, {}, [])
        feed(core, frames.close(1))
        core.closeChannel(1, false)
      }
      expect(core.openChannels).toBe(0)
      expect(failureIn(feed(core, frames.open(1)))?.message).toContain('expected an unused odd id above 1')
    }
  })
})

describe('opening', () => {
  test('the peer’s OPEN is reported and confirmed', () => {
    const core = openCore()
    expect(feed(core, frames.open(1, [10], 'exec', { file: 'ls' }))).toEqual([
      { type: 'channel-requested', channel: 1, kind: 'exec', params: { file: 'ls' } },
    ])
    core.acceptChannel(1, { pid: 5 }, [20, 30])
    const [ok] = drainFrames(core)
    expect(ok).toMatchObject({ name: 'OPEN_OK', channel: 1 })
    expect(json(ok)).toEqual({ info: { pid: 5 }, windows: [20, 30] })
  })

  test('accepting or refusing twice, or a channel that is not there, says nothing', () => {
    const core = openCore()
    acceptFrom(core, 1)
    core.acceptChannel(1, {}, [])
    core.rejectChannel(1, 'ENOENT', 'no')
    core.acceptChannel(99, {}, [])
    core.rejectChannel(99, 'ENOENT', 'no')
    expect(core.hasOutput).toBe(false)
    expect(core.openChannels).toBe(1)
  })

  test('ours is confirmed with what the peer takes', () => {
    const core = openCore()
    const id = core.openChannel('get', { path: 'x' }, [100])
    const [open] = drainFrames(core)
    expect(json(open)).toEqual({ kind: 'get', params: { path: 'x' }, windows: [100] })
    expect(feed(core, frames.openOk(id, [3], { size: 4 }))).toEqual([
      { type: 'channel-opened', channel: id, info: { size: 4 } },
    ])
    core.sendData(id, 0, utf8('abcd'), () => {})
    expect(drainFrames(core).map(({ payload }) => payload.length)).toEqual([3])
  })

  test('ours runs once it was answered', () => {
    const core = openCore()
    const id = core.openChannel('get', {}, [])
    expect([core.openChannels, core.runningChannels]).toEqual([1, 0])
    feed(core, frames.openOk(id))
    expect([core.openChannels, core.runningChannels]).toEqual([1, 1])
    feed(core, frames.open(1))
    expect(core.runningChannels).toBe(2)
  })

  test('ours is refused, and is gone', () => {
    const core = openCore()
    const id = core.openChannel('get', {}, [])
    expect(feed(core, frames.openFail(id, 'EACCES', 'not yours'))).toEqual([
      { type: 'channel-refused', channel: id, code: 'EACCES', message: 'not yours' },
    ])
    expect(core.hasChannel(id)).toBe(false)
  })

  test('DATA may come in the same chunk as OPEN_OK', () => {
    const core = openCore()
    const id = core.openChannel('get', {}, [2])
    const events = feed(core, frames.openOk(id), frames.data(id, utf8('ab')), frames.eof(id, 2, 0x9e83486d))
    expect(events.map(({ type }) => type)).toEqual(['channel-opened', 'data', 'eof'])
  })
})

describe('limits', () => {
  test('one channel more than maxChannels is refused with the limit, and the connection goes on', () => {
    const core = openCore({ maxChannels: 2 })
    expect(feed(core, frames.open(1), frames.open(3), frames.open(5))).toHaveLength(2)
    const [refusal] = drainFrames(core)
    expect(refusal).toMatchObject({ name: 'OPEN_FAIL', channel: 5 })
    expect(json(refusal)).toEqual({
      code: 'ERR_FAKESSH_LIMIT',
      message: expect.stringContaining('maxChannels is 2'),
    })
    expect(core.state).toBe('open')
  })

  test('a channel counts until both sides have closed it', () => {
    const core = openCore({ maxChannels: 1 })
    acceptFrom(core, 1)
    core.closeChannel(1, false)
    expect(feed(core, frames.open(3))).toEqual([])
    expect(feed(core, frames.close(1), frames.open(5)).map(({ type }) => type)).toEqual([
      'channel-closed',
      'channel-requested',
    ])
  })

  test('refusing gives the place back', () => {
    const core = openCore({ maxChannels: 1 })
    for (let id = 1; id < 200; id += 2) {
      expect(feed(core, frames.open(id))).toHaveLength(1)
      core.rejectChannel(id, 'EPERM', 'no')
    }
    expect(core.openChannels).toBe(0)
  })

  test('channels of ours do not count against the peer’s', () => {
    const core = openCore({ maxChannels: 1 })
    for (let i = 0; i < 5; i += 1) openTo(core)
    expect(feed(core, frames.open(1))).toHaveLength(1)
  })
})

describe('frames for a channel that is gone', () => {
  test('CLOSE that crossed our OPEN_FAIL is ignored, however often', () => {
    const core = openCore()
    feed(core, frames.open(3))
    core.rejectChannel(3, 'EPERM', 'no')
    expect(feed(core, frames.close(3), frames.close(3), frames.close(1))).toEqual([])
  })

  test('CLOSE of a number that was never used, or of one of ours, is not', () => {
    for (const id of [1, 2]) {
      expect(failureIn(feed(openCore(), frames.close(id)))?.message).toBe(
        `CLOSE on channel ${id}, which is not open`,
      )
    }
  })

  test.each([
    ['DATA', frames.data(1, utf8('x'))],
    ['EOF', frames.eof(1, 0, 0)],
    ['WINDOW', frames.window(1, 0, 99)],
    ['EXIT', frames.exit(1)],
    ['REQUEST', frames.request(1, 1)],
  ])('%s on a channel that both closed ends the connection', (name, frame) => {
    const core = openCore()
    acceptFrom(core, 1, [8], [8])
    feed(core, frames.close(1))
    core.closeChannel(1, false)
    expect(failureIn(feed(core, frame))?.message).toBe(`${name} on channel 1, which is not open`)
  })
})

describe('OPEN_OK and OPEN_FAIL that cross our CLOSE', () => {
  test('a confirmation is ignored; the channel ends with the peer’s CLOSE', () => {
    const core = openCore()
    const id = core.openChannel('get', {}, [8])
    core.closeChannel(id, true)
    expect(saying(core)).toEqual([`OPEN ${id}`, `CLOSE ${id}`])
    expect(feed(core, frames.openOk(id, [8]), frames.data(id, utf8('late')), frames.exit(id))).toEqual([])
    expect(feed(core, frames.close(id))).toEqual([{ type: 'channel-closed', channel: id }])
    expect(core.openChannels).toBe(0)
  })

  test('a refusal ends it, and no CLOSE follows', () => {
    const core = openCore()
    const id = core.openChannel('get', {}, [8])
    core.closeChannel(id, true)
    drainBytes(core)
    expect(feed(core, frames.openFail(id)).map(({ type }) => type)).toEqual(['channel-refused'])
    expect(core.openChannels).toBe(0)
    expect(failureIn(feed(core, frames.close(id)))).toBeDefined()
  })

  test('what arrives late is held to the window all the same', () => {
    const core = openCore()
    const id = core.openChannel('get', {}, [4])
    core.closeChannel(id, true)
    drainBytes(core)
    const events = feed(core, frames.openOk(id), frames.data(id, utf8('12345')))
    expect(failureIn(events)?.message).toContain('DATA beyond the window')
  })

  test('the peer gives up while we decide: a decision then says nothing but CLOSE', () => {
    for (const decide of ['accept', 'reject'] as const) {
      const core = openCore()
      expect(feed(core, frames.open(1), frames.close(1)).map(({ type }) => type)).toEqual([
        'channel-requested',
        'channel-closed-by-peer',
      ])
      if (decide === 'accept') core.acceptChannel(1, {}, [])
      else core.rejectChannel(1, 'EPERM', 'no')
      core.closeChannel(1, false)
      expect(saying(core)).toEqual(['CLOSE 1'])
      expect(core.openChannels).toBe(0)
    }
  })
})
