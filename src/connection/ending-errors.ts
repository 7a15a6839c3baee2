/** The errors a connection can end with, from our own decision, from the peer's GOODBYE, or from a byte stream that ended. */
import { ConnectionError, type FakeSshErrorCode, ProtocolError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { GoodbyeCode } from '../protocol/constants.js'

const CODES: { readonly [code in GoodbyeCode]: FakeSshErrorCode } = {
  shutdown: 'ERR_FAKESSH_SHUTDOWN',
  protocol: 'ERR_FAKESSH_PROTOCOL',
  version: 'ERR_FAKESSH_VERSION',
  'auth-failed': 'ERR_FAKESSH_AUTH_FAILED',
  'handshake-timeout': 'ERR_FAKESSH_HANDSHAKE_TIMEOUT',
  'keepalive-timeout': 'ERR_FAKESSH_KEEPALIVE_TIMEOUT',
  limit: 'ERR_FAKESSH_LIMIT',
}

const LOSSES: ReadonlySet<string> = new Set<FakeSshErrorCode>([
  'ERR_FAKESSH_CONNECTION_LOST',
  'ERR_FAKESSH_KEEPALIVE_TIMEOUT',
  'ERR_FAKESSH_PROTOCOL',
])

/** We ended it. */
export function errorOfEnding(code: GoodbyeCode, message: string, host: string): ConnectionError {
  if (code === 'protocol') return new ProtocolError(message, { host })
  return new ConnectionError(CODES[code], message, { host })
}

/** The core gave it up: the same, with who it was. */
export function errorOfFailure({ code, message, cause }: ConnectionError, host: string): ConnectionError {
  if (code === 'ERR_FAKESSH_PROTOCOL') return new ProtocolError(message, { host, cause })
  return new ConnectionError(code, message, { host, cause })
}

/** The peer ended it and said why. A code this version does not know counts as a lost connection. */
export function errorOfGoodbye(code: string, message: string, host: string): ConnectionError {
  const ours = Object.hasOwn(CODES, code) ? CODES[code as GoodbyeCode] : 'ERR_FAKESSH_CONNECTION_LOST'
  return new ConnectionError(
    ours,
    `the peer ended the connection (${escapeText(code)}): ${escapeText(message)}`,
    { host },
  )
}

/**
 * For what the peer never heard of. After a loss that is worth a code of its own: anything else that was pending may have been done. The
 * other ends of a connection say it by their code already.
 */
export function neverStarted(reason: ConnectionError): ConnectionError {
  if (!LOSSES.has(reason.code)) return reason
  const { message, host } = reason
  return new ConnectionError('ERR_FAKESSH_NOT_STARTED', `not started: ${message}`, { host, cause: reason })
}

/** The byte stream ended without a goodbye, or while operations were running. */
export function lostConnection(
  host: string,
  cause: Error | undefined,
  wasAnnounced = false,
): ConnectionError {
  const closed = wasAnnounced
    ? 'the peer did not wait for what was running'
    : 'the peer closed it without a goodbye'
  const why = cause === undefined ? closed : escapeText(cause.message)
  return new ConnectionError('ERR_FAKESSH_CONNECTION_LOST', `the connection to ${host} was lost: ${why}`, {
    host,
    cause,
  })
}
