import { expect, test } from 'vitest'
import { checkPath } from '../../../src/files/path-text.js'

test.each([
  ['a plain name', 'app.log'],
  ['an absolute path', '/logs/app.log'],
  ['spaces, quotes and newlines', ' a "b" \'c\'\nd'],
  ['emoji and combining marks', '😀/e\u0301'],
  ['a backslash', 'a\\b'],
  ['control and bidirectional characters', '\u001b[31m\u202e'],
  ['only dots', '../..'],
  ['4,095 bytes', 'x'.repeat(4095)],
  ['4,095 bytes of three-byte characters', '€'.repeat(1365)],
])('%s can be a path', (_name, path) => {
  expect(() => checkPath(path)).not.toThrow()
})

test.each([
  ['empty', '', /is empty/],
  ['a NUL inside', 'a\0b', /NUL/],
  ['a NUL at the end', 'etc/passwd\0', /NUL/],
  ['a lone high surrogate', 'a\ud83d', /UTF-8/],
  ['a lone low surrogate', '\ude00a', /UTF-8/],
  ['a reversed pair', '\ude00\ud83d', /UTF-8/],
])('%s is refused', (_name, path, message) => {
  expect(() => checkPath(path)).toThrow(
    expect.objectContaining({
      code: 'ERR_FAKESSH_INVALID_PATH',
      path,
      message: expect.stringMatching(message),
    }),
  )
})

test.each([
  ['4,096 bytes', 'x'.repeat(4096)],
  ['4,098 bytes in 1,366 characters', '€'.repeat(1366)],
  ['a megabyte of steps up', '../'.repeat(350_000)],
])('%s are too long', (_name, path) => {
  expect(() => checkPath(path)).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }))
})

test('the message shows no control characters and stays on one line', () => {
  const refused = () => checkPath('\u001b[2J\n\u202eevil\0')
  expect(refused).toThrow(/^'\\x1b\[2J\\x0a\\u\{202e\}evil\\x00' is no path/)
})
