// A socket that is dialled ends ready or destroyed, and nothing is left listening or ticking for it.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type DialBounds, type Readiness, whenReady } from '../../../src/transport/when-ready.js'
import { closed } from '../../helpers/tls-listener.js'

class Translated extends Error {}

async function dialled(bounds: Partial<DialBounds> = {}, readiness: Partial<Readiness> = {}) {
  const accepted: Socket[] = []
  const server = createServer((peer) => {
    accepted.push(peer)
    peer.on('error', () => {})
    peer.resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  onTestFinished(() => {
    for (const peer of [socket, ...accepted]) peer.destroy()
    server.close()
  })
  const ready = whenReady(
    socket,
    { timeoutMs: 10_000, ...bounds },
    {
      event: 'connect',
      timeoutError: () => new Error('too late'),
      translate: (cause) => new Translated('translated', { cause }),
      ...readiness,
    },
  )
  return { socket, ready }
}

test('resolves with the socket, that has nothing but its listener for errors left', async () => {
  const clear = vi.spyOn(globalThis, 'clearTimeout')
  const { socket, ready } = await dialled()
  const before = socket.listenerCount('close')
  expect(await ready).toBe(socket)
  expect(socket.destroyed).toBe(false)
  expect(socket.listenerCount('error')).toBe(1)
  expect(socket.listenerCount('connect')).toBe(0)
  expect(socket.listenerCount('close')).toBe(before - 1)
  expect(clear).toHaveBeenCalled()
})

test('an error after that does not end the process, and close tells of it', async () => {
  const { socket, ready } = await dialled()
  await ready
  socket.destroy(new Error('lost'))
  await closed(socket)
})

test('a verification that throws destroys the socket', async () => {
  const cause = new Error('not the one')
  const verify = () => {
    throw cause
  }
  const { socket, ready } = await dialled({}, { verify })
  const error = await ready.catch((thrown) => thrown)
  expect(error).toBeInstanceOf(Translated)
  expect(error.cause).toBe(cause)
  await closed(socket)
})

test('the bound is for the event, not for the connection', async () => {
  const { socket, ready } = await dialled({ timeoutMs: 50 }, { event: 'secureConnect' })
  await expect(ready).rejects.toThrow('too late')
  await closed(socket)
})

test('a socket that closes without an error is an error of its own', async () => {
  const { socket, ready } = await dialled({}, { event: 'secureConnect' })
  socket.once('connect', () => socket.destroy())
  expect((await ready.catch((thrown) => thrown)).cause).toMatchObject({ code: 'ECONNRESET' })
})

test('an error of the socket is translated, and only the first counts', async () => {
  const { socket, ready } = await dialled({}, { event: 'secureConnect' })
  const cause = new Error('first')
  socket.once('connect', () => {
    socket.emit('error', cause)
    socket.emit('error', new Error('second'))
  })
  expect((await ready.catch((thrown) => thrown)).cause).toBe(cause)
  await closed(socket)
})

test('aborting destroys the socket and rejects with the very reason', async () => {
  const controller = new AbortController()
  const { socket, ready } = await dialled({ signal: controller.signal })
  const reason = { any: 'value' }
  controller.abort(reason)
  await expect(ready).rejects.toBe(reason)
  await closed(socket)
})

test('a signal that was aborted before counts as well', async () => {
  const { socket, ready } = await dialled({ signal: AbortSignal.abort('before') })
  await expect(ready).rejects.toBe('before')
  await closed(socket)
})

test('many dials with one signal leave no listener on it', async () => {
  const { signal } = new AbortController()
  const added = vi.spyOn(signal, 'addEventListener')
  const removed = vi.spyOn(signal, 'removeEventListener')
  for (let index = 0; index < 12; index++) await (await dialled({ signal })).ready
  expect(added).toHaveBeenCalledTimes(12)
  expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
    added.mock.calls.map(([, listener]) => listener),
  )
})
