import { expect, test } from 'vitest'
import { DEFAULT_SHELL, shellArguments } from '../../../src/exec/shell-invocation.js'

test('a POSIX shell gets the command line as one argument, as it is', () => {
  const command = `echo "$HOME" 'a b' && rm -rf \\; # "`
  expect(shellArguments('/bin/sh', command)).toEqual({ args: ['-c', command], isVerbatim: false })
  expect(shellArguments('/opt/my-cmd/bash', command).args).toEqual(['-c', command])
})

test.each(['cmd.exe', 'CMD.EXE', 'C:\\Windows\\System32\\cmd.exe', 'cmd'])(
  '%s gets it raw, in quotes',
  (shell) => {
    expect(shellArguments(shell, 'dir "a b"')).toEqual({
      args: ['/d', '/s', '/c', '"dir "a b""'],
      isVerbatim: true,
    })
  },
)

test('the default is the shell every Unix has', () => {
  expect(DEFAULT_SHELL).toBe('/bin/sh')
})
