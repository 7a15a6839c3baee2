import { PassThrough, Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { OutputPump } from '../../../src/exec/output-pump.js'

const CHUNK = Buffer.alloc(65_536, 'x')

/** A pump whose sends are taken when the test says so. */
function pumpOf<Source extends Readable>(source: Source) {
  const sent: Buffer[] = []
  const waiting: (() => void)[] = []
  const pump = new OutputPump(source, (bytes, taken) => {
    sent.push(Buffer.from(bytes))
    waiting.push(taken)
  })
  let hasEnded = false
  void pump.ended.then(() => {
    hasEnded = true
  })
  const takeAll = async () => {
    while (waiting.length > 0) {
      waiting.shift()?.()
      await turn()
    }
  }
  return {
    source,
    sent,
    waiting,
    pump,
    takeAll,
    hasEnded: () => hasEnded,
    bytesSent: () => Buffer.concat(sent).length,
  }
}

/** One whose source is written by the test and holds one chunk, as a pipe of Node does. */
const pumped = () => pumpOf(new PassThrough({ highWaterMark: CHUNK.length }))

describe('OutputPump', () => {
  test('passes bytes on in order and ends with its source', async () => {
    const { source, sent, waiting, pump } = pumped()
    source.write('one ')
    source.end('two')
    await turn()
    waiting.shift()?.()
    await pump.ended
    expect(Buffer.concat(sent).toString()).toBe('one two')
    expect(pump.bytes).toBe(7)
  })

  test('reads nothing more while the peer has no room, and goes on when it has', async () => {
    const { source, takeAll, pump, bytesSent } = pumped()
    for (let i = 0; i < 10; i += 1) source.write(CHUNK)
    await turn()
    expect(pump.isStalled).toBe(true)
    const before = bytesSent()
    expect(before).toBeLessThan(CHUNK.length * 5)
    await turn()
    expect(bytesSent()).toBe(before)
    await takeAll()
    expect(bytesSent()).toBe(CHUNK.length * 10)
    expect(pump.isStalled).toBe(false)
  })

  test('is not made to read by a resume of the source, as Node does when a child exits', async () => {
    const { source, bytesSent, takeAll } = pumped()
    for (let i = 0; i < 10; i += 1) source.write(CHUNK)
    await turn()
    const before = bytesSent()
    source.resume()
    await turn()
    await turn()
    expect(bytesSent()).toBe(before)
    await takeAll()
    expect(bytesSent()).toBe(CHUNK.length * 10)
  })

  test('an output that ends without a byte ends', async () => {
    const { source, pump, sent } = pumped()
    source.end()
    await pump.ended
    expect(sent).toEqual([])
  })

  test('an output that breaks ends', async () => {
    const { source, pump } = pumped()
    source.destroy(new Error('ECONNRESET'))
    await pump.ended
  })

  test('does not end while bytes wait to be read', async () => {
    const chunks = Array.from({ length: 8 }, () => CHUNK)
    const source = new Readable({
      highWaterMark: CHUNK.length,
      read: () => source.push(chunks.shift() ?? null),
    })
    const { takeAll, hasEnded, pump } = pumpOf(source)
    await turn()
    await turn()
    expect(hasEnded()).toBe(false)
    await takeAll()
    await pump.ended
    expect(pump.bytes).toBe(CHUNK.length * 8)
  })

  test('discards what waits and what comes, and still ends', async () => {
    const { source, pump, bytesSent } = pumped()
    for (let i = 0; i < 6; i += 1) source.write(CHUNK)
    await turn()
    const before = bytesSent()
    pump.discard()
    source.end(CHUNK)
    await pump.ended
    expect(bytesSent()).toBe(before)
    expect(pump.bytes).toBe(CHUNK.length * 7)
  })

  test('stops', async () => {
    const { source, pump } = pumped()
    pump.stop()
    await pump.ended
    expect(source.destroyed).toBe(true)
  })

  test('tells of bytes read and of room made', async () => {
    const { source, waiting, pump } = pumped()
    let activities = 0
    pump.onActivity = () => {
      activities += 1
    }
    source.write('x')
    await turn()
    expect(activities).toBe(1)
    waiting.shift()?.()
    expect(activities).toBe(2)
  })
})
