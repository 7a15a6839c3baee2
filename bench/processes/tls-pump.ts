/**
 * What `node:tls` alone can do: both ends of a connection with the same cipher and kind of key, over which bytes are moved from memory to
 * nowhere. Nothing that moves files over TLS in Node can be faster.
 *
 * The client first sends one byte, what to do, and eight of length. The receiver of the bytes only counts them.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { serveMethods } from './serve-methods.js'

const CIPHER = 'TLS_AES_128_GCM_SHA256'
const KEY = Buffer.alloc(32, 1)
const HEADER_BYTES = 9
/** The best of what was tried; see docs/benchmarks.md. */
const WRITE_BYTES = 262_144

const REQUESTS = ['get', 'put', 'ping', 'hold'] as const
type Request = (typeof REQUESTS)[number]

const held: TLSSocket[] = []

/** Resolves when the last byte was handed over. */
function send(socket: TLSSocket, bytes: number): Promise<void> {
  const piece = Buffer.alloc(WRITE_BYTES, 'x')
  return new Promise((resolve, reject) => {
    let left = bytes
    socket.once('close', () => reject(new Error(`closed with ${left} bytes to go`)))
    const fill = () => {
      while (left > 0) {
        const isTaken = socket.write(left < piece.length ? piece.subarray(0, left) : piece)
        left -= Math.min(left, piece.length)
        if (isTaken) continue
        socket.once('drain', fill)
        return
      }
      resolve()
    }
    fill()
  })
}

function receive(socket: TLSSocket, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = bytes
    socket.once('close', () => reject(new Error(`closed with ${left} bytes to come`)))
    socket.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left === 0) resolve()
      if (left < 0) reject(new Error(`${-left} bytes too many`))
    })
  })
}

/** Everything is attached in the same turn as the request arrives: what follows it may already be on the way. */
function answer(socket: TLSSocket): void {
  socket.once('data', (header: Buffer) => {
    const request = REQUESTS[header.readUInt8(0)]
    const bytes = Number(header.readBigUInt64BE(1))
    const done =
      request === 'get' ? send(socket, bytes) : request === 'put' ? receive(socket, bytes) : undefined
    if (request === 'ping') socket.write('k')
    done?.then(
      () => request === 'put' && socket.write('k'),
      () => socket.destroy(),
    )
  })
}

async function dial(port: number): Promise<TLSSocket> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port,
    ciphers: CIPHER,
    minVersion: 'TLSv1.3',
    pskCallback: () => ({ psk: KEY, identity: 'bench' }),
    checkServerIdentity: () => undefined,
  })
  socket.setNoDelay(true)
  await once(socket, 'secureConnect')
  return socket
}

function ask(socket: TLSSocket, request: Request, bytes: number): void {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt8(REQUESTS.indexOf(request), 0)
  header.writeBigUInt64BE(BigInt(bytes), 1)
  socket.write(header)
}

const methods = {
  async listen(): Promise<{ port: number }> {
    const server = tls.createServer(
      { ciphers: CIPHER, minVersion: 'TLSv1.3', pskCallback: () => KEY },
      (socket) => {
        socket.setNoDelay(true)
        socket.on('error', () => {})
        answer(socket)
      },
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { port: (server.address() as AddressInfo).port }
  },

  /** Moves `bytes` over a fresh connection. Milliseconds from the request to the last byte, or to the answer that it arrived. */
  async move(port: number, direction: 'get' | 'put', bytes: number): Promise<number> {
    const socket = await dial(port)
    const startedAt = performance.now()
    ask(socket, direction, bytes)
    if (direction === 'get') await receive(socket, bytes)
    else {
      await send(socket, bytes)
      await once(socket, 'data')
    }
    const ms = performance.now() - startedAt
    socket.destroy()
    return ms
  },

  /** Milliseconds of a round trip on an open connection. */
  async roundTrip(port: number): Promise<number> {
    const socket = await dial(port)
    const startedAt = performance.now()
    ask(socket, 'ping', 0)
    await once(socket, 'data')
    const ms = performance.now() - startedAt
    socket.destroy()
    return ms
  },

  /** Opens `count` connections, `atOnce` at a time, and holds them. */
  async holdIdle(port: number, count: number, atOnce: number): Promise<void> {
    let started = 0
    const open = async () => {
      while (started < count) {
        started += 1
        const socket = await dial(port)
        ask(socket, 'hold', 0)
        held.push(socket)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, open))
  },
}

export type TlsPumpMethods = typeof methods

serveMethods(methods)
