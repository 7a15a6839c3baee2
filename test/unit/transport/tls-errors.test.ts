// The table of codes, including those that only other versions of Node and OpenSSL give.
import { describe, expect, test } from 'vitest'
import { ConnectionError, FakeSshError } from '../../../src/errors.js'
import { systemError } from '../../../src/transport/system-error.js'
import { acceptError, dialError, listenError, type TlsTrust } from '../../../src/transport/tls-errors.js'

const HOST = 'server.example:7022'
const withCode = (code: string, message = 'C04CA5:error:0A00010B:SSL routines:../deps/openssl/x.c:77:\n') =>
  systemError(code, message)

describe('dialling', () => {
  test.each<[code: string, trust: TlsTrust | undefined, expected: string]>([
    // A wrong key: OpenSSL 3.0 (Node 20), 3.5 (Node 22 to 26), and one talking to the other.
    ['ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER', 'psk', 'ERR_FAKESSH_AUTH_FAILED'],
    ['ERR_SSL_SSL/TLS_ALERT_ILLEGAL_PARAMETER', 'psk', 'ERR_FAKESSH_AUTH_FAILED'],
    ['ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR', 'psk', 'ERR_FAKESSH_AUTH_FAILED'],
    // A listener that takes no keys and has no certificate.
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'psk', 'ERR_FAKESSH_AUTH_FAILED'],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'psk', 'ERR_FAKESSH_AUTH_FAILED'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY', 'psk', 'ERR_FAKESSH_AUTH_FAILED'],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'ca', 'ERR_FAKESSH_CONNECT_FAILED'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'psk', 'ERR_FAKESSH_CONNECT_FAILED'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'psk', 'ERR_FAKESSH_CONNECT_FAILED'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'psk', 'ERR_FAKESSH_SERVER_IDENTITY'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'ca', 'ERR_FAKESSH_SERVER_IDENTITY'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ca', 'ERR_FAKESSH_SERVER_IDENTITY'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'ca', 'ERR_FAKESSH_SERVER_IDENTITY'],
    ['CERT_HAS_EXPIRED', 'ca', 'ERR_FAKESSH_SERVER_IDENTITY'],
    ['CERT_SIGNATURE_FAILURE', 'ca', 'ERR_FAKESSH_SERVER_IDENTITY'],
    ['CERT_REVOKED', 'ca', 'ERR_FAKESSH_SERVER_IDENTITY'],
    ['ERROR_IN_CERT_NOT_AFTER_FIELD', 'ca', 'ERR_FAKESSH_SERVER_IDENTITY'],
    ['INVALID_PURPOSE', 'ca', 'ERR_FAKESSH_SERVER_IDENTITY'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'ca', 'ERR_FAKESSH_SERVER_IDENTITY'],
    ['ECONNREFUSED', 'psk', 'ERR_FAKESSH_CONNECT_FAILED'],
    ['EHOSTUNREACH', undefined, 'ERR_FAKESSH_CONNECT_FAILED'],
  ])('%s with %s is %s', (code, trust, expected) => {
    const cause = withCode(code)
    const error = dialError(cause, HOST, trust)
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error).toMatchObject({ code: expected, host: HOST, op: 'connect', cause })
    expect(error.message).toContain(HOST)
  })

  test('every way of refusing a key reads the same', () => {
    const codes = [
      'SSLV3_ALERT_ILLEGAL_PARAMETER',
      'TLSV1_ALERT_DECRYPT_ERROR',
      'TLSV1_ALERT_UNKNOWN_PSK_IDENTITY',
    ]
    const messages = codes.map((code) => dialError(withCode(`ERR_SSL_${code}`), HOST, 'psk').message)
    expect(new Set(messages).size).toBe(1)
  })

  test('OpenSSL’s own messages, with their paths and thread ids, are replaced by the code', () => {
    const { message } = dialError(withCode('ERR_SSL_SOMETHING_NEW'), HOST, 'ca')
    expect(message).toBe(`cannot connect to ${HOST}: TLS failed (ERR_SSL_SOMETHING_NEW)`)
  })

  test('all addresses that were tried are told', () => {
    // What Node gives when a name has several addresses: no message of its own.
    const tried = ['connect ECONNREFUSED ::1:7022', 'connect ECONNREFUSED 127.0.0.1:7022']
    const cause = Object.assign(new AggregateError(tried.map((message) => new Error(message))), {
      code: 'ECONNREFUSED',
    })
    expect(dialError(cause, HOST).message).toBe(`cannot connect to ${HOST}: ${tried.join('; ')}`)
    const empty = Object.assign(new AggregateError([]), { code: 'ETIMEDOUT' })
    expect(dialError(empty, HOST).message).toContain('ETIMEDOUT')
  })

  test('an error that is ours already is passed on', () => {
    const ours = new FakeSshError('ERR_FAKESSH_LIMIT', 'x')
    expect(dialError(ours, HOST)).toBe(ours)
    expect(acceptError(ours, HOST)).toBe(ours)
    expect(listenError(ours, HOST)).toBe(ours)
  })

  test('what came from outside is escaped', () => {
    expect(dialError(new Error('\u001b[2J'), 'evil\u001b[0m:1').message).not.toContain('\u001b')
  })

  test('what is no error at all is told too', () => {
    expect(dialError('odd', HOST)).toMatchObject({ code: 'ERR_FAKESSH_CONNECT_FAILED', cause: 'odd' })
    expect(dialError(undefined, HOST).code).toBe('ERR_FAKESSH_CONNECT_FAILED')
  })
})

describe('accepting', () => {
  test.each([
    ['ERR_SSL_BINDER_DOES_NOT_VERIFY', 'ERR_FAKESSH_AUTH_FAILED'],
    ['ERR_TLS_HANDSHAKE_TIMEOUT', 'ERR_FAKESSH_HANDSHAKE_TIMEOUT'],
    ['ERR_SSL_NO_SHARED_CIPHER', 'ERR_FAKESSH_CONNECT_FAILED'],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'ERR_FAKESSH_CONNECT_FAILED'],
    ['ECONNRESET', 'ERR_FAKESSH_CONNECT_FAILED'],
  ])('%s is %s', (code, expected) => {
    const cause = withCode(code)
    expect(acceptError(cause, HOST)).toMatchObject({ code: expected, host: HOST, cause })
  })
})

test('listening keeps the POSIX code', () => {
  const cause = withCode('EACCES', 'listen EACCES: permission denied 0.0.0.0:80')
  const error = listenError(cause, '0.0.0.0:80')
  expect(error).toMatchObject({ code: 'EACCES', op: 'listen', host: '0.0.0.0:80', cause })
  expect(error.message).toContain('permission denied')
})
