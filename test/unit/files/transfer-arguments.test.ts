import { expect, test } from 'vitest'
import type { PutOptions, TransferOptions } from '../../../src/files/transfer.js'
import {
  checkTransferOptions,
  checkTransferPath,
  checkWriteOptions,
} from '../../../src/files/transfer-arguments.js'

const invalid = (message: string) =>
  expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG', message: expect.stringContaining(message) })

test.each([undefined, null, 5, {}, Buffer.from('a'), new URL('file:///a')])('%s is no path', (path) => {
  expect(() => checkTransferPath('get: path', path)).toThrow(invalid('get: path: expected a string, got'))
})

test('texts that cannot be paths have a code of their own', () => {
  expect(() => checkTransferPath('get: path', '\ud800')).toThrow(
    expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_PATH' }),
  )
  expect(() => checkTransferPath('get: path', 'a b')).not.toThrow()
})

test('the algorithm is sha256 by default', () => {
  expect(checkTransferOptions('get', {})).toBe('sha256')
  expect(checkTransferOptions('get', { algorithm: undefined })).toBe('sha256')
  expect(checkTransferOptions('put', { algorithm: 'blake2b512' })).toBe('blake2b512')
})

test.each([
  [null, 'get: options: expected an object, got null'],
  ['sha1', 'get: options: expected an object, got "sha1"'],
  [
    { algorithm: 'sha3' },
    'get: algorithm: expected one of sha256, sha512, sha1, md5, blake2b512, got "sha3"',
  ],
  [{ algorithm: null }, 'get: algorithm'],
  [{ timeoutMs: -1 }, 'get: timeoutMs'],
  [{ signal: 'x' }, 'get: signal'],
])('options %j are refused', (options, message) => {
  expect(() => checkTransferOptions('get', options as TransferOptions)).toThrow(invalid(message))
})

test.each([
  [undefined, undefined],
  [0, 0],
  [0o640, 0o640],
  [0o100644, 0o644],
  [0o104755, 0o755],
])('mode %o becomes %o', (mode, bits) => {
  expect(checkWriteOptions('put', { mode })).toBe(bits)
})

test.each([
  [{ mode: -1 }, 'mode: expected an integer from 0 to 65535'],
  [{ mode: 0o200000 }, 'mode'],
  [{ mode: '644' }, 'mode'],
  [{ mtimeMs: 1.5 }, 'mtimeMs'],
  [{ mtimeMs: new Date() }, 'mtimeMs'],
  [{ mtimeMs: 9e15 }, 'mtimeMs'],
  [{ size: -1 }, 'size'],
  [{ size: 2 ** 53 }, 'size'],
  [{ size: Number.NaN }, 'size'],
  [{ overwrite: 1 }, 'overwrite: expected a boolean'],
  [{ preserve: 'yes' }, 'preserve: expected a boolean'],
  [{ onProgress: {} }, 'onProgress: expected a function'],
])('%j is refused', (options, message) => {
  expect(() => checkWriteOptions('upload', options as PutOptions)).toThrow(invalid(`upload: ${message}`))
})

test('what is right passes', () => {
  const options = { mtimeMs: -1, size: 0, overwrite: false, preserve: true, onProgress: () => undefined }
  expect(() => checkWriteOptions('upload', options)).not.toThrow()
})
