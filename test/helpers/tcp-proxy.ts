/** A TCP proxy that keeps what passes, and cuts a connection at a byte of either direction. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Direction } from './intercepted-pair.js'

export interface Cut {
  readonly direction: Direction
  /** Bytes of that direction that still pass. */
  readonly afterBytes: number
  /** `end`: FIN to both sides; `reset`: RST to both. */
  readonly how: 'end' | 'reset'
}

export interface TcpProxy {
  readonly port: number
  /** What the connections from now on are cut at; undefined lets them live. */
  cut: Cut | undefined
  /** Everything that passed of the latest connection. */
  readonly passed: { readonly up: Buffer; readonly down: Buffer }
  /** Cuts every connection there is. */
  cutNow(how: Cut['how']): void
  /** Takes in and gives out nothing any more, but leaves the connections up: a peer that has vanished. */
  freeze(): void
}

export async function tcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let passed: { up: Buffer[]; down: Buffer[] } = { up: [], down: [] }
  const end = (how: Cut['how']) => {
    for (const socket of sockets) {
      if (how === 'reset') reset(socket)
      else socket.destroy()
    }
  }
  const proxy: TcpProxy = {
    port: 0,
    cut: undefined,
    get passed() {
      return { up: Buffer.concat(passed.up), down: Buffer.concat(passed.down) }
    },
    cutNow: end,
    freeze: () => {
      for (const socket of sockets) socket.pause()
    },
  }
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: targetPort })
    const { cut } = proxy
    const kept = { up: [] as Buffer[], down: [] as Buffer[] }
    passed = kept
    const both = [near, far]
    const sever = () => {
      for (const socket of both) {
        if (cut?.how === 'reset') reset(socket)
        else socket.destroySoon()
      }
    }
    const carry = (from: Socket, to: Socket, direction: Direction) => {
      let room = cut?.direction === direction ? cut.afterBytes : Number.POSITIVE_INFINITY
      from.on('data', (chunk) => {
        const part = chunk.length < room ? chunk : chunk.subarray(0, room)
        room -= part.length
        kept[direction].push(part)
        // What was let through is to arrive before the cut does.
        if (!to.write(part, room === 0 ? sever : undefined)) {
          from.pause()
          to.once('drain', () => from.resume())
        }
      })
      from.on('end', () => to.end())
      from.on('error', () => {})
      from.on('close', () => to.destroy())
      sockets.add(from)
      from.once('close', () => sockets.delete(from))
    }
    near.setNoDelay(true)
    far.setNoDelay(true)
    carry(near, far, 'up')
    carry(far, near, 'down')
    if (cut?.afterBytes === 0) sever()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    end('end')
    server.close()
  })
  return Object.assign(proxy, { port: (server.address() as AddressInfo).port })
}

/**
 * Node cannot reset a socket whose own end is on its way: it then never closes the handle, and a worker thread that has one such
 * spins for ever when it is to end.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded || socket.destroyed) socket.destroy()
  else socket.resetAndDestroy()
}
