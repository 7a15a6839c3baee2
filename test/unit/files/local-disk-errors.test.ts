import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { expect, test } from 'vitest'
import { FakeSshError } from '../../../src/errors.js'
import {
  diskFailure,
  errnoOf,
  notAFile,
  outsideRoot,
  toDiskError,
} from '../../../src/files/local-disk-errors.js'

/** A real one, which names a path of this machine. */
function realError(): unknown {
  try {
    return readFileSync('/no/such/secret')
  } catch (error) {
    return error
  }
}

test('the code stays, the path is the one that was asked for, the cause is kept', () => {
  const cause = realError()
  expect(toDiskError(cause, 'x')).toMatchObject({
    code: 'ENOENT',
    message: "ENOENT: no such file or directory, 'x'",
    path: 'x',
    cause,
  })
})

test.each([
  ['EISDIR', 'illegal operation on a directory'],
  ['ENOSPC', 'no space left on device'],
  ['EDQUOT', undefined],
  ['ENOTUNIQ', undefined],
])('%s has its text, where Node has one', (code, text) => {
  expect(diskFailure(code, 'a').message).toBe(text === undefined ? `${code}, 'a'` : `${code}: ${text}, 'a'`)
})

test('errors of ours pass', () => {
  const error = new FakeSshError('ERR_FAKESSH_CLOSED', 'x')
  expect(toDiskError(error, 'a')).toBe(error)
})

test('what is no POSIX error is internal, without its text', () => {
  const error = Object.assign(new TypeError('/srv/secret is wrong'), { code: 'ERR_INVALID_ARG_VALUE' })
  const translated = toDiskError(error, 'a')
  expect(translated).toMatchObject({ code: 'ERR_FAKESSH_INTERNAL', cause: error })
  expect(translated.message).not.toContain('secret')
})

test.each([
  [Object.assign(new Error(), { code: 'EIO' }), 'EIO'],
  [Object.assign(new Error(), { code: 'E2BIG' }), 'E2BIG'],
  [Object.assign(new Error(), { code: 'ERR_OUT_OF_RANGE' }), undefined],
  [Object.assign(new Error(), { code: 5 }), undefined],
  // Node has no name for it.
  [
    Object.assign(new Error(), { code: 'Unknown system error -122', errno: -constants.errno.EDQUOT }),
    'EDQUOT',
  ],
  [Object.assign(new Error(), { code: 'Unknown system error -99999', errno: -99_999 }), undefined],
  [new Error('ENOENT'), undefined],
  [{ code: 'ENOENT' }, undefined],
  [undefined, undefined],
])('the errno of %o is %s', (error, code) => {
  expect(errnoOf(error)).toBe(code)
})

test('paths are escaped in messages and whole in the property', () => {
  const path = 'a\u001b[2Jb'
  for (const error of [diskFailure('EIO', path), notAFile(path), outsideRoot(path)]) {
    expect(error.message).toContain("'a\\x1b[2Jb'")
    expect(error.path).toBe(path)
  }
})
