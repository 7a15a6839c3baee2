/**
 * A TCP forwarder that holds everything back for a while in each direction, as a long line does, without limiting the rate: what is
 * on the way is bounded only so that a sender cannot fill the memory while the receiver sleeps.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { serveMethods } from './serve-methods.js'

/** 25 ms of more than 4 GB/s. */
const MAX_HELD_BYTES = 134_217_728

interface Held {
  readonly chunk: Buffer
  readonly dueAt: number
}

/** One direction of one connection. */
function forward(from: Socket, to: Socket, delayMs: number): void {
  const held: Held[] = []
  let heldBytes = 0
  let timer: NodeJS.Timeout | undefined
  let isBlocked = false
  let isEnded = false

  const deliver = () => {
    timer = undefined
    const now = performance.now()
    to.cork()
    for (let first = held[0]; first !== undefined && first.dueAt <= now && !isBlocked; first = held[0]) {
      held.shift()
      heldBytes -= first.chunk.length
      if (!to.write(first.chunk)) isBlocked = to.writableLength > MAX_HELD_BYTES
    }
    to.uncork()
    if (from.isPaused() && heldBytes + to.writableLength < MAX_HELD_BYTES) from.resume()
    schedule()
  }
  const schedule = () => {
    const first = held[0]
    if (first !== undefined) timer ??= setTimeout(deliver, Math.max(1, first.dueAt - performance.now()))
    else if (isEnded) to.end()
  }

  from.on('data', (chunk) => {
    held.push({ chunk, dueAt: performance.now() + delayMs })
    heldBytes += chunk.length
    if (heldBytes + to.writableLength > MAX_HELD_BYTES) from.pause()
    schedule()
  })
  to.on('drain', () => {
    isBlocked = false
    deliver()
  })
  from.on('end', () => {
    isEnded = true
    schedule()
  })
  // Whichever side breaks, the other hears of it; what was held is lost, as on a line.
  from.on('error', () => to.destroy())
  from.on('close', () => clearTimeout(timer))
}

const methods = {
  /** Forwards to a port of this machine. `delayMs` is added each way. */
  async listen(targetPort: number, delayMs: number): Promise<{ port: number }> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
      forward(near, far, delayMs)
      forward(far, near, delayMs)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { port: (server.address() as AddressInfo).port }
  },
}

export type DelayProxyMethods = typeof methods

serveMethods(methods)
