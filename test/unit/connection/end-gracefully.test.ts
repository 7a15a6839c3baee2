import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { endGracefully } from '../../../src/connection/end-gracefully.js'
import { memoryPair } from '../../../src/transport/memory-pair.js'
import { tcpPair } from '../../helpers/tcp-pair.js'

test.each([
  ['in memory', async () => memoryPair()],
  ['over TCP', tcpPair],
])('%s: what was written before arrives, and both ends close', async (_name, pair) => {
  const [near, far] = await pair()
  const received: Buffer[] = []
  far.stream.on('data', (chunk: Buffer) => received.push(chunk))
  near.stream.resume()
  near.stream.write(Buffer.alloc(200_000, 1))
  near.stream.write('last')
  const closed = Promise.all([once(near.stream, 'close'), once(far.stream, 'close')])
  endGracefully(near.stream)
  await closed
  const all = Buffer.concat(received)
  expect(all.length).toBe(200_004)
  expect(all.subarray(-4).toString()).toBe('last')
})

test('a peer whose end does not follow is cut after a second', async () => {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(), allowHalfOpen: true })
  stream.resume()
  const start = performance.now()
  endGracefully(stream)
  await once(stream, 'close')
  expect(performance.now() - start).toBeGreaterThan(900)
  expect(performance.now() - start).toBeLessThan(5_000)
})

test('a peer that does not read is cut too', async () => {
  const stream = new Duplex({ read() {}, write() {} })
  stream.write('never taken')
  endGracefully(stream)
  await once(stream, 'close')
  expect(stream.destroyed).toBe(true)
})

test('ending twice, or what has ended, is harmless', async () => {
  const [near, far] = memoryPair()
  for (const { stream } of [near, far]) stream.resume()
  endGracefully(near.stream)
  endGracefully(near.stream)
  await once(near.stream, 'close')
  endGracefully(near.stream)
  endGracefully(far.stream)
})
