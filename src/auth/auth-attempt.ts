/** What a client offers to prove who it is, taken out of an AUTH frame without trusting its shape. */
import type { AuthRequest } from '../protocol/messages.js'
import type { PeerAddress, Transport } from '../transport/transport.js'

/** One AUTH. @public */
export interface AuthAttempt {
  /** `psk`: TLS proved the key of `pskIdentity`. `token`, `password`: the credential came over a verified transport. */
  readonly method: 'psk' | 'token' | 'password' | (string & {})
  /** The user the client wants to be. Chosen by the peer: escape it before showing it. */
  readonly user: string
  /** What the client sent, for the method `token`. */
  readonly token?: string | undefined
  /** What the client sent, for the method `password`. */
  readonly password?: string | undefined
  /** The identity whose key TLS proved on this connection, if any. */
  readonly pskIdentity?: string | undefined
  /** Where the client connects from. */
  readonly peer: PeerAddress
}

/** The attempt in an AUTH. What is not text is left out; what TLS proved comes from the transport, never from the peer. @internal */
export function attemptFrom(request: AuthRequest, transport: Transport): AuthAttempt {
  return {
    method: request.method,
    user: request.user,
    token: text(request.token),
    password: text(request.password),
    pskIdentity: transport.tls?.isPsk === true ? transport.tls.pskIdentity : undefined,
    peer: transport.peer,
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
