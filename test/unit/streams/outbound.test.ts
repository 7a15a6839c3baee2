// Outbound with real Writables: order, backpressure, joining, ends, and that every callback is called once.
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { FakeSshError } from '../../../src/errors.js'
import { Outbound } from '../../../src/streams/outbound.js'
import { RecordingChannel } from '../../helpers/recording-channel.js'
import { turns } from '../../helpers/until.js'

class Sink extends Writable {
  readonly channel = new RecordingChannel()
  readonly outbound = new Outbound(this.channel, 2)
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.outbound.write(chunk, done)
  }
  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.outbound.writev(chunks, done)
  }
  override _final(done: (error?: Error | null) => void): void {
    this.outbound.end()
    done()
  }
}

const closed = () => new FakeSshError('ERR_FAKESSH_CLOSED', 'the channel closed')

describe('writing', () => {
  test('goes to its stream of the channel, and is done when the bytes left', async () => {
    const sink = new Sink()
    let done = false
    sink.write('hello', () => {
      done = true
    })
    expect(sink.channel.log).toEqual(['data 2 hello'])
    await turns(2)
    expect(done).toBe(false)
    sink.channel.take()
    await turns(1)
    expect(done).toBe(true)
  })

  test('waits: while one write is on its way the next ones pile up in the Writable', async () => {
    const sink = new Sink({ highWaterMark: 10 })
    expect([sink.write('12345'), sink.write('67890'), sink.write('x')]).toEqual([true, false, false])
    expect(sink.channel.log).toHaveLength(1)
    const drained = once(sink, 'drain')
    sink.channel.take()
    await turns(1)
    sink.channel.take()
    await drained
    expect(sink.channel.log).toEqual(['data 2 12345', 'data 2 67890x'])
  })

  test('many small writes become one piece, up to 256 KiB', async () => {
    const sink = new Sink()
    sink.write('first')
    const sent = Buffer.from(Array.from({ length: 600_000 }, (_, i) => i % 253))
    for (let at = 0; at < sent.length; at += 1_000) sink.write(sent.subarray(at, at + 1_000))
    sink.end()
    while (sink.channel.waiting > 0 || !sink.writableFinished) {
      sink.channel.take()
      await turns(1)
    }
    const pieces = sink.channel.sent.slice(1)
    expect(pieces.map(({ length }) => length)).toEqual([262_000, 262_000, 76_000])
    expect(Buffer.concat(pieces).equals(sent)).toBe(true)
    expect(sink.channel.log.at(-1)).toBe('eof 2')
  })

  test('a large write is one piece by itself, in its place', async () => {
    const sink = new Sink()
    for (const size of [1, 10, 1_000_000, 20]) sink.write(Buffer.alloc(size, size % 251))
    sink.channel.take()
    await turns(1)
    expect(sink.channel.sent.map(({ length }) => length)).toEqual([1, 10, 1_000_000, 20])
  })

  test('writes of nothing are done without a frame, also between others', async () => {
    const sink = new Sink()
    const done: string[] = []
    sink.write('', () => done.push('alone'))
    await turns(2)
    expect([done, sink.channel.log]).toEqual([['alone'], []])
    sink.write('a')
    for (const name of ['x', 'y']) sink.write('', () => done.push(name))
    sink.channel.take()
    await turns(2)
    expect(done).toEqual(['alone', 'x', 'y'])
    sink.cork()
    for (const chunk of ['', 'b', '', 'c']) sink.write(chunk)
    sink.uncork()
    await turns(1)
    expect(sink.channel.log).toEqual(['data 2 a', 'data 2 bc'])
  })

  test('text is bytes in the encoding it was written in', () => {
    const sink = new Sink()
    sink.write('ff00', 'hex')
    expect(sink.channel.sent[0]).toEqual(Buffer.from([0xff, 0]))
  })
})

describe('the end', () => {
  test('of the Writable is the end of the stream, after everything written, and of nothing else', async () => {
    const sink = new Sink()
    sink.write('a')
    sink.end('b')
    sink.channel.take()
    await turns(1)
    sink.channel.take()
    await once(sink, 'finish')
    expect(sink.channel.log).toEqual(['data 2 a', 'data 2 b', 'eof 2'])
  })

  test('of the channel fails the write that waits with its error', async () => {
    const sink = new Sink()
    const failed = once(sink, 'error')
    const outcome: unknown[] = []
    sink.write('a', (error) => outcome.push(error))
    sink.write('b', (error) => outcome.push(error))
    sink.channel.take(closed())
    expect((await failed)[0]).toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    expect(outcome).toMatchObject([{ code: 'ERR_FAKESSH_CLOSED' }, expect.any(Error)])
    expect(sink.channel.log).toHaveLength(1)
  })

  test('in the middle of joined pieces fails all of them, once', async () => {
    const sink = new Sink()
    const errors: unknown[] = []
    sink.on('error', (error) => errors.push(error))
    const outcome: unknown[] = []
    sink.cork()
    for (let i = 0; i < 4; i += 1) sink.write(Buffer.alloc(200_000), (error) => outcome.push(error))
    sink.uncork()
    await turns(1)
    expect(sink.channel.waiting).toBe(4)
    sink.channel.take()
    while (sink.channel.waiting > 0) sink.channel.take(closed())
    await turns(2)
    expect(errors).toHaveLength(1)
    expect(outcome).toHaveLength(4)
    for (const error of outcome) expect(error).toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
  })
})
