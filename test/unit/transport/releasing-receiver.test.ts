import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { releasingReceiver } from '../../../src/transport/releasing-receiver.js'
import { turns } from '../../helpers/until.js'

function received(chunk: Buffer): string[] {
  const stream = new PassThrough()
  const seen: string[] = []
  releasingReceiver(stream)((bytes) => seen.push(Buffer.from(bytes).toString()))
  stream.write(chunk)
  return seen
}

test('a chunk is whole while it is looked at, and takes no memory afterwards', () => {
  const chunk = Buffer.allocUnsafeSlow(5).fill('hello')
  expect(received(chunk)).toEqual(['hello'])
  expect(chunk.buffer.byteLength).toBe(0)
})

test('a chunk that is a part of something is left alone', () => {
  const whole = Buffer.allocUnsafeSlow(11).fill('hello world')
  expect(received(whole.subarray(0, 5))).toEqual(['hello'])
  expect(whole.toString()).toBe('hello world')
})

test('what is given back takes no memory, without the garbage collector', async () => {
  // The first one makes the drain, which takes a few turns to be one.
  received(Buffer.allocUnsafeSlow(5))
  await turns(5)
  const before = process.memoryUsage().arrayBuffers
  const stream = new PassThrough({ highWaterMark: 1_048_576 })
  let bytes = 0
  releasingReceiver(stream)((chunk) => {
    bytes += chunk.length
  })
  for (let i = 0; i < 4_096; i += 1) stream.write(Buffer.allocUnsafeSlow(16_384))
  expect(bytes).toBe(4_096 * 16_384)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1_048_576)
})
