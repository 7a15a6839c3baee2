import { FakeSshError } from 'fake-ssh'
import { expect, test } from 'vitest'
import { exitCodeOf } from '../../../examples/cli/exit-codes.js'
import { failureLine } from '../../../examples/cli/failure.js'
import { byteSize } from '../../../examples/common/byte-size.js'

test.each<[error: unknown, line: string]>([
  [new FakeSshError('ENOENT', 'no such file'), 'ENOENT: no such file'],
  [Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' }), 'ENOENT: no such file'],
  [new Error('plain'), 'plain'],
  ['not even an error', 'not even an error'],
  [undefined, 'undefined'],
  [new FakeSshError('E\x1b', 'a\nb\x1b[31m\u202ec'), 'E\\x1b: a\\x0ab\\x1b[31m\\u{202e}c'],
])('a failure is one line (case %#)', (error, line) => {
  expect(failureLine(error)).toBe(line)
})

test.each<[end: { exitCode: number | null; signal: string | null }, code: number]>([
  [{ exitCode: 0, signal: null }, 0],
  [{ exitCode: 255, signal: null }, 255],
  [{ exitCode: null, signal: 'SIGINT' }, 130],
  [{ exitCode: null, signal: 'SIGKILL' }, 137],
  [{ exitCode: null, signal: 'SIGTERM' }, 143],
  [{ exitCode: null, signal: 'SIGOFANOTHERSYSTEM' }, 128],
])('%j exits with %i', (end, code) => {
  expect(exitCodeOf(end)).toBe(code)
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [94.3 * 1024 ** 2, '94.3 MiB'],
  [5 * 1024 ** 4, '5.0 TiB'],
  [2 * 1024 ** 5, '2048.0 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(byteSize(bytes)).toBe(text)
})
