/**
 * Dials TLS 1.3 over TCP and verifies the listener before anything can be written to it. There is no way to dial without
 * verifying.
 */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, connect, type TLSSocket } from 'node:tls'
import { ConnectionError, FakeSshError, invalidArgument } from '../errors.js'
import { MAX_TIMEOUT_MS } from '../options.js'
import { isFingerprint, sameFingerprint, spkiFingerprint } from './fingerprint.js'
import { hostAndPort } from './peer-label.js'
import { SharedReadBuffer } from './shared-read-buffer.js'
import { dialError, handshakeTimeout, identityError, pskRefused, type TlsTrust } from './tls-errors.js'
import { CIPHERS, DEFAULT_HANDSHAKE_TIMEOUT_MS, PSK_CIPHERS, TLS_BASE, tlsFacts } from './tls-options.js'
import type { Transport } from './transport.js'
import { whenReady } from './when-ready.js'

/** A pre-shared key and the name it goes by (docs/protocol.md, section 8.1). */
export interface Psk {
  readonly identity: string
  /** 32 bytes. */
  readonly key: Uint8Array
}

/** One or more certificates of authorities, as PEM. */
export type CertificateAuthorities = string | Uint8Array | readonly (string | Uint8Array)[]

/**
 * Where to dial, and how to know the listener. At most one of `psk`, `fingerprint` and `ca` is given; with none of them the
 * certificate has to be from an authority that Node trusts.
 *
 * @internal
 */
export interface TlsDialOptions {
  readonly host: string
  readonly port: number
  /** Both sides prove this key; every certificate is refused. */
  readonly psk?: Psk | undefined
  /** `SHA256:…` of the listener's key; nothing else about its certificate is looked at. */
  readonly fingerprint?: string | undefined
  /** Trusted authorities, in place of those of Node. */
  readonly ca?: CertificateAuthorities | undefined
  /** The name that the certificate has to be for, and that is sent as SNI. Default: `host`. */
  readonly servername?: string | undefined
  /** Milliseconds for name look-up, TCP and TLS together. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Resolves once the listener is verified. Rejects with `signal.reason`, or with `ERR_FAKESSH_CONNECT_FAILED`,
 * `ERR_FAKESSH_SERVER_IDENTITY`, `ERR_FAKESSH_AUTH_FAILED` (the key was refused), `ERR_FAKESSH_HANDSHAKE_TIMEOUT` (TCP was
 * there, TLS did not come) or `ERR_FAKESSH_INVALID_ARG`. A socket is never left behind.
 *
 * @internal
 */
export async function dialTls(options: TlsDialOptions): Promise<Transport> {
  const trust = checkOptions(options)
  const { host, port, signal, connectTimeoutMs: timeoutMs = DEFAULT_HANDSHAKE_TIMEOUT_MS } = options
  signal?.throwIfAborted()
  const label = hostAndPort(host, port)
  let socket: TLSSocket
  const reading = new SharedReadBuffer()
  try {
    socket = connect({ host, port, ...TLS_BASE, ...trustOptions(options, trust, label), ...reading.option })
  } catch (error) {
    if (FakeSshError.is(error)) throw error
    throw new FakeSshError('ERR_FAKESSH_INVALID_ARG', 'connect: the TLS options were not accepted', {
      cause: error,
    })
  }
  let isTcpConnected = false
  socket.once('connect', () => {
    isTcpConnected = true
  })
  let fingerprint: string | undefined
  await whenReady(
    socket,
    { timeoutMs, signal },
    {
      event: 'secureConnect',
      verify: () => {
        fingerprint = verifyListener(socket, options, trust, label)
      },
      timeoutError: () =>
        isTcpConnected
          ? handshakeTimeout(label, timeoutMs)
          : new ConnectionError(
              'ERR_FAKESSH_CONNECT_FAILED',
              `cannot connect to ${label}: no answer within ${timeoutMs} ms`,
              { op: 'connect', host: label },
            ),
      translate: (error) => dialError(error, label, trust),
    },
  )
  socket.setNoDelay(true)
  const { remoteAddress: address, remotePort } = socket
  return {
    stream: socket,
    setReceiver: (receiver) => {
      reading.setReceiver(receiver)
      // Where `onread` is not known, bytes come as on every stream.
      socket.on('data', receiver)
    },
    side: 'dialer',
    peer: { kind: 'tcp', label, address, port: remotePort },
    tls: tlsFacts(socket, { isPsk: trust === 'psk', pskIdentity: options.psk?.identity, fingerprint }),
  }
}

function checkOptions(options: TlsDialOptions): TlsTrust {
  const { host, port, psk, fingerprint, ca, servername, connectTimeoutMs } = options
  if (typeof host !== 'string' || host === '')
    throw invalidArgument('connect: host', 'a host name or address', host)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw invalidArgument('connect: port', 'an integer from 1 to 65535', port)
  }
  if (servername !== undefined && (typeof servername !== 'string' || servername === '')) {
    throw invalidArgument('connect: servername', 'a host name', servername)
  }
  if (
    connectTimeoutMs !== undefined &&
    !(Number.isInteger(connectTimeoutMs) && connectTimeoutMs >= 1 && connectTimeoutMs <= MAX_TIMEOUT_MS)
  ) {
    throw invalidArgument(
      'connect: connectTimeoutMs',
      `an integer from 1 to ${MAX_TIMEOUT_MS}`,
      connectTimeoutMs,
    )
  }
  if ([psk, fingerprint, ca].filter((given) => given !== undefined).length > 1) {
    throw invalidArgument('connect', 'at most one of a pre-shared key, fingerprint and ca', options)
  }
  if (psk !== undefined) return 'psk'
  if (fingerprint === undefined) return 'ca'
  if (!isFingerprint(fingerprint)) {
    throw invalidArgument('connect: fingerprint', "'SHA256:' and 43 characters of base64", fingerprint)
  }
  return 'fingerprint'
}

function trustOptions(options: TlsDialOptions, trust: TlsTrust, label: string): ConnectionOptions {
  const { host, psk, ca, servername = host } = options
  if (trust === 'psk' && psk !== undefined) {
    return {
      ciphers: PSK_CIPHERS,
      // Whatever is sent as SNI is not protected, and no certificate has to be chosen by it.
      servername: '',
      // An empty list, so not even the authorities of Node are trusted. And should they be: any certificate at all means
      // that the listener has not proved the key, though a man in the middle may hold one that is trusted.
      ca: [],
      rejectUnauthorized: true,
      checkServerIdentity: () => identityError(label, 'certificate', 'psk'),
      pskCallback: () => ({ identity: psk.identity, psk: psk.key }),
    }
  }
  const sni = isIP(servername) === 0 ? { servername } : {}
  // The pinned key is compared in verifyListener(); what X.509 says of the certificate does not matter.
  if (trust === 'fingerprint') return { ciphers: CIPHERS, ...sni, rejectUnauthorized: false }
  return {
    ciphers: CIPHERS,
    ...sni,
    ...(ca === undefined ? {} : { ca: authorities(ca) }),
    // Said outright, because NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would change the default.
    rejectUnauthorized: true,
    checkServerIdentity: (_name, certificate) => checkServerIdentity(servername, certificate),
  }
}

function authorities(ca: CertificateAuthorities): (string | Buffer)[] {
  const list: readonly (string | Uint8Array)[] =
    typeof ca === 'string' || ca instanceof Uint8Array ? [ca] : ca
  // OpenSSL ignores what it cannot read, and would then trust nobody without saying why.
  if (list.length === 0 || !list.every(isPemCertificate)) {
    throw invalidArgument('connect: ca', 'certificates of authorities, as PEM', ca)
  }
  return list.map((one) => (typeof one === 'string' ? one : Buffer.from(one)))
}

function isPemCertificate(pem: string | Uint8Array): boolean {
  try {
    return Buffer.from(pem).includes('-----BEGIN ') && new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

/** The last word, after TLS is done and before the socket is handed out. Returns the fingerprint of a certificate. */
function verifyListener(
  socket: TLSSocket,
  options: TlsDialOptions,
  trust: TlsTrust,
  label: string,
): string | undefined {
  const certificate = socket.getPeerX509Certificate()
  if (trust === 'psk') {
    if (certificate !== undefined) throw identityError(label, 'certificate', 'psk')
    // No session was offered, so what was "reused" is the key: both sides have proved it.
    if (!socket.isSessionReused()) throw pskRefused(label)
    return undefined
  }
  if (certificate === undefined || socket.isSessionReused())
    throw identityError(label, 'it showed no certificate', trust)
  const fingerprint = spkiFingerprint(certificate)
  if (trust === 'fingerprint' && !sameFingerprint(fingerprint, options.fingerprint ?? '')) {
    throw identityError(label, `its fingerprint is ${fingerprint}, not ${options.fingerprint}`, trust)
  }
  if (trust === 'ca' && !socket.authorized) {
    throw identityError(label, String(socket.authorizationError), trust)
  }
  return fingerprint
}
