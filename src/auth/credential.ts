/** The client's side of authentication: which method its options mean, and what it sends. */
import { FakeSshError, invalidArgument } from '../errors.js'
import type { JsonObject } from '../protocol/messages.js'
import type { Psk } from '../transport/tls-dial.js'
import type { Transport } from '../transport/transport.js'
import { checkToken, pskFromToken } from './token.js'
import { checkUserName } from './user-options.js'

/** One way to prove who the client is. */
export interface Credential {
  readonly method: string
  readonly user: string
  /** The key for `dialTls`, when the token is proved by TLS itself. */
  readonly psk?: Psk | undefined
  /** The payload of AUTH for this connection. @throws `ERR_FAKESSH_SERVER_IDENTITY` when nothing may be sent over it. */
  authRequest(transport: Transport): JsonObject | Promise<JsonObject>
}

/** The options of a client that say who it is. Exactly one of `token` and `password` is given. */
export interface CredentialOptions {
  readonly user: string
  readonly token?: string | undefined
  readonly password?: string | undefined
}

/**
 * How the server is verified: `psk`, by the token itself (TLS over TCP, with a token and neither `fingerprint` nor `ca`);
 * `certificate`; or `plain`, where there is nothing to verify (unix sockets, memory).
 */
export type CredentialMode = 'psk' | 'certificate' | 'plain'

/** The mode that a client's options mean. @internal */
export function credentialMode(options: {
  readonly isPlain: boolean
  readonly token?: unknown
  readonly fingerprint?: unknown
  readonly ca?: unknown
}): CredentialMode {
  if (options.isPlain) return 'plain'
  const isPinned = options.fingerprint !== undefined || options.ca !== undefined
  return options.token !== undefined && !isPinned ? 'psk' : 'certificate'
}

/**
 * The credential that the options mean.
 *
 * @throws `ERR_FAKESSH_INVALID_ARG`, `ERR_FAKESSH_WEAK_TOKEN`.
 * @internal
 */
export function credentialFrom(options: CredentialOptions, mode: CredentialMode): Credential {
  const user = checkUserName(options.user, 'connect: user')
  const { token, password } = options
  if ((token === undefined) === (password === undefined)) {
    const came = token === undefined ? 'neither' : 'both'
    throw new FakeSshError(
      'ERR_FAKESSH_INVALID_ARG',
      `connect: expected either token or password, got ${came}`,
    )
  }
  if (token !== undefined) {
    checkToken(token, 'connect: token')
    return mode === 'psk' ? pskCredential(user, token) : sentCredential('token', user, { token })
  }
  if (typeof password !== 'string' || password === '') {
    throw invalidArgument('connect: password', 'a password that is not empty', password)
  }
  if (mode === 'psk') throw invalidArgument('connect', 'a token in psk mode', 'a password')
  return sentCredential('password', user, { password })
}

function pskCredential(user: string, token: string): Credential {
  return {
    method: 'psk',
    user,
    psk: pskFromToken(token),
    authRequest: (transport) => {
      if (transport.tls?.isPsk !== true) throw unverified(transport)
      return { method: 'psk', user }
    },
  }
}

function sentCredential(method: 'token' | 'password', user: string, secret: JsonObject): Credential {
  return {
    method,
    user,
    authRequest: (transport) => {
      // A transport that could be listened to or redirected, and was not verified, gets no secret. dialTls makes none such.
      if (transport.peer.kind === 'tcp' && transport.tls === undefined) throw unverified(transport)
      return { method, user, ...secret }
    },
  }
}

function unverified(transport: Transport): FakeSshError {
  const { label } = transport.peer
  return new FakeSshError(
    'ERR_FAKESSH_SERVER_IDENTITY',
    `${label} is not verified, so nothing is sent to it`,
    {
      op: 'connect',
      host: label,
    },
  )
}
