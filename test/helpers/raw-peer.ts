/** The far end of a Connection as bare frames: says exactly what a test spells, honest or not, and reads only when told to. */
import type { Duplex } from 'node:stream'
import type { IncomingOpen } from '../../src/connection/channel-handler.js'
import { Connection } from '../../src/connection/connection.js'
import type { ConnectionHooks, ConnectionOptions } from '../../src/connection/connection-options.js'
import type { ConnectionError } from '../../src/errors.js'
import { memoryPair } from '../../src/transport/memory-pair.js'
import type { Transport } from '../../src/transport/transport.js'
import { frames, type TypeName } from './frames.js'
import { gate } from './gate.js'
import { concat } from './hex.js'
import { type NaiveFrame, parseFrames } from './naive-frames.js'

export class RawPeer {
  /** Every frame that came. */
  readonly seen: NaiveFrame[] = []
  readonly #stream: Duplex
  #rest: Uint8Array = new Uint8Array(0)
  /** Index of the first frame that `next` has not given yet. */
  #unread = 0
  #wake = gate<void>()
  #hasEnded = false

  constructor(stream: Duplex) {
    this.#stream = stream
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
    stream.on('close', () => this.#end())
    stream.on('end', () => this.#end())
  }

  /** Writes all parts as one chunk. */
  send(...parts: readonly Uint8Array[]): void {
    this.#stream.write(Buffer.from(concat(...parts)))
  }

  /** Writes and waits until it was taken; false when the other end did not take it. */
  async sendAll(...parts: readonly Uint8Array[]): Promise<boolean> {
    const taken = gate<boolean>()
    this.#stream.write(Buffer.from(concat(...parts)), (error) => taken.open(error == null))
    return taken.promise
  }

  /** The next frame of this type; frames of others before it are skipped. Throws when the stream ends first. */
  async next(name: TypeName): Promise<NaiveFrame> {
    for (;;) {
      const frame = this.seen[this.#unread]
      if (frame !== undefined) {
        this.#unread += 1
        if (frame.name === name) return frame
      } else if (this.#hasEnded) throw new Error(`the stream ended before a ${name} came`)
      else await this.#wake.promise
    }
  }

  /** Names of all frames that came, without what keepalive adds. */
  get names(): string[] {
    return this.seen.map(({ name }) => name).filter((name) => name !== 'PING' && name !== 'PONG')
  }

  /** Settles when nothing more will come. */
  async ended(): Promise<void> {
    while (!this.#hasEnded) await this.#wake.promise
  }

  stopReading(): void {
    this.#stream.pause()
  }

  goOnReading(): void {
    this.#stream.resume()
  }

  end(): void {
    this.#stream.end()
  }

  destroy(): void {
    this.#stream.destroy()
  }

  #take(chunk: Uint8Array): void {
    const bytes = concat(this.#rest, chunk)
    const { frames: whole, used } = parseFrames(bytes)
    this.seen.push(...whole)
    this.#rest = bytes.subarray(used)
    this.#signal()
  }

  #end(): void {
    this.#hasEnded = true
    this.#signal()
  }

  #signal(): void {
    this.#wake.open()
    this.#wake = gate<void>()
  }
}

export interface RawOptions {
  /** What the Connection is; the peer is the other. */
  readonly role?: 'client' | 'server'
  readonly options?: Partial<ConnectionOptions>
  readonly hooks?: Partial<ConnectionHooks>
  /** The peer's end, then the Connection's. */
  readonly transports?: readonly [peer: Transport, connection: Transport]
}

export interface RawSetup {
  readonly connection: Connection
  readonly peer: RawPeer
  readonly internalErrors: unknown[]
  /** OPENs that reached the Connection's owner. */
  readonly opens: IncomingOpen[]
  /** Settles when the Connection has ended. */
  readonly ended: Promise<ConnectionError | undefined>
  endedTimes(): number
}

/** A Connection whose peer has said nothing yet. */
export function rawSetup({
  role = 'server',
  options = {},
  hooks = {},
  transports,
}: RawOptions = {}): RawSetup {
  const [far, near] = transports ?? memoryPair()
  const internalErrors: unknown[] = []
  const opens: IncomingOpen[] = []
  const ended = gate<ConnectionError | undefined>()
  let times = 0
  const connection = new Connection(
    near,
    { role, agent: 'test', ...options },
    {
      onAuthenticate: async () => true,
      onOpen: (open) => void opens.push(open),
      onInternalError: (error) => void internalErrors.push(error),
      ...hooks,
      onEnded: (error) => {
        times += 1
        hooks.onEnded?.(error)
        ended.open(error)
      },
    },
  )
  const peer = new RawPeer(far.stream)
  return { connection, peer, internalErrors, opens, ended: ended.promise, endedTimes: () => times }
}

/** A Connection that is authenticated with its peer. */
export async function rawConnected(setup: RawOptions = {}): Promise<RawSetup> {
  const raw = rawSetup(setup)
  if (setup.role === 'client') {
    raw.peer.send(frames.hello('server'))
    const authenticated = raw.connection.authenticate({ method: 'token', user: 'test', token: 'x' })
    await raw.peer.next('AUTH')
    raw.peer.send(frames.authOk())
    await authenticated
  } else {
    raw.peer.send(frames.hello('client'), frames.auth())
    await raw.peer.next('AUTH')
  }
  return raw
}
