import { PassThrough, Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { Writer } from '../../../src/connection/writer.js'
import { acceptFrom, feed, openCore } from '../../helpers/cores.js'
import { frames } from '../../helpers/frames.js'
import { concat } from '../../helpers/hex.js'
import { wholeFrames } from '../../helpers/naive-frames.js'
import { turns } from '../../helpers/until.js'

/** A stream whose writes wait until the test completes them. */
class HeldStream extends Writable {
  readonly chunks: Uint8Array[] = []
  readonly #waiting: ((error?: Error | null) => void)[] = []
  isHolding = true

  override _writev(chunks: { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this.chunks.push(...chunks.map(({ chunk }) => new Uint8Array(chunk)))
    if (this.isHolding) this.#waiting.push(done)
    else done()
  }

  complete(error?: Error): void {
    this.#waiting.shift()?.(error)
  }

  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }
}

function setup(window = 10_000_000) {
  const core = openCore()
  acceptFrom(core, 1, [window])
  const stream = new HeldStream()
  stream.on('error', () => {})
  const writer = new Writer(stream as never, core)
  const told: string[] = []
  const send = (name: string, bytes: number) =>
    core.sendData(1, 0, new Uint8Array(bytes), (wasDropped) =>
      told.push(`${name} ${wasDropped ? 'dropped' : 'taken'}`),
    )
  return { core, stream, writer, told, send }
}

describe('writing', () => {
  test('frames of one turn go out together, at its end', async () => {
    const { core, stream, writer } = setup()
    core.sendPing()
    writer.schedule()
    core.sendPing()
    writer.schedule()
    expect(stream.bytes).toBe(0)
    await turns(1)
    expect(wholeFrames(concat(...stream.chunks)).map(({ name }) => name)).toEqual(['PING', 'PING'])
  })

  test('a flush in between leaves nothing for the end of the turn', async () => {
    const { core, stream, writer } = setup()
    core.sendPing()
    writer.schedule()
    writer.flush()
    expect(stream.chunks).toHaveLength(1)
    await turns(1)
    expect(stream.chunks).toHaveLength(1)
  })

  test('takes no more than about 256 KiB ahead of the stream, and goes on when it has left', async () => {
    const { stream, writer, told, send } = setup()
    for (let i = 0; i < 20; i += 1) send(`${i}`, 262_144)
    writer.flush()
    expect(stream.bytes).toBeLessThanOrEqual(262_144 + 64)
    const before = stream.bytes
    await turns(3)
    expect(stream.bytes).toBe(before)
    expect(told).toEqual([])
    stream.complete()
    await turns(2)
    expect(told).toEqual(['0 taken'])
    expect(stream.bytes).toBeGreaterThan(before)
  })

  test('control frames wait behind no more than that', async () => {
    const { core, stream, writer, send } = setup()
    for (let i = 0; i < 20; i += 1) send(`${i}`, 262_144)
    writer.flush()
    const handedOver = stream.writableLength
    core.sendPing()
    writer.flush()
    expect([stream.writableLength, core.hasOutput]).toEqual([handedOver, true])
    stream.complete()
    await turns(2)
    const names = wholeFrames(concat(...stream.chunks)).map(({ name }) => name)
    expect(names.indexOf('PING')).toBe(1)
  })

  test('the last word goes out behind a batch that the stream still has, and nothing after it', async () => {
    const { core, stream, writer, told, send } = setup()
    send('0', 262_144)
    send('1', 262_144)
    writer.flush()
    core.sendGoodbye('protocol', 'enough')
    writer.writeLast()
    writer.stop()
    expect(told).toEqual(['0 dropped', '1 dropped'])
    stream.isHolding = false
    stream.complete()
    await turns(2)
    const names = wholeFrames(concat(...stream.chunks)).map(({ name }) => name)
    expect(names).toEqual(['DATA', 'GOODBYE'])
    writer.writeLast()
    await turns(2)
    expect(wholeFrames(concat(...stream.chunks))).toHaveLength(2)
  })

  test('is idle when nothing is queued and everything has left', async () => {
    const { core, stream, writer } = setup()
    let progressed = 0
    writer.onProgress = () => {
      progressed += 1
    }
    expect(writer.isIdle).toBe(true)
    core.sendPing()
    expect(writer.isIdle).toBe(false)
    writer.flush()
    expect(writer.isIdle).toBe(false)
    stream.complete()
    await turns(2)
    expect([writer.isIdle, progressed]).toEqual([true, 1])
  })

  test('credit for a channel the peer has closed meanwhile is nothing to write', () => {
    const core = openCore()
    acceptFrom(core, 1, [], [8])
    const stream = new HeldStream()
    const writer = new Writer(stream as never, core)
    feed(core, frames.data(1, new Uint8Array(8)))
    core.onBytesConsumed(1, 0, 8)
    feed(core, frames.close(1))
    expect(core.hasOutput).toBe(true)
    writer.flush()
    expect([stream.bytes, writer.isIdle]).toEqual([0, true])
  })

  test('what cannot be sent for want of credit does not keep it busy', () => {
    const { stream, writer, send } = setup(0)
    send('never', 10)
    writer.flush()
    expect([stream.bytes, writer.isIdle]).toEqual([0, true])
  })
})

describe('the end', () => {
  test('a write that fails is told by stopping, after whoever stops it has told why; nothing more is taken', async () => {
    const { stream, writer, told, send } = setup()
    send('a', 10)
    writer.flush()
    stream.complete(new Error('EPIPE'))
    await turns(2)
    expect([told, writer.isIdle]).toEqual([[], false])
    writer.stop()
    expect(told).toEqual(['a dropped'])
  })

  test('stopping tells everyone at once, each once', async () => {
    const { core, stream, writer, told, send } = setup(20)
    send('in flight', 20)
    writer.flush()
    send('queued', 20)
    core.close()
    writer.stop()
    expect(told).toEqual(['in flight dropped', 'queued dropped'])
    stream.complete()
    await turns(2)
    expect(told).toHaveLength(2)
  })

  test('after stopping nothing is written', async () => {
    const { core, stream, writer } = setup()
    writer.stop()
    core.sendPing()
    writer.schedule()
    writer.flush()
    await turns(2)
    expect(stream.bytes).toBe(0)
  })

  test('bytes that are sent after the end are told to be dropped, not forgotten', async () => {
    const { core, writer, told, send } = setup()
    core.close()
    writer.stop()
    send('late', 10)
    writer.schedule()
    await turns(2)
    expect(told).toEqual(['late dropped'])
  })

  test('whoever sends more when told it was dropped is told that too, without end', async () => {
    const { core, writer } = setup()
    let rounds = 0
    const again = () => {
      rounds += 1
      if (rounds < 1_000) core.sendData(1, 0, new Uint8Array(1), again)
    }
    core.close()
    core.sendData(1, 0, new Uint8Array(1), again)
    writer.stop()
    expect(rounds).toBe(1_000)
  })

  test('what a destroyed stream never answers for is settled by stopping', async () => {
    const { core, told, send } = setup()
    const stream = new PassThrough()
    stream.on('error', () => {})
    const writer = new Writer(stream, core)
    send('a', 100_000)
    writer.flush()
    stream.destroy(new Error('gone'))
    await turns(3)
    writer.stop()
    expect(told).toEqual(['a dropped'])
  })
})
