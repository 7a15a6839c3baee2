import { expect, test } from 'vitest'
import {
  parseGetAnswer,
  parseGetParams,
  parsePutAnswer,
  parsePutParams,
  parseTransferPath,
} from '../../../src/files/messages.js'

const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG', message: expect.stringMatching(message) })

test('get: a path, and sha256 unless another is asked for', () => {
  expect(parseGetParams({ path: 'a' })).toEqual({ path: 'a', algorithm: 'sha256' })
  expect(parseGetParams({ path: 'a', algorithm: 'md5' })).toEqual({ path: 'a', algorithm: 'md5' })
})

test('get: unknown optional fields are ignored', () => {
  expect(parseGetParams({ path: 'a', colour: 'red', __proto__: { x: 1 } })).toEqual({
    path: 'a',
    algorithm: 'sha256',
  })
})

test.each([
  [{}, /^get: path is missing$/],
  [{ path: 5 }, /^get: path: expected string, got 5/],
  [{ path: ['a'] }, /^get: path: expected string/],
  [{ path: 'a', algorithm: 5 }, /^get: algorithm: expected string, got 5/],
  [{ path: null }, /^get: path: expected string, got null/],
])('get: %j is refused, naming the field', (params, message) => {
  expect(() => parseGetParams(params)).toThrow(invalid(message))
})

test.each(['', 'SHA256', 'crc32', 'sha3-512', '\u001b'])(
  'get: the algorithm %j is unsupported',
  (algorithm) => {
    expect(() => parseGetParams({ path: 'a', algorithm })).toThrow(
      expect.objectContaining({
        code: 'ERR_FAKESSH_UNSUPPORTED',
        message: expect.not.stringContaining('\u001b'),
      }),
    )
  },
)

const SHA256 = 'ab'.repeat(32)

test('get: a part, and what the opener has of it', () => {
  const all = { path: 'a', algorithm: 'sha256', offset: 0, length: 5, have: { bytes: 3, digest: SHA256 } }
  expect(parseGetParams(all)).toEqual(all)
})

test.each([
  ['offset', -1],
  ['offset', 0.5],
  ['offset', '1'],
  ['length', -1],
  ['length', 2 ** 53],
  ['have', 5],
  ['have.bytes', { digest: SHA256 }],
  ['have.bytes', { bytes: -1, digest: SHA256 }],
  ['have.digest', { bytes: 1 }],
  ['have.digest', { bytes: 1, digest: 'AB'.repeat(32) }],
])('get: a wrong %s %j is refused, naming the field', (field, value) => {
  const [name = ''] = field.split('.')
  expect(() => parseGetParams({ path: 'a', [name]: value })).toThrow(
    invalid(new RegExp(`^get: ${field}(: expected| is missing)`)),
  )
})

test('put: the least and the most', () => {
  const least = { path: 'a', algorithm: 'sha256', overwrite: true, fsync: false }
  expect(parsePutParams({ path: 'a' })).toEqual(least)
  const resume = { id: SHA256, holder: 'cd'.repeat(16), attempt: 3 }
  const some = { path: 'a', algorithm: 'sha512', size: 0, mode: 0o777, mtimeMs: -1, overwrite: false }
  const all = { ...some, fsync: true, resume }
  expect(parsePutParams(all)).toEqual(all)
})

test.each([
  ['size', -1],
  ['size', 1.5],
  ['size', 2 ** 53],
  ['size', '5'],
  ['mode', 0o1000],
  ['mode', 0o100644],
  ['mode', -1],
  ['mode', 0.5],
  ['mtimeMs', 8.64e15 + 2],
  ['mtimeMs', 0.5],
  ['mtimeMs', null],
  ['overwrite', 'no'],
  ['fsync', 1],
  ['resume', SHA256],
  ['resume.id', { id: 'ab', holder: 'cd'.repeat(16), attempt: 1 }],
  ['resume.holder', { id: SHA256, holder: 'CD'.repeat(16), attempt: 1 }],
  ['resume.holder', { id: SHA256, attempt: 1 }],
  ['resume.attempt', { id: SHA256, holder: 'cd'.repeat(16) }],
  ['resume.attempt', { id: SHA256, holder: 'cd'.repeat(16), attempt: 0 }],
  ['resume.attempt', { id: SHA256, holder: 'cd'.repeat(16), attempt: 1.5 }],
  ['path', undefined],
])('put: %s %j is refused, naming the field', (field, value) => {
  const [name = ''] = field.split('.')
  expect(() => parsePutParams({ path: 'a', [name]: value })).toThrow(
    invalid(new RegExp(`^put: ${field}(: expected| is missing)`)),
  )
})

test('put: an algorithm it does not know', () => {
  expect(() => parsePutParams({ path: 'a', algorithm: 'sha0' })).toThrow(
    expect.objectContaining({ code: 'ERR_FAKESSH_UNSUPPORTED' }),
  )
})

test('what a wrong value shows is escaped', () => {
  expect(() => parseGetParams({ path: { '\u001b[31m': 1 } })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('\u001b') }),
  )
  expect(() => parsePutParams({ path: 'a', overwrite: '\u202e\n' })).toThrow(
    expect.objectContaining({ message: expect.not.stringMatching(/[\u202e\n]/) }),
  )
})

test('the path alone, for a decision about it', () => {
  expect(parseTransferPath({ path: 'a/b', algorithm: 7 })).toBe('a/b')
  expect(() => parseTransferPath({})).toThrow(invalid(/path/))
  expect(() => parseTransferPath({ path: '' })).toThrow(
    expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_PATH' }),
  )
})

const facts = { size: 0, mode: 0o4755, mtimeMs: 1_700_000_000_000 }

test('the answer to get', () => {
  expect(parseGetAnswer({ ...facts, colour: 'red' }, 0)).toEqual({ metadata: facts, start: 0 })
  expect(parseGetAnswer({ ...facts, start: 7 }, 7)).toEqual({ metadata: facts, start: 7 })
  expect(parseGetAnswer({ ...facts, start: 0 }, 7)).toEqual({ metadata: facts, start: 0 })
})

test.each([
  ['size', -5],
  ['size', undefined],
  ['mode', 0o10000],
  ['mode', 'rw'],
  ['mtimeMs', Number.NaN],
  ['start', -1],
  ['start', 6],
  ['start', 8],
])('the answer to get: %s %j breaks the protocol', (field, value) => {
  expect(() => parseGetAnswer({ ...facts, [field]: value }, 7)).toThrow(
    expect.objectContaining({
      code: 'ERR_FAKESSH_PROTOCOL',
      message: expect.stringMatching(new RegExp(`^the answer to get: ${field}(: expected| is missing)`)),
    }),
  )
})

test('the answer to put', () => {
  expect(parsePutAnswer({})).toBeUndefined()
  expect(parsePutAnswer({ start: 0 })).toBeUndefined()
  expect(parsePutAnswer({ start: 5, digest: SHA256 })).toEqual({ bytes: 5, digest: SHA256 })
})

test.each([
  ['start', { start: -1 }],
  ['start', { start: 'x' }],
  ['digest', { start: 1 }],
  ['digest', { start: 1, digest: 5 }],
])('the answer to put: a wrong %s breaks the protocol', (field, info) => {
  expect(() => parsePutAnswer(info)).toThrow(
    expect.objectContaining({
      code: 'ERR_FAKESSH_PROTOCOL',
      message: expect.stringMatching(new RegExp(`^the answer to put: ${field}(: expected| is missing)`)),
    }),
  )
})
