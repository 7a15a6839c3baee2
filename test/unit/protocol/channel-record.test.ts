import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { ChannelRecord, ReceiveHalf, SendHalf } from '../../../src/protocol/channel-record.js'
import { utf8 } from '../../helpers/frames.js'

const record = (openedBy: 'local' | 'remote' = 'remote') => new ChannelRecord(1, 'test', openedBy, [])
const opened = (sendWindows: readonly number[] = [8, 8]) => {
  const channel = record()
  channel.setSendWindows(sendWindows)
  channel.setReceiveWindows([8, 8])
  channel.onSent('OPEN_OK')
  return channel
}
const half = (channel: ChannelRecord, stream = 0) => channel.sending[stream] as SendHalf
const tail = (name: 'EXIT' | 'COMMIT' | 'CLOSE') => ({ name, frame: utf8(name) })

describe('a stream we send', () => {
  test('is ready when it has bytes and credit, or an end and no bytes', () => {
    const sending = new SendHalf(record(), 0, 4)
    expect([sending.isReady, sending.isIdle]).toEqual([false, true])
    sending.queue.push({ bytes: utf8('abcde'), hasHeadroom: false, taken: () => {} })
    expect([sending.isReady, sending.isIdle]).toEqual([true, false])
    sending.eof = 'queued'
    sending.window.onSent(4)
    expect([sending.isReady, sending.isIdle]).toEqual([false, false])
    sending.queue.length = 0
    expect([sending.isReady, sending.isIdle]).toEqual([true, false])
    sending.eof = 'sent'
    expect([sending.isReady, sending.isIdle]).toEqual([false, true])
  })
})

describe('a stream we receive', () => {
  test('counts and checks what arrives, and accepts an end that agrees', () => {
    const receiving = new ReceiveHalf(0, 100)
    receiving.onCheckedData(utf8('hel'), crc32, crc32('hel'))
    receiving.onCheckedData(utf8('lo'), crc32, crc32('hello'))
    receiving.onEof(5, crc32(utf8('hello')))
    expect(receiving.hasEnded).toBe(true)
  })

  test('without checks an end has a check of zero', () => {
    const receiving = new ReceiveHalf(0, 100)
    receiving.onData(utf8('hello'))
    expect(() => receiving.onEof(5, crc32(utf8('hello')))).toThrow(
      'the bytes that arrived are not those sent',
    )
    receiving.onEof(5, 0)
  })

  test.each([
    ['too few', 6, 'the peer sent 6 bytes, 5 arrived'],
    ['too many', 4, 'the peer sent 4 bytes, 5 arrived'],
  ])('an end after %s bytes is refused', (_name, bytes, message) => {
    const receiving = new ReceiveHalf(0, 100)
    receiving.onCheckedData(utf8('hello'), crc32, crc32('hello'))
    expect(() => receiving.onEof(bytes, crc32(utf8('hello')))).toThrow(message)
    expect(receiving.hasEnded).toBe(false)
  })

  test.each([
    ['other bytes', 'lO'],
    ['bytes that came before', 'hel'],
    ['bytes of which some are missing', 'o'],
  ])('%s than those that were sent are refused', (_name, arrived) => {
    const receiving = new ReceiveHalf(2, 100)
    receiving.onCheckedData(utf8('hel'), crc32, crc32('hel'))
    expect(() => receiving.onCheckedData(utf8(arrived), crc32, crc32('hello'))).toThrow(
      'DATA on stream 2: the bytes that arrived are not those sent',
    )
  })

  test('nothing comes after the end, not even another end', () => {
    const receiving = new ReceiveHalf(3, 100)
    receiving.onEof(0, 0)
    expect(() => receiving.onDataHeader(1)).toThrow('DATA after EOF on stream 3')
    expect(() => receiving.onEof(0, 0)).toThrow('a second EOF on stream 3')
  })

  test('more than the window is refused before any of it has come', () => {
    const receiving = new ReceiveHalf(0, 2)
    receiving.onDataHeader(2)
    expect(() => receiving.onDataHeader(3)).toThrow('DATA beyond the window: allowed up to offset 2, got 3')
    expect(receiving.window.received).toBe(0)
  })

  test('is done when it has ended and all of it was taken', () => {
    const receiving = new ReceiveHalf(0, 10)
    receiving.onData(utf8('hello'))
    receiving.window.onConsumed(4)
    receiving.onEof(5, 0)
    expect(receiving.isDone).toBe(false)
    receiving.window.onConsumed(1)
    expect(receiving.isDone).toBe(true)
  })
})

describe('a channel', () => {
  test('starts where the one who opened it put it', () => {
    expect(record('local').state).toBe('opening')
    expect(record('remote').state).toBe('pending')
  })

  test('moves on with what is sent and received', () => {
    const channel = opened()
    expect(channel.state).toBe('open')
    channel.onReceived('CLOSE')
    expect(channel.state).toBe('close-received')
    expect(channel.onSent('CLOSE')).toBe(true)
    expect(channel.state).toBe('closed')
  })

  test('what the peer may not send throws, what we may not send is said, and neither moves it', () => {
    const channel = record()
    expect(() => channel.onReceived('DATA')).toThrow('DATA is not allowed on a channel in state pending')
    expect(channel.onSent('DATA')).toBe(false)
    expect(channel.state).toBe('pending')
  })

  test('knows which streams there are', () => {
    const channel = opened([1])
    expect(channel.receiveHalf(1).stream).toBe(1)
    expect(() => channel.receiveHalf(2)).toThrow('stream 2 was not offered on channel 1')
    expect(channel.sendHalf(0).stream).toBe(0)
    expect(() => channel.sendHalf(1)).toThrow('WINDOW for stream 1, which channel 1 does not have')
  })
})

describe('frames that wait for data', () => {
  test('go at once when nothing waits', () => {
    const channel = opened()
    channel.tail.push(tail('EXIT'), tail('CLOSE'))
    expect(channel.isCloseQueued).toBe(true)
    expect(channel.takeTail()).toEqual([utf8('EXIT'), utf8('CLOSE')])
    expect(channel).toMatchObject({ state: 'close-sent', isCloseQueued: false })
    expect(channel.takeTail()).toEqual([])
  })

  test('wait until every stream is idle', () => {
    const channel = opened()
    half(channel, 0).eof = 'queued'
    half(channel, 1).queue.push({ bytes: utf8('x'), hasHeadroom: false, taken: () => {} })
    channel.tail.push(tail('COMMIT'))
    expect(channel.takeTail()).toEqual([])
    half(channel, 0).eof = 'sent'
    expect(channel.takeTail()).toEqual([])
    half(channel, 1).queue.length = 0
    expect(channel.takeTail()).toHaveLength(1)
    expect(channel.state).toBe('open')
  })

  test('dropping forgets them and gives back who waits, once', () => {
    const channel = opened()
    const told: string[] = []
    for (const name of ['a', 'b'])
      half(channel).queue.push({ bytes: utf8(name), hasHeadroom: false, taken: () => told.push(name) })
    half(channel, 1).eof = 'queued'
    channel.tail.push(tail('EXIT'))
    for (const taken of channel.dropQueued()) taken(true)
    expect(told).toEqual(['a', 'b'])
    expect(channel.dropQueued()).toEqual([])
    expect([half(channel).isIdle, half(channel, 1).eof, channel.tail.length]).toEqual([true, 'none', 0])
  })

  test('an end that was sent stays sent', () => {
    const channel = opened()
    half(channel).eof = 'sent'
    channel.dropQueued()
    expect(half(channel).eof).toBe('sent')
  })
})
