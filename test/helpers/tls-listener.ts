// A real listener on a free port of the loopback, that collects what becomes of its connections and closes with the test.
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { FakeSshError } from '../../src/errors.js'
import type { Psk } from '../../src/transport/tls-dial.js'
import { listenTls, type TlsListener, type TlsListenOptions } from '../../src/transport/tls-listen.js'
import type { PeerAddress, Transport } from '../../src/transport/transport.js'

interface HandshakeFailure {
  readonly error: FakeSshError
  readonly peer: PeerAddress
}

/** Values that arrive one by one, and can be waited for. */
export class Arrivals<T> {
  readonly all: T[] = []
  readonly #waiting: ((value: T) => void)[] = []
  #taken = 0

  push(value: T): void {
    this.all.push(value)
    const waiter = this.#waiting.shift()
    if (waiter !== undefined) {
      this.#taken++
      waiter(value)
    }
  }

  /** The next one that no earlier call got. */
  next(): Promise<T> {
    const value = this.all[this.#taken]
    if (this.#taken < this.all.length) {
      this.#taken++
      return Promise.resolve(value as T)
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

export interface TestListener extends TlsListener {
  readonly transports: Arrivals<Transport>
  readonly failures: Arrivals<HandshakeFailure>
}

export const KNOWN: Psk = { identity: 'c0ffee00c0ffee00c0ffee00c0ffee00', key: randomBytes(32) }

export function lookup(identity: string): Uint8Array | undefined {
  return identity === KNOWN.identity ? KNOWN.key : undefined
}

export async function startListener(options: Partial<TlsListenOptions>): Promise<TestListener> {
  const transports = new Arrivals<Transport>()
  const failures = new Arrivals<HandshakeFailure>()
  const listener = await listenTls({
    host: '127.0.0.1',
    port: 0,
    onTransport: (transport) => transports.push(transport),
    onHandshakeError: (error, peer) => failures.push({ error, peer }),
    ...options,
  })
  onTestFinished(async () => {
    for (const { stream } of transports.all) stream.destroy()
    await listener.close()
  })
  return { ...listener, transports, failures }
}

/** A raw TCP connection to a listener. */
export async function rawConnection(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await new Promise((resolve) => socket.once('connect', resolve))
  return socket
}

/** Resolves when a stream is closed, however that came about. */
export function closed(stream: { closed: boolean; once(event: 'close', listener: () => void): unknown }) {
  return new Promise<void>((resolve) => {
    if (stream.closed) resolve()
    else stream.once('close', resolve)
  })
}
