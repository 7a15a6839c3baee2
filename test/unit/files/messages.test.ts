import { expect, test } from 'vitest'
import {
  parseFileMetadata,
  parseGetParams,
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

test.each(['offset', 'length'])('get: %s is reserved, and refused rather than ignored', (field) => {
  expect(() => parseGetParams({ path: 'a', [field]: 0 })).toThrow(
    expect.objectContaining({
      code: 'ERR_FAKESSH_UNSUPPORTED',
      message: `get: '${field}' is not supported`,
    }),
  )
})

test('put: the least and the most', () => {
  expect(parsePutParams({ path: 'a' })).toEqual({ path: 'a', algorithm: 'sha256', overwrite: true })
  const all = { path: 'a', algorithm: 'sha512', size: 0, mode: 0o777, mtimeMs: -1, overwrite: false }
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
  ['path', undefined],
])('put: %s %j is refused, naming the field', (field, value) => {
  expect(() => parsePutParams({ path: 'a', [field]: value })).toThrow(
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

test('metadata', () => {
  const facts = { size: 0, mode: 0o4755, mtimeMs: 1_700_000_000_000 }
  expect(parseFileMetadata({ ...facts, colour: 'red' })).toEqual(facts)
})

test.each([
  ['size', -5],
  ['size', undefined],
  ['mode', 0o10000],
  ['mode', 'rw'],
  ['mtimeMs', Number.NaN],
])('metadata: %s %j breaks the protocol', (field, value) => {
  const facts = { size: 1, mode: 0o644, mtimeMs: 0, [field]: value }
  expect(() => parseFileMetadata(facts)).toThrow(
    expect.objectContaining({
      code: 'ERR_FAKESSH_PROTOCOL',
      message: expect.stringMatching(new RegExp(`^the answer to get: ${field}(: expected| is missing)`)),
    }),
  )
})
