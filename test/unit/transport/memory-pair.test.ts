import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { memoryPair } from '../../../src/transport/memory-pair.js'
import { closed } from '../../helpers/tls-listener.js'
import { until } from '../../helpers/until.js'

function ends(options?: Parameters<typeof memoryPair>[0]): [Duplex, Duplex] {
  const [dialer, listener] = memoryPair(options)
  return [dialer.stream, listener.stream]
}

test('it is a plain transport with two sides', () => {
  const [dialer, listener] = memoryPair()
  expect(dialer).toMatchObject({ side: 'dialer', peer: { kind: 'memory', label: 'memory' } })
  expect(listener).toMatchObject({ side: 'listener', peer: { kind: 'memory', label: 'memory' } })
  expect(dialer.tls).toBeUndefined()
})

test('bytes arrive whole and in order, both ways at once, through a small buffer', async () => {
  const [a, b] = ends({ bufferBytes: 1000 })
  const [fromA, fromB] = [randomBytes(300_000), randomBytes(200_000)]
  const [atB, atA] = await Promise.all([
    take(b, fromA.length),
    take(a, fromB.length),
    write(a, fromA, 777),
    write(b, fromB, 4096),
  ])
  expect(atB.equals(fromA)).toBe(true)
  expect(atA.equals(fromB)).toBe(true)
})

async function write(stream: Duplex, bytes: Buffer, size: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    if (!stream.write(bytes.subarray(at, at + size))) await once(stream, 'drain')
  }
}

/** Reads that many bytes, and leaves the stream open. */
async function take(stream: Duplex, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let got = 0
  while (got < length) {
    const chunk = stream.read() as Buffer | null
    if (chunk === null) {
      await once(stream, 'readable')
    } else {
      chunks.push(chunk)
      got += chunk.length
    }
  }
  return Buffer.concat(chunks)
}

test('a buffer may be reused as soon as its write is done', async () => {
  const [a, b] = ends()
  const reused = Buffer.from('first')
  await new Promise((resolve) => a.write(reused, resolve))
  reused.write('XXXXX')
  a.end()
  expect((await buffer(b)).toString()).toBe('first')
})

test('an end that does not read makes the other wait, and reading lets it go on', async () => {
  const [a, b] = ends({ bufferBytes: 10 })
  let done = 0
  for (let index = 0; index < 5; index++) a.write(Buffer.alloc(10, index), () => done++)
  await new Promise(setImmediate)
  expect(done).toBe(0)
  expect(b.readableLength).toBe(10)
  expect(b.read()).toEqual(Buffer.alloc(10, 0))
  await once(b, 'readable')
  expect(done).toBe(1)
  const rest = buffer(b)
  a.end()
  expect(await rest).toHaveLength(40)
  expect(done).toBe(5)
})

test('an empty write is done and delivers nothing', async () => {
  const [a, b] = ends()
  await new Promise((resolve) => a.write(Buffer.alloc(0), resolve))
  a.end('x')
  expect((await buffer(b)).toString()).toBe('x')
})

test('ending one end is end on the other, after what was written, and closes both', async () => {
  const [a, b] = ends()
  a.resume()
  a.end('last words')
  expect((await buffer(b)).toString()).toBe('last words')
  await Promise.all([closed(a), closed(b)])
  expect([a.errored, b.errored]).toEqual([null, null])
})

test('destroying one end closes the other', async () => {
  const [a, b] = ends()
  b.resume()
  const ended = once(b, 'end')
  a.destroy()
  await ended
  await Promise.all([closed(a), closed(b)])
  expect(b.errored).toBe(null)
})

test('destroying one end with an error is a vanished peer to the other, though nobody listens for errors', async () => {
  const [a, b] = ends()
  a.destroy(new Error('power cut'))
  await Promise.all([closed(a), closed(b)])
  expect(b.errored).toMatchObject({ code: 'ECONNRESET' })
})

test('a vanished peer is told to a write that waits for it, exactly once', async () => {
  const [a, b] = ends({ bufferBytes: 4 })
  const results: unknown[] = []
  a.write('more than four', (error) => results.push(error))
  b.destroy()
  await closed(a)
  expect(results).toEqual([expect.objectContaining({ code: 'EPIPE' })])
})

test('a write to an end that is gone fails', async () => {
  const [a, b] = ends()
  b.destroy()
  await closed(b)
  const error = await new Promise((resolve) => a.write('anybody there?', resolve))
  expect(error).toMatchObject({ code: 'EPIPE' })
  await closed(a)
})

test('both ends may be destroyed at once', async () => {
  const [a, b] = ends()
  a.write('x')
  a.destroy(new Error('one'))
  b.destroy(new Error('two'))
  await Promise.all([closed(a), closed(b)])
})

test('two ends that always have something to say leave the event loop its turns', async () => {
  const [a, b] = ends()
  let received = 0
  b.on('data', (chunk: Buffer) => {
    received += chunk.length
  })
  const piece = Buffer.alloc(1_000)
  let isOver = false
  const more = () => {
    if (!isOver) a.write(piece, more)
  }
  more()
  await until(() => received > 1_000)
  isOver = true
  expect(received).toBeGreaterThan(1_000)
})
