import { expect, test } from 'vitest'
import {
  errorOfEnding,
  errorOfFailure,
  errorOfGoodbye,
  lostConnection,
} from '../../../src/connection/ending-errors.js'
import { ConnectionError, ERROR_CODES, ProtocolError } from '../../../src/errors.js'
import { GOODBYE_CODES, type GoodbyeCode } from '../../../src/protocol/constants.js'

const EXPECTED: { readonly [code in GoodbyeCode]: string } = {
  shutdown: 'ERR_FAKESSH_SHUTDOWN',
  protocol: 'ERR_FAKESSH_PROTOCOL',
  version: 'ERR_FAKESSH_VERSION',
  'auth-failed': 'ERR_FAKESSH_AUTH_FAILED',
  'handshake-timeout': 'ERR_FAKESSH_HANDSHAKE_TIMEOUT',
  'keepalive-timeout': 'ERR_FAKESSH_KEEPALIVE_TIMEOUT',
  limit: 'ERR_FAKESSH_LIMIT',
}

test.each(GOODBYE_CODES)('%s has one code of ours, from either side', (code) => {
  const ours = errorOfEnding(code, 'because', 'host:1')
  const theirs = errorOfGoodbye(code, 'because', 'host:1')
  for (const error of [ours, theirs]) {
    expect(error).toMatchObject({ code: EXPECTED[code], host: 'host:1' })
    expect(error.message).toContain('because')
    expect(ERROR_CODES).toHaveProperty(error.code)
  }
  expect(ours.message).toBe('because')
  expect(theirs.message).toContain('the peer ended the connection')
})

test('our own verdict on the protocol is a ProtocolError', () => {
  expect(errorOfEnding('protocol', 'm', 'h')).toBeInstanceOf(ProtocolError)
})

test('what the core reports gets the peer’s name', () => {
  const broken = errorOfFailure(new ProtocolError('DATA twice'), 'h:1')
  expect(broken).toBeInstanceOf(ProtocolError)
  expect(broken).toMatchObject({ code: 'ERR_FAKESSH_PROTOCOL', message: 'DATA twice', host: 'h:1' })
  const cause = new TypeError('ours')
  const other = errorOfFailure(new ConnectionError('ERR_FAKESSH_INTERNAL', 'm', { cause }), 'h:1')
  expect(other).not.toBeInstanceOf(ProtocolError)
  expect(other).toMatchObject({ code: 'ERR_FAKESSH_INTERNAL', cause, host: 'h:1' })
})

test.each(['later', '__proto__', 'constructor', 'hasOwnProperty', ''])(
  'a goodbye with the code "%s" nobody knows is a lost connection',
  (code) => {
    expect(errorOfGoodbye(code, 'm', 'h').code).toBe('ERR_FAKESSH_CONNECTION_LOST')
  },
)

test('what the peer wrote is escaped', () => {
  expect(errorOfGoodbye('x\n', '\u001b[2J', 'h').message).toBe(
    'the peer ended the connection (x\\x0a): \\x1b[2J',
  )
})

test('a lost connection keeps its cause, or says that there was none', () => {
  const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  expect(lostConnection('h:1', cause)).toMatchObject({
    code: 'ERR_FAKESSH_CONNECTION_LOST',
    host: 'h:1',
    cause,
    message: 'the connection to h:1 was lost: read ECONNRESET',
  })
  const silent = lostConnection('h:1', undefined)
  expect(silent.message).toContain('without a goodbye')
  expect('cause' in silent).toBe(false)
})
