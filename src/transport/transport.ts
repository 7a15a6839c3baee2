/**
 * The one seam between fake-ssh and how bytes travel. TLS over TCP, unix sockets and the in-memory pair
 * implement it; anything that can give a Duplex can.
 */
import type { Duplex } from 'node:stream'

/** How the peer is reached. @public */
export interface PeerAddress {
  /** `memory` is that of `fake-ssh/testing`. */
  readonly kind: 'tcp' | 'unix' | 'memory'
  /** `host:port`, the socket path, or `memory`. For messages and events. */
  readonly label: string
  /** IP address of the peer, where there is one. */
  readonly address?: string | undefined
  /** TCP port of the peer, where there is one. */
  readonly port?: number | undefined
}

/** What TLS proved about this connection. */
export interface TlsFacts {
  /** The identity whose pre-shared key both sides proved (RFC 8446 section 4.2.11), on the listening side. */
  readonly pskIdentity?: string | undefined
  /** True when this connection was made by a pre-shared key, so both sides proved it and no certificate was used. */
  readonly isPsk: boolean
  /** `SHA256:…` of the server's SubjectPublicKeyInfo, on the dialling side, where there was a certificate. */
  readonly fingerprint?: string | undefined
  /** RFC 8446 section 7.5 exporter, for channel binding (RFC 9266). */
  exportKeyingMaterial(length: number, label: string): Uint8Array
}

/** An established byte stream to one peer, with the peer's identity already verified where there is one to verify. */
export interface Transport {
  readonly stream: Duplex
  /**
   * Sets who takes the bytes, in memory that is used for others after each call, and starts them. Absent: by 'data' events of the stream.
   */
  readonly setReceiver?: ((receiver: (bytes: Uint8Array) => void) => void) | undefined
  /** Which side made the connection. Decides channel numbering only, not who serves. */
  readonly side: 'dialer' | 'listener'
  readonly peer: PeerAddress
  /** Undefined on plain transports, which exist only for unix sockets and in-memory pairs. */
  readonly tls?: TlsFacts | undefined
}
