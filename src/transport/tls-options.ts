/** What both sides of every TLS connection agree on. */
import { constants } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { TlsFacts } from './transport.js'

/**
 * The one suite used with pre-shared keys (docs/protocol.md, section 8.1): Node's PSK callbacks make keys for SHA-256 only.
 *
 * @internal
 */
export const PSK_CIPHERS = 'TLS_AES_128_GCM_SHA256'

/** The suites of TLS 1.3 that are used with certificates, by preference. @internal */
export const CIPHERS = `${PSK_CIPHERS}:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256`

/** Milliseconds in which a peer has to finish TLS. @internal */
export const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000

/**
 * TLS 1.3 and nothing older; no session tickets that hold keys. OpenSSL still sends tickets that point at a session cache
 * of the listener; there is none (no 'resumeSession' listener), so a session is never resumed.
 *
 * @internal
 */
export const TLS_BASE = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const

/** The facts of an established TLS connection. @internal */
export function tlsFacts(
  socket: TLSSocket,
  proved: { isPsk: boolean; pskIdentity?: string | undefined; fingerprint?: string | undefined },
): TlsFacts {
  return {
    ...proved,
    // An empty context: in TLS 1.3 the same as none (RFC 8446 section 7.5), which RFC 9266 asks for.
    exportKeyingMaterial: (length, label) => socket.exportKeyingMaterial(length, label, Buffer.alloc(0)),
  }
}
