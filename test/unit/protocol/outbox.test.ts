import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { ChannelRecord, type SendHalf } from '../../../src/protocol/channel-record.js'
import { Outbox } from '../../../src/protocol/outbox.js'
import { frames, utf8 } from '../../helpers/frames.js'
import { concat } from '../../helpers/hex.js'
import { type NaiveFrame, wholeFrames } from '../../helpers/naive-frames.js'

function outboxWith(maxFrameBytes = 1_024): Outbox {
  const outbox = new Outbox(crc32)
  outbox.maxFrameBytes = maxFrameBytes
  return outbox
}

function openChannel(id: number, sendWindows: readonly number[], receiveWindows: readonly number[] = []) {
  const channel = new ChannelRecord(id, 'test', 'remote', [])
  channel.setSendWindows(sendWindows)
  channel.setReceiveWindows(receiveWindows)
  channel.onSent('OPEN_OK')
  return channel
}

function queue(outbox: Outbox, channel: ChannelRecord, text: string, stream = 0, taken = () => {}) {
  const half = channel.sending[stream] as SendHalf
  half.queue.push({ bytes: utf8(text), hasHeadroom: false, taken })
  outbox.schedule(half)
}

const described = ({ name, channel, stream, payload }: NaiveFrame) =>
  name === 'DATA' ? `${channel}.${stream} ${Buffer.from(payload)}` : `${name} ${channel}`
const taken = (outbox: Outbox, target = 1_000_000) =>
  wholeFrames(concat(...outbox.take(target).buffers)).map(described)

describe('order', () => {
  test('control frames, then PONG, then WINDOW, then DATA, whatever came first', () => {
    const outbox = outboxWith()
    const channel = openChannel(1, [100], [8])
    queue(outbox, channel, 'data')
    const [half] = channel.receiving
    outbox.setWindowDue(channel, half as NonNullable<typeof half>)
    outbox.setPong(new Uint8Array(8))
    outbox.pushControl(frames.goodbye('shutdown'))
    outbox.pushControl(frames.close(9))
    expect(taken(outbox)).toEqual(['GOODBYE 0', 'CLOSE 9', 'PONG 0', 'WINDOW 1', '1.0 data'])
    expect(outbox.isEmpty).toBe(true)
    expect(outbox.take(100)).toEqual({ buffers: [], bytes: 0, taken: [] })
  })

  test('one DATA frame a turn from each stream that has bytes', () => {
    const outbox = outboxWith(2)
    const [first, second] = [openChannel(1, [100, 100]), openChannel(3, [100])]
    queue(outbox, first, 'aaaa')
    queue(outbox, first, 'bbb', 1)
    queue(outbox, second, 'c')
    queue(outbox, second, 'dd')
    expect(taken(outbox)).toEqual(['1.0 aa', '1.1 bb', '3.0 c', '1.0 aa', '1.1 b', '3.0 dd'])
  })

  test('no more DATA than about what was asked for; the round goes on where it stopped', () => {
    const outbox = outboxWith(4)
    const [first, second] = [openChannel(1, [100]), openChannel(3, [100])]
    queue(outbox, first, 'aaaaaaaa')
    queue(outbox, second, 'bbbb')
    expect(taken(outbox, 1)).toEqual(['1.0 aaaa'])
    expect(outbox.isEmpty).toBe(false)
    expect(taken(outbox, 1)).toEqual(['3.0 bbbb'])
    expect(taken(outbox, 1)).toEqual(['1.0 aaaa'])
    expect(outbox.isEmpty).toBe(true)
  })

  test('control frames go whole, above any target, and leave no room for DATA then', () => {
    const outbox = outboxWith()
    queue(outbox, openChannel(1, [100]), 'data')
    outbox.pushControl(new Uint8Array(500))
    const { bytes, buffers } = outbox.take(100)
    expect([bytes, buffers.length]).toEqual([500, 1])
    expect(taken(outbox)).toEqual(['1.0 data'])
  })
})

describe('windows and frames', () => {
  test('a frame is no larger than the credit, the peer’s maxFrameBytes, or what was queued', () => {
    const outbox = outboxWith(4)
    const channel = openChannel(1, [6])
    queue(outbox, channel, 'abcdefgh')
    expect(taken(outbox)).toEqual(['1.0 abcd', '1.0 ef'])
    expect(outbox.isEmpty).toBe(true)
    const half = channel.sending[0] as SendHalf
    half.window.onUpdate(6, 100)
    outbox.schedule(half)
    expect(taken(outbox)).toEqual(['1.0 gh'])
  })

  test('a stream without credit is not in the round', () => {
    const outbox = outboxWith()
    queue(outbox, openChannel(1, [0]), 'x')
    expect(outbox.isEmpty).toBe(true)
  })

  test('a stream is in the round once, however often it is scheduled', () => {
    const outbox = outboxWith(1)
    const channel = openChannel(1, [100])
    for (let i = 0; i < 5; i += 1) queue(outbox, channel, 'x')
    outbox.schedule(channel.sending[0] as SendHalf)
    expect(taken(outbox, 1)).toEqual(['1.0 x'])
    expect(taken(outbox)).toEqual(Array(4).fill('1.0 x'))
  })

  test('whoever queued bytes is told with the batch that takes the last of them', () => {
    const outbox = outboxWith(2)
    const channel = openChannel(1, [100])
    const told: string[] = []
    queue(outbox, channel, 'aaa', 0, () => told.push('a'))
    queue(outbox, channel, 'b', 0, () => told.push('b'))
    expect(outbox.take(1).taken).toEqual([])
    for (const tell of outbox.take(1_000).taken) tell(false)
    expect(told).toEqual(['a', 'b'])
  })

  test('bytes that are queued are sent as they are, not copied', () => {
    const outbox = outboxWith()
    const channel = openChannel(1, [100])
    const bytes = utf8('hello')
    const half = channel.sending[0] as SendHalf
    half.queue.push({ bytes, hasHeadroom: false, taken: () => {} })
    outbox.schedule(half)
    expect(outbox.take(1_000).buffers[1]?.buffer).toBe(bytes.buffer)
  })

  test('a frame is one buffer where there is room before the bytes, which is that of the first frame only', () => {
    const outbox = outboxWith(4)
    const channel = openChannel(1, [100])
    const roomy = concat(new Uint8Array(16), utf8('hello!'))
    const half = channel.sending[0] as SendHalf
    half.queue.push({ bytes: roomy.subarray(16), hasHeadroom: true, taken: () => {} })
    outbox.schedule(half)
    const { buffers } = outbox.take(1_000)
    expect(buffers.map(({ length }) => length)).toEqual([20, 16, 2])
    expect(buffers[0]?.buffer).toBe(roomy.buffer)
    expect(concat(...buffers)).toEqual(
      concat(frames.uncheckedData(1, utf8('hell')), frames.uncheckedData(1, utf8('o!'))),
    )
  })

  test('a due WINDOW is sent once, with the newest numbers, and not for a channel that closed', () => {
    const outbox = outboxWith()
    const [open, closed] = [openChannel(1, [], [8]), openChannel(3, [], [8])]
    for (const channel of [open, closed]) {
      const half = channel.receiving[0] as NonNullable<(typeof channel.receiving)[0]>
      for (let i = 0; i < 2; i += 1) {
        half.window.onReceived(4)
        half.window.onConsumed(4)
        outbox.setWindowDue(channel, half)
      }
    }
    closed.onSent('CLOSE')
    expect(concat(...outbox.take(1_000).buffers)).toEqual(frames.window(1, 8, 16))
  })

  test('of many PONGs only the newest is kept', () => {
    const outbox = outboxWith()
    for (let i = 0; i < 1_000; i += 1) outbox.setPong(new Uint8Array(8).fill(i))
    expect(concat(...outbox.take(1_000).buffers)).toEqual(frames.pong(new Uint8Array(8).fill(999)))
  })
})

describe('the end of a stream', () => {
  test('goes out after its bytes, with their number and check, and needs no credit', () => {
    const outbox = outboxWith()
    outbox.isCheckingStreams = true
    const channel = openChannel(1, [5])
    const half = channel.sending[0] as SendHalf
    queue(outbox, channel, 'hel')
    queue(outbox, channel, 'lo')
    half.eof = 'queued'
    outbox.schedule(half)
    const wire = concat(...outbox.take(1_000).buffers)
    expect(wire).toEqual(
      concat(
        frames.data(1, utf8('hel')),
        frames.data(1, utf8('lo'), 0, utf8('hel')),
        frames.eof(1, 5, crc32('hello')),
      ),
    )
    expect(half.eof).toBe('sent')
  })

  test('has a check of zero where streams are not checked', () => {
    const outbox = outboxWith()
    const channel = openChannel(1, [5])
    queue(outbox, channel, 'x')
    const half = channel.sending[0] as SendHalf
    half.eof = 'queued'
    expect(concat(...outbox.take(1_000).buffers)).toEqual(
      concat(frames.uncheckedData(1, utf8('x')), frames.eof(1, 1, 0)),
    )
  })

  test('EXIT and CLOSE follow the last end, in the same batch', () => {
    const outbox = outboxWith(1)
    const channel = openChannel(1, [100, 100])
    queue(outbox, channel, 'ab')
    queue(outbox, channel, 'c', 1)
    for (const half of channel.sending) half.eof = 'queued'
    outbox.pushTail(channel, 'EXIT', frames.exit(1))
    outbox.pushTail(channel, 'CLOSE', frames.close(1))
    expect(taken(outbox)).toEqual(['1.0 a', '1.1 c', '1.0 b', 'EOF 1', 'EOF 1', 'EXIT 1', 'CLOSE 1'])
    expect(channel.state).toBe('close-sent')
  })

  test('a stream that was dropped while in the round gives nothing', () => {
    const outbox = outboxWith()
    const [gone, alive] = [openChannel(1, [100]), openChannel(3, [100])]
    queue(outbox, gone, 'gone')
    queue(outbox, alive, 'alive')
    gone.dropQueued()
    expect(taken(outbox)).toEqual(['3.0 alive'])
  })

  test('a stream whose credit was taken back by our own doing gives nothing either', () => {
    const outbox = outboxWith()
    const channel = openChannel(1, [4])
    queue(outbox, channel, 'aaaa')
    const half = channel.sending[0] as SendHalf
    half.window.onSent(4)
    expect(taken(outbox)).toEqual([])
    expect(half.isScheduled).toBe(false)
  })
})

describe('bounds', () => {
  test('more than 1 MiB of answers is too much; what we ask of ourselves does not count', () => {
    const outbox = outboxWith()
    outbox.pushControl(new Uint8Array(5_000_000))
    outbox.pushControl(new Uint8Array(1_048_576), true)
    expect(outbox.isOverfull).toBe(false)
    outbox.pushControl(new Uint8Array(1), true)
    expect(outbox.isOverfull).toBe(true)
    outbox.take(1)
    expect(outbox.isOverfull).toBe(false)
  })

  test('clearing leaves only control frames', () => {
    const outbox = outboxWith()
    const channel = openChannel(1, [100], [8])
    queue(outbox, channel, 'data')
    const [half] = channel.receiving
    outbox.setWindowDue(channel, half as NonNullable<typeof half>)
    outbox.setPong(new Uint8Array(8))
    outbox.pushControl(frames.goodbye('protocol'))
    outbox.clearStreams()
    expect(half?.isWindowDue).toBe(false)
    expect(channel.sending[0]?.isScheduled).toBe(false)
    expect(taken(outbox)).toEqual(['GOODBYE 0'])
  })
})
