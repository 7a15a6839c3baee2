// The edges of every schema: what is just inside is taken, what is just outside is in test/vectors/malformed.json.
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { SCHEMAS } from '../../../src/protocol/messages.js'
import { helloMessage } from '../../helpers/frames.js'

type Case = [schema: keyof typeof SCHEMAS, name: string, message: object]
const MAX = Number.MAX_SAFE_INTEGER
const exit = { exitCode: 0, signal: null, stdioLeaked: false, stdinBytes: 0 }

const taken: Case[] = [
  ['hello', 'an empty agent', helloMessage('client', { agent: '' })],
  ['hello', 'the longest agent', helloMessage('client', { agent: 'a'.repeat(128) })],
  ['hello', 'unknown features', helloMessage('client', { features: Array(64).fill('later') })],
  ['hello', 'the least limits', helloMessage('client', { limits: { maxFrameBytes: 1024, maxChannels: 1 } })],
  [
    'hello',
    'the largest limits',
    helloMessage('client', { limits: { maxFrameBytes: 1_048_576, maxChannels: 65_535 } }),
  ],
  ['hello', 'the newest version there can be', helloMessage('server', { version: MAX })],
  [
    'hello',
    'unknown fields',
    helloMessage('server', { later: [], limits: { ...helloMessage('server').limits, later: 1 } }),
  ],
  ['authRequest', 'the longest user', { method: 'psk', user: 'u'.repeat(256) }],
  ['authReply', 'no attempts left', { status: 'failure', code: 'C', message: '', attemptsLeft: 0 }],
  ['goodbye', 'a code nobody knows', { code: 'later', message: '' }],
  ['goodbye', 'the longest message', { code: 'limit', message: 'm'.repeat(4096) }],
  ['open', 'no streams', { kind: 'k', params: {}, windows: [] }],
  ['open', 'eight streams, some of nothing', { kind: 'k', params: {}, windows: [0, MAX, 0, 0, 0, 0, 0, 1] }],
  ['open', 'a prototype as a field', { kind: 'k', params: JSON.parse('{"__proto__":1}'), windows: [] }],
  ['openOk', 'nothing to say', { info: {}, windows: [] }],
  ['openFail', 'an empty message', { code: 'ENOENT', message: '' }],
  ['request', 'the last id', { id: MAX, type: 't', params: {} }],
  ['reply', 'a success', { id: 1, ok: true, info: { a: [1] } }],
  ['reply', 'a failure', { id: 1, ok: false, code: 'C', message: '' }],
  ['exit', 'the largest code of Windows', { ...exit, exitCode: 0xffff_ffff }],
  ['exit', 'a signal', { ...exit, exitCode: null, signal: 'SIGTERM' }],
  ['exit', 'a directory', { ...exit, cwd: '/a' }],
  ['exit', 'a failure', { error: { code: 'EIO', message: '' } }],
  ['commit', 'an md5', { bytes: 0, algorithm: 'md5', digest: 'a0'.repeat(16) }],
  ['commit', 'a sha512 of the largest file', { bytes: MAX, algorithm: 'sha512', digest: '0f'.repeat(64) }],
  ['commit', 'a failure', { error: { code: 'ENOSPC', message: 'full' } }],
]

test.each(taken)('%s takes %s', (schema, _name, message) => {
  expect(v.safeParse(SCHEMAS[schema], message).issues).toBeUndefined()
})

const NUMBERS: [schema: keyof typeof SCHEMAS, field: string, message: object][] = [
  ['hello', 'version', helloMessage('client')],
  ['hello', 'minVersion', helloMessage('client')],
  ['authReply', 'attemptsLeft', { status: 'failure', code: 'C', message: '', attemptsLeft: 0 }],
  ['request', 'id', { id: 1, type: 't', params: {} }],
  ['reply', 'id', { id: 1, ok: true, info: {} }],
  ['exit', 'stdinBytes', exit],
  ['exit', 'exitCode', exit],
  ['commit', 'bytes', { bytes: 0, algorithm: 'md5', digest: 'a0'.repeat(16) }],
]
const NOT_COUNTS = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, MAX + 1, 1e300, '1', true, [1], {}]

test.each(NUMBERS)('%s takes no %s that is not a count', (schema, field, message) => {
  for (const value of NOT_COUNTS) {
    expect(v.safeParse(SCHEMAS[schema], { ...message, [field]: value }).success, String(value)).toBe(false)
  }
})

const NAMES: [schema: keyof typeof SCHEMAS, field: string, message: object][] = [
  ['authRequest', 'method', { method: 'psk', user: 'u' }],
  ['authRequest', 'user', { method: 'psk', user: 'u' }],
  ['goodbye', 'code', { code: 'c', message: '' }],
  ['open', 'kind', { kind: 'k', params: {}, windows: [] }],
  ['openFail', 'code', { code: 'c', message: '' }],
  ['request', 'type', { id: 1, type: 't', params: {} }],
  ['commit', 'algorithm', { bytes: 0, algorithm: 'md5', digest: 'a0'.repeat(16) }],
]

test.each(NAMES)('%s takes no %s that is empty, endless or not text', (schema, field, message) => {
  for (const value of ['', 'x'.repeat(257), 1, null, ['x'], {}, undefined]) {
    expect(v.safeParse(SCHEMAS[schema], { ...message, [field]: value }).success, String(value)).toBe(false)
  }
})

const OBJECTS: [schema: keyof typeof SCHEMAS, field: string, message: object][] = [
  ['open', 'params', { kind: 'k', params: {}, windows: [] }],
  ['openOk', 'info', { info: {}, windows: [] }],
  ['request', 'params', { id: 1, type: 't', params: {} }],
  ['reply', 'info', { id: 1, ok: true, info: {} }],
]

test.each(OBJECTS)('%s takes no %s that is not an object', (schema, field, message) => {
  for (const value of [null, [], 'x', 1, true, undefined]) {
    expect(v.safeParse(SCHEMAS[schema], { ...message, [field]: value }).success, String(value)).toBe(false)
  }
})
