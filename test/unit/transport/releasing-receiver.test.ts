import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { releasingReceiver } from '../../../src/transport/releasing-receiver.js'

const canRelease = 'transfer' in ArrayBuffer.prototype

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
  expect(chunk.buffer.byteLength).toBe(canRelease ? 0 : 5)
})

test('a chunk that is a part of something is left alone', () => {
  const whole = Buffer.allocUnsafeSlow(11).fill('hello world')
  expect(received(whole.subarray(0, 5))).toEqual(['hello'])
  expect(whole.toString()).toBe('hello world')
})
