/**
 * The TCP connections whose TLS handshake is not finished: holds each to an absolute time and all to a number, and reports
 * each that fails exactly once.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { ConnectionError, type FakeSshError } from '../errors.js'
import { tcpPeer } from './peer-label.js'
import { systemError } from './system-error.js'
import { acceptError, handshakeTimeout } from './tls-errors.js'
import type { PeerAddress } from './transport.js'

interface Handshake {
  readonly raw: Socket
  readonly peer: PeerAddress
  readonly timer: NodeJS.Timeout
  readonly onClose: () => void
  /** Why it fails, once that is known. */
  error: FakeSshError | undefined
}

/**
 * Node tells of a connection twice, as the raw socket at first and as the TLS socket in the end, and does not say which
 * belongs to which. Their addresses do: two live connections differ in at least one of the four. Once the peer is gone the TLS
 * socket has no addresses any more, so the raw socket's 'close' is what ends an entry, with the reason known by then.
 *
 * @internal
 */
export class PendingHandshakes {
  readonly #entries = new Map<string, Handshake>()
  readonly #max: number
  readonly #timeoutMs: number
  readonly #report: (error: FakeSshError, peer: PeerAddress) => void
  #isClosed = false
  #nameless = 0

  constructor(max: number, timeoutMs: number, report: (error: FakeSshError, peer: PeerAddress) => void) {
    this.#max = max
    this.#timeoutMs = timeoutMs
    this.#report = report
  }

  /** A TCP connection was accepted. */
  add(raw: Socket): void {
    // TLS listens for errors itself; this is for what comes after it let go.
    raw.on('error', () => {})
    const peer = tcpPeer(raw.remoteAddress, raw.remotePort)
    if (this.#entries.size >= this.#max) this.#dropOne()
    // A peer that is gone already has no address; its entry only waits for 'close'.
    const key = keyOf(raw) ?? `nameless ${this.#nameless++}`
    const timer = setTimeout(
      () => this.#drop(entry, handshakeTimeout(peer.label, this.#timeoutMs)),
      this.#timeoutMs,
    )
    const onClose = () => {
      clearTimeout(timer)
      if (this.#entries.get(key) === entry) this.#entries.delete(key)
      const vanished = () =>
        acceptError(systemError('ECONNRESET', 'the peer closed the connection'), peer.label)
      this.#report(entry.error ?? vanished(), peer)
    }
    const entry: Handshake = { raw, peer, timer, onClose, error: undefined }
    this.#entries.set(key, entry)
    raw.once('close', onClose)
    if (this.#isClosed) this.#drop(entry, closed())
  }

  /** TLS says why it fails; Node destroys the socket then. */
  explain(socket: Socket, error: unknown): void {
    const entry = this.#entries.get(keyOf(socket) ?? '')
    if (entry !== undefined) entry.error ??= acceptError(error, entry.peer.label)
  }

  /** TLS is established. Returns the peer, or undefined when it came too late or the peer is gone already. */
  finish(socket: Socket): PeerAddress | undefined {
    const key = keyOf(socket) ?? ''
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.error !== undefined) return undefined
    this.#entries.delete(key)
    clearTimeout(entry.timer)
    entry.raw.off('close', entry.onClose)
    return entry.peer
  }

  /** Drops all, and from now on everything that still comes. Resolves once they are closed. */
  async dropAll(): Promise<void> {
    this.#isClosed = true
    const open = [...this.#entries.values()]
    const gone = open.map((entry) => once(entry.raw, 'close'))
    for (const entry of open) this.#drop(entry, closed())
    await Promise.all(gone)
  }

  /** At random, so that whoever fills the table loses most, and one who means it gets in by trying again. */
  #dropOne(): void {
    let index = Math.floor(Math.random() * this.#entries.size)
    for (const entry of this.#entries.values()) {
      if (index-- > 0) continue
      const message = `more than ${this.#max} unfinished handshakes (maxHandshakes)`
      this.#drop(entry, new ConnectionError('ERR_FAKESSH_LIMIT', message, { host: entry.peer.label }))
      return
    }
  }

  #drop(entry: Handshake, error: FakeSshError): void {
    entry.error ??= error
    entry.raw.destroy()
  }
}

function closed(): FakeSshError {
  return new ConnectionError('ERR_FAKESSH_CLOSED', 'the server was closed during the handshake')
}

function keyOf(socket: Socket): string | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket
  if (remoteAddress === undefined) return undefined
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}
