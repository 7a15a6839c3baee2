// The table of unfinished handshakes by itself: real TCP connections, with the test in the place of TLS.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { FakeSshError } from '../../../src/errors.js'
import { PendingHandshakes } from '../../../src/transport/pending-handshakes.js'
import { systemError } from '../../../src/transport/system-error.js'
import { Arrivals, closed, rawConnection } from '../../helpers/tls-listener.js'

async function start({ max = 10, timeoutMs = 10_000 } = {}) {
  const accepted = new Arrivals<Socket>()
  const reports = new Arrivals<FakeSshError>()
  const pending = new PendingHandshakes(max, timeoutMs, (error) => reports.push(error))
  const server = createServer((socket) => {
    pending.add(socket)
    accepted.push(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of accepted.all) socket.destroy()
    server.close()
  })
  const open = async () => {
    const client = await rawConnection((server.address() as AddressInfo).port)
    client.resume()
    return { client, socket: await accepted.next() }
  }
  return { pending, reports, open }
}

test('one that finishes is handed out with its address, once, and is reported never', async () => {
  const { pending, reports, open } = await start({ timeoutMs: 100 })
  const { client, socket } = await open()
  expect(pending.finish(socket)).toMatchObject({ kind: 'tcp', label: `127.0.0.1:${client.localPort}` })
  expect(pending.finish(socket)).toBeUndefined()
  // Another one runs into the bound that would have been this one's.
  const late = await open()
  await closed(late.client)
  expect(socket.destroyed).toBe(false)
  socket.destroy()
  await closed(client)
  expect(reports.all.map((error) => error.code)).toEqual(['ERR_FAKESSH_HANDSHAKE_TIMEOUT'])
})

test('one that TLS refused is reported with the reason, when it is closed', async () => {
  const { pending, reports, open } = await start()
  const { socket } = await open()
  const cause = systemError('ERR_SSL_BINDER_DOES_NOT_VERIFY', 'x')
  pending.explain(socket, cause)
  pending.explain(socket, systemError('ECONNRESET', 'what followed from it'))
  expect(reports.all).toEqual([])
  socket.destroy()
  expect(await reports.next()).toMatchObject({ code: 'ERR_FAKESSH_AUTH_FAILED', cause })
  expect(pending.finish(socket)).toBeUndefined()
  expect(reports.all).toHaveLength(1)
})

test('one that was refused is not handed out, even if TLS should finish after all', async () => {
  const { pending, open } = await start()
  const { socket } = await open()
  pending.explain(socket, new Error('x'))
  expect(pending.finish(socket)).toBeUndefined()
})

test('one whose peer goes away is reported as that', async () => {
  const { reports, open } = await start()
  const { client, socket } = await open()
  socket.resume()
  client.resetAndDestroy()
  expect(await reports.next()).toMatchObject({
    code: 'ERR_FAKESSH_CONNECT_FAILED',
    cause: { code: 'ECONNRESET' },
  })
})

test('a reason without an address belongs to nobody', async () => {
  const { pending, reports, open } = await start()
  const gone = await open()
  gone.socket.destroy()
  await reports.next()
  const { socket } = await open()
  pending.explain(gone.socket, new Error('of the other one'))
  expect(pending.finish(gone.socket)).toBeUndefined()
  expect(pending.finish(socket)).toBeDefined()
})

test('above the number one is dropped, and the number is told', async () => {
  const { reports, open } = await start({ max: 2 })
  const clients = [await open(), await open(), await open()]
  const error = await reports.next()
  expect(error).toMatchObject({ code: 'ERR_FAKESSH_LIMIT', message: expect.stringContaining('more than 2') })
  // Never the newest, for which room was made.
  expect(clients[2]?.socket.destroyed).toBe(false)
  expect(clients.filter(({ socket }) => socket.destroyed)).toHaveLength(1)
})

test('which one is dropped is up to chance', async () => {
  const dropped = new Set<number>()
  for (let round = 0; round < 60 && dropped.size < 2; round++) {
    const { pending, reports, open } = await start({ max: 2 })
    const opened = [await open(), await open(), await open()]
    await reports.next()
    dropped.add(opened.findIndex(({ socket }) => socket.destroyed))
    await pending.dropAll()
  }
  expect([...dropped].sort()).toEqual([0, 1])
})

test('after dropAll nothing is left, and what still comes is dropped too', async () => {
  const { pending, reports, open } = await start()
  const before = [await open(), await open()]
  await pending.dropAll()
  for (const { socket } of before) expect(socket.closed).toBe(true)
  const after = await open()
  await closed(after.client)
  await pending.dropAll()
  expect(reports.all.map((error) => error.code)).toEqual(Array(3).fill('ERR_FAKESSH_CLOSED'))
})
