/**
 * Listens for TLS 1.3 over TCP, with pre-shared keys, a certificate, or both on one port. Hands out established
 * transports; bounds and reports everything that does not become one.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { FakeSshError, invalidArgument } from '../errors.js'
import { MAX_TIMEOUT_MS } from '../options.js'
import { spkiFingerprint } from './fingerprint.js'
import { hostAndPort, tcpPeer } from './peer-label.js'
import { PendingHandshakes } from './pending-handshakes.js'
import { releasingReceiver } from './releasing-receiver.js'
import { acceptError, listenError } from './tls-errors.js'
import { CIPHERS, DEFAULT_HANDSHAKE_TIMEOUT_MS, TLS_BASE, tlsFacts } from './tls-options.js'
import type { PeerAddress, Transport } from './transport.js'

/** Handshakes in progress at once; above it, one at random is dropped. */
const DEFAULT_MAX_HANDSHAKES = 512

/** @internal */
export interface TlsListenOptions {
  /** Address to listen on. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** The key of an identity, or undefined when nobody has it. Absent: pre-shared keys are not taken. */
  readonly pskLookup?: ((identity: string) => Uint8Array | undefined) | undefined
  /** Private key and certificate chain, as PEM; both or neither. */
  readonly key?: string | Uint8Array | undefined
  readonly cert?: string | Uint8Array | undefined
  /** Milliseconds from the TCP connection to the end of the handshake, whatever arrives meanwhile. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined
  /** Handshakes in progress at once. Default 512. */
  readonly maxHandshakes?: number | undefined
  /** Takes over an established transport. Must not throw. */
  readonly onTransport: (transport: Transport) => void
  /** Called once for each TCP connection that did not become a transport. Must not throw. */
  readonly onHandshakeError: (error: FakeSshError, peer: PeerAddress) => void
}

/** @internal */
export interface TlsListener {
  readonly host: string
  readonly port: number
  /** `SHA256:…` of the certificate's key, where there is a certificate. */
  readonly fingerprint: string | undefined
  /** Takes no more connections and drops unfinished handshakes; established transports are their owner's. Idempotent. */
  close(): Promise<void>
}

/**
 * Resolves once listening.
 *
 * @throws `ERR_FAKESSH_INVALID_ARG`, or the POSIX code of the failure, such as `EADDRINUSE`.
 * @internal
 */
export async function listenTls(options: TlsListenOptions): Promise<TlsListener> {
  checkOptions(options)
  const { host, port, onTransport, onHandshakeError } = options
  const identities = new WeakMap<TLSSocket, Identity>()
  const { server, fingerprint } = makeServer(options, identities)
  const pending = new PendingHandshakes(
    options.maxHandshakes ?? DEFAULT_MAX_HANDSHAKES,
    options.handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS,
    onHandshakeError,
  )
  server.on('connection', (raw) => pending.add(raw))
  server.on('tlsClientError', (error, socket) => pending.explain(socket, error))
  server.on('secureConnection', (socket) => {
    // Until its owner listens, an error must not end the process; 'close' follows it.
    socket.on('error', () => {})
    const peer = pending.finish(socket)
    if (peer === undefined) {
      socket.destroy()
      return
    }
    socket.setNoDelay(true)
    const pskIdentity = provedIdentity(socket, identities.get(socket))
    onTransport({
      stream: socket,
      setReceiver: releasingReceiver(socket),
      side: 'listener',
      peer,
      tls: tlsFacts(socket, { isPsk: pskIdentity !== undefined, pskIdentity }),
    })
  })

  server.listen({ host, port })
  try {
    await once(server, 'listening')
  } catch (error) {
    throw listenError(error, hostAndPort(host, port))
  }
  // Such as EMFILE when accepting: the listener lives on.
  server.on('error', (error) =>
    onHandshakeError(acceptError(error, 'unknown'), tcpPeer(undefined, undefined)),
  )
  const bound = server.address() as AddressInfo
  return {
    host: bound.address,
    port: bound.port,
    fingerprint,
    close: async () => {
      // Closes the listening socket at once. Its callback would wait for the established connections too.
      server.close()
      await pending.dropAll()
    },
  }
}

/** What a client named while its handshake was going on; proved only once the handshake is over. */
interface Identity {
  readonly name: string
  /** The client named another one as well. */
  isAmbiguous: boolean
}

function makeServer(options: TlsListenOptions, identities: WeakMap<TLSSocket, Identity>) {
  const { pskLookup, key, cert, handshakeTimeoutMs = DEFAULT_HANDSHAKE_TIMEOUT_MS } = options
  const pskCallback = (socket: TLSSocket, name: string): Uint8Array => {
    // Made whether it is needed or not: an unknown identity is to fail as a wrong key does, at the same point.
    const random = randomBytes(32)
    const known = pskLookup?.(name)
    const before = identities.get(socket)
    if (before !== undefined && before.name !== name) before.isAmbiguous = true
    else if (known !== undefined) identities.set(socket, { name, isAmbiguous: false })
    return known ?? random
  }
  try {
    const server: Server = createServer({
      ...TLS_BASE,
      ciphers: CIPHERS,
      // Node's own bound starts again with each byte. Ours (PendingHandshakes) does not, and comes first.
      handshakeTimeout: Math.min(handshakeTimeoutMs + 1000, MAX_TIMEOUT_MS),
      ...(pskLookup === undefined ? {} : { pskCallback }),
      ...(key === undefined || cert === undefined ? {} : { key: pem(key), cert: pem(cert) }),
    })
    return { server, fingerprint: cert === undefined ? undefined : spkiFingerprint(cert) }
  } catch (error) {
    const message = 'listen: key and cert: expected a private key and its certificate, as PEM'
    throw new FakeSshError('ERR_FAKESSH_INVALID_ARG', message, { op: 'listen', cause: error })
  }
}

/**
 * The identity whose key the handshake rested on, if it did. Naming an identity proves nothing: a client that offers only a
 * suite of another hash (TLS_AES_256_GCM_SHA384) has its identity looked up, after which OpenSSL sets the key aside and goes on
 * with the certificate. A handshake is a "reused session" only when a key was used, and sessions proper are never resumed.
 */
function provedIdentity(socket: TLSSocket, identity: Identity | undefined): string | undefined {
  if (identity === undefined || identity.isAmbiguous || !socket.isSessionReused()) return undefined
  return identity.name
}

function checkOptions(options: TlsListenOptions): void {
  const { host, port, pskLookup, key, cert, handshakeTimeoutMs = 1, maxHandshakes = 1 } = options
  if (typeof host !== 'string' || host === '') throw invalidArgument('listen: host', 'an address', host)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw invalidArgument('listen: port', 'an integer from 0 to 65535', port)
  }
  if ((key === undefined) !== (cert === undefined)) {
    throw new FakeSshError('ERR_FAKESSH_INVALID_ARG', 'listen: expected both key and cert, or neither')
  }
  if (pskLookup === undefined && cert === undefined) {
    throw invalidArgument('listen', 'pre-shared keys or a certificate', undefined)
  }
  if (
    !Number.isInteger(handshakeTimeoutMs) ||
    handshakeTimeoutMs < 1 ||
    handshakeTimeoutMs > MAX_TIMEOUT_MS
  ) {
    throw invalidArgument(
      'listen: handshakeTimeoutMs',
      `an integer from 1 to ${MAX_TIMEOUT_MS}`,
      handshakeTimeoutMs,
    )
  }
  if (!Number.isInteger(maxHandshakes) || maxHandshakes < 1) {
    throw invalidArgument('listen: maxHandshakes', 'an integer of at least 1', maxHandshakes)
  }
}

function pem(text: string | Uint8Array): string | Buffer {
  return typeof text === 'string' ? text : Buffer.from(text)
}
