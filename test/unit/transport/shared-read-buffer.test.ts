import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { SharedReadBuffer } from '../../../src/transport/shared-read-buffer.js'
import { until } from '../../helpers/until.js'

/** A reader, and what `onread` gives it when these bytes are read. */
function reading() {
  const reader = new SharedReadBuffer()
  const { buffer, callback } = reader.option.onread
  const read = (text: string) => callback(buffer.write(text), buffer)
  return { reader, read }
}

test('hands on what is read, in the buffer it was read into', () => {
  const { reader, read } = reading()
  const seen: Uint8Array[] = []
  reader.setReceiver((bytes) => seen.push(bytes))
  expect(read('one')).toBe(true)
  expect(seen[0]?.buffer).toBe(reader.option.onread.buffer.buffer)
  expect(String(seen[0])).toBe(String(Buffer.from('one')))
})

test('keeps copies of what comes before there is a receiver, in order', () => {
  const { reader, read } = reading()
  read('one')
  read('two')
  const seen: string[] = []
  reader.setReceiver((bytes) => seen.push(Buffer.from(bytes).toString()))
  read('three')
  expect(seen).toEqual(['one', 'two', 'three'])
})

test('all share one buffer', () => {
  expect(new SharedReadBuffer().option.onread.buffer).toBe(new SharedReadBuffer().option.onread.buffer)
})

test('sockets that read at once do not mix', async () => {
  // Each is sent the last digit of its own port.
  const digit = (port: number | undefined) => String((port ?? Number.NaN) % 10)
  const server = createServer((socket) => socket.end(Buffer.alloc(1_000_000, digit(socket.remotePort))))
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets = Array.from({ length: 4 }, () => {
    const reader = new SharedReadBuffer()
    const seen = { bytes: 0, digits: new Set<string>(), expected: '' }
    reader.setReceiver((bytes) => {
      seen.bytes += bytes.length
      for (const byte of bytes) seen.digits.add(String.fromCharCode(byte))
    })
    const socket = connect({ port, host: '127.0.0.1', ...reader.option })
    socket.once('connect', () => {
      seen.expected = digit(socket.localPort)
    })
    return seen
  })
  await until(() => sockets.every(({ bytes }) => bytes === 1_000_000))
  for (const { digits, expected } of sockets) expect([...digits]).toEqual([expected])
})
