/**
 * Translates what the operating system, Node and OpenSSL say about sockets and TLS into the errors of fake-ssh. The one
 * place that knows their codes. Matches codes, never messages; the original stays as `cause`.
 */
import { ConnectionError, FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'

/** How the dialer was going to verify the listener. */
export type TlsTrust = 'psk' | 'fingerprint' | 'ca'

// OpenSSL before 3.2 (Node 20) names old alerts SSLV3_ALERT_…, later ones SSL/TLS_ALERT_…. A wrong pre-shared key is
// answered illegal_parameter by the former and decrypt_error by the latter; a listener that has neither keys nor a
// certificate answers handshake_failure, one without the identity unknown_psk_identity.
const PSK_REFUSED =
  /_ALERT_(ILLEGAL_PARAMETER|DECRYPT_ERROR|HANDSHAKE_FAILURE|UNKNOWN_PSK_IDENTITY|ACCESS_DENIED)$/
const BINDER_REFUSED = 'ERR_SSL_BINDER_DOES_NOT_VERIFY'
const NOT_TLS = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
])
const OTHER_VERSION = new Set([
  'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
  'ERR_SSL_WRONG_SSL_VERSION',
])

// What X509_verify_cert can say about a chain (Node gives the name without X509_V_ERR_), and Node's name check.
const IDENTITY =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*|CERT_.*|CRL_.*|ERROR_IN_CE?R[TL]_.*|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME_INVALID|ERR_TLS_CERT_ALTNAME_FORMAT|EE_KEY_TOO_SMALL|CA_KEY_TOO_SMALL|CA_MD_TOO_WEAK|NO_EXPLICIT_POLICY|UNHANDLED_CRITICAL_EXTENSION|UNSPECIFIED)$/

const IDENTITY_REASONS: Record<string, string> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  CERT_REVOKED: 'its certificate was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  HOSTNAME_MISMATCH: 'its certificate is for another host name',
}

/** The `code` of an error that Node threw, or undefined. @internal */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/**
 * Why a dial failed: `ERR_FAKESSH_SERVER_IDENTITY`, `ERR_FAKESSH_AUTH_FAILED` (pre-shared key only) or
 * `ERR_FAKESSH_CONNECT_FAILED`. An error that is ours already is passed on.
 *
 * @param host - the label of the peer.
 * @internal
 */
export function dialError(error: unknown, host: string, trust?: TlsTrust): FakeSshError {
  if (FakeSshError.is(error)) return error
  const details = { op: 'connect', host, cause: error }
  const shown = escapeText(host)
  const code = codeOf(error)
  if (trust !== undefined && code !== undefined && IDENTITY.test(code))
    return identityError(host, code, trust, error)
  if (trust === 'psk' && code !== undefined && PSK_REFUSED.test(code)) return pskRefused(host, error)
  return new ConnectionError(
    'ERR_FAKESSH_CONNECT_FAILED',
    `cannot connect to ${shown}: ${reason(error)}`,
    details,
  )
}

/** The listener is not the one that was asked for. @internal */
export function identityError(host: string, why: string, trust: TlsTrust, cause?: unknown): ConnectionError {
  // Node 24 and later add advice about CA stores to the message of the cause; ours says what was decided.
  const known = IDENTITY_REASONS[why]
  const because =
    trust === 'psk'
      ? 'it showed a certificate where the token was to be proved'
      : (known ?? (IDENTITY.test(why) ? `its certificate is not trusted (${why})` : why))
  return new ConnectionError('ERR_FAKESSH_SERVER_IDENTITY', `cannot trust ${escapeText(host)}: ${because}`, {
    op: 'connect',
    host,
    cause,
  })
}

/** The same error for a wrong token, an unknown one, and a listener that takes none. @internal */
export function pskRefused(host: string, cause?: unknown): ConnectionError {
  const message = `${escapeText(host)} refused the token, or does not know it`
  return new ConnectionError('ERR_FAKESSH_AUTH_FAILED', message, { op: 'connect', host, cause })
}

/** Why a handshake failed on the listening side; for logs and events, never for the peer. @internal */
export function acceptError(error: unknown, host: string): FakeSshError {
  if (FakeSshError.is(error)) return error
  const details = { op: 'accept', host, cause: error }
  const code = codeOf(error)
  const from = `handshake with ${host} failed`
  if (code === BINDER_REFUSED) {
    // Unknown identities get a random key, so this does not tell them from wrong keys either.
    return new ConnectionError('ERR_FAKESSH_AUTH_FAILED', `${from}: wrong or unknown token`, details)
  }
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return handshakeTimeout(host, undefined, error)
  return new ConnectionError('ERR_FAKESSH_CONNECT_FAILED', `${from}: ${reason(error)}`, details)
}

/** The peer did not finish in time. @internal */
export function handshakeTimeout(
  host: string,
  timeoutMs: number | undefined,
  cause?: unknown,
): ConnectionError {
  const within = timeoutMs === undefined ? 'in time' : `within ${timeoutMs} ms`
  const message = `${escapeText(host)} did not finish the handshake ${within}`
  return new ConnectionError('ERR_FAKESSH_HANDSHAKE_TIMEOUT', message, { host, cause })
}

/** An address could not be listened on; keeps the POSIX code, such as `EADDRINUSE`. @internal */
export function listenError(error: unknown, where: string): FakeSshError {
  if (FakeSshError.is(error)) return error
  const code = codeOf(error) ?? 'ERR_FAKESSH_CONNECT_FAILED'
  const details = { op: 'listen', host: where, cause: error }
  return new FakeSshError(code, `cannot listen on ${escapeText(where)}: ${reason(error)}`, details)
}

/** What to say about an error whose own text may be of many lines, or empty (an AggregateError of several addresses). */
function reason(error: unknown): string {
  const code = codeOf(error)
  if (code !== undefined && NOT_TLS.has(code)) return `the peer does not speak TLS (${code})`
  if (code !== undefined && OTHER_VERSION.has(code)) return `the peer does not speak TLS 1.3 (${code})`
  // OpenSSL's messages hold thread ids and paths of its source tree.
  if (code?.startsWith('ERR_SSL_')) return `TLS failed (${code})`
  if (error instanceof AggregateError) {
    const each = error.errors.map((one: unknown) => (one instanceof Error ? one.message : String(one)))
    return escapeText(each.length > 0 ? each.join('; ') : (code ?? 'unknown'))
  }
  const message = error instanceof Error ? error.message : String(error)
  return escapeText(code === undefined || message.includes(code) ? message : `${message} (${code})`)
}
