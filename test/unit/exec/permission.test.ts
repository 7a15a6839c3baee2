import { describe, expect, test } from 'vitest'
import { decideExec, validateExecPermission } from '../../../src/exec/permission.js'
import type { ExecPermission } from '../../../src/options.js'

const commands = new Set(['app:status', 'git'])
const line = (
  permission: ExecPermission | undefined,
  command: string,
  known: Set<string> = new Set(['app:status']),
) => decideExec(permission, { command }, known)
const argv = (
  permission: ExecPermission | undefined,
  file: string,
  args: string[] = [],
  known = new Set(['app:status']),
) => decideExec(permission, { file, args }, known)
const noLine = { deny: 'this user may not run shell command lines' }

describe.each([undefined, false] as const)('%s', (permission) => {
  test.each(['ls', 'app:status'])('%s is denied as a line and as a program', (name) => {
    expect(line(permission, name)).toEqual({ deny: 'this user may not run commands' })
    expect(argv(permission, name)).toEqual({ deny: 'this user may not run commands' })
  })
})

describe('shell', () => {
  test('runs command lines by the shell, as they are', () => {
    expect(line('shell', ' rm -rf "$HOME"; ')).toEqual({ run: 'shell', command: ' rm -rf "$HOME"; ' })
  })

  test('runs programs without it, found by the PATH of the command', () => {
    expect(argv('shell', 'ls', ['-l', ';'])).toEqual({
      run: 'argv',
      file: 'ls',
      args: ['-l', ';'],
      searchPath: 'environment',
    })
  })

  test('runs in-process commands, by their whole name', () => {
    expect(line('shell', 'app:status')).toEqual({ run: 'command', name: 'app:status', args: [] })
    expect(argv('shell', 'app:status', ['--json'])).toEqual({
      run: 'command',
      name: 'app:status',
      args: ['--json'],
    })
    expect(line('shell', 'app:status --json')).toEqual({ run: 'shell', command: 'app:status --json' })
  })
})

describe('argv', () => {
  test('runs any program', () => {
    expect(argv('argv', './tool', ['a'])).toMatchObject({
      run: 'argv',
      file: './tool',
      searchPath: 'environment',
    })
  })

  test.each(['ls', 'ls -l', 'sh', '', 'app:status ', ' app:status', 'app:status;id', 'app:status\n'])(
    'denies the command line %j',
    (command) => expect(line('argv', command)).toEqual(noLine),
  )

  test('runs an in-process command whose name is the whole line', () => {
    expect(line('argv', 'app:status')).toEqual({ run: 'command', name: 'app:status', args: [] })
  })
})

describe('{ allow }', () => {
  const permission = { allow: ['git', 'app:status', '/opt/tool'] }

  test('runs a name it holds, found by the PATH of the server, with any arguments', () => {
    expect(argv(permission, 'git', ['log', '--', '; rm'])).toEqual({
      run: 'argv',
      file: 'git',
      args: ['log', '--', '; rm'],
      searchPath: 'server',
    })
    expect(argv(permission, '/opt/tool')).toMatchObject({ run: 'argv', file: '/opt/tool' })
  })

  test.each([
    './git',
    '/tmp/git',
    '/usr/bin/git',
    'GIT',
    'git ',
    ' git',
    'gi',
    'gitk',
    'git\n',
    '../git',
    'opt/tool',
    '',
  ])('denies the program %j', (file) => expect(argv(permission, file)).toHaveProperty('deny'))

  test('takes a line that is only a name as that name without arguments', () => {
    expect(line(permission, 'git')).toEqual({ run: 'argv', file: 'git', args: [], searchPath: 'server' })
    expect(line(permission, 'app:status')).toEqual({ run: 'command', name: 'app:status', args: [] })
  })

  test.each(['git status', 'git;id', 'git\nid', '$(git)', 'git ', '`git`', 'git&', 'git|sh'])(
    'denies the command line %j',
    (command) => expect(line(permission, command)).toEqual(noLine),
  )

  test('an in-process command that it does not hold is denied', () => {
    expect(argv({ allow: ['git'] }, 'app:status')).toEqual({ deny: "this user may not run 'app:status'" })
  })

  test('an in-process command goes before a program of its name', () => {
    expect(argv(permission, 'git', ['x'], commands)).toEqual({ run: 'command', name: 'git', args: ['x'] })
  })

  test('an empty list allows nothing', () => {
    expect(argv({ allow: [] }, 'ls')).toHaveProperty('deny')
    expect(line({ allow: [] }, 'ls')).toHaveProperty('deny')
  })

  test('names of Object.prototype are not in any list', () => {
    for (const name of ['toString', '__proto__', 'constructor'])
      expect(argv({ allow: ['git'] }, name)).toHaveProperty('deny')
  })

  test('the refusal shows a name without its control characters, and no name that is allowed', () => {
    expect(argv(permission, '\u001b[31mx')).toEqual({ deny: "this user may not run '\\x1b[31mx'" })
  })
})

describe('validateExecPermission', () => {
  test.each([
    false,
    'shell',
    'argv',
    { allow: [] },
    { allow: ['git', '/usr/bin/git', 'app:status', 'C:\\x.exe'] },
  ])('takes %j', (permission) => expect(() => validateExecPermission(permission, 'exec')).not.toThrow())

  test.each([
    [true, 'exec: expected false'],
    [null, 'exec: expected false'],
    ['all', `got "all"`],
    [{}, 'exec: expected false'],
    [{ allow: 'git' }, 'exec: expected false'],
    [{ allow: [1] }, 'exec.allow[0]: expected the name'],
    [{ allow: ['git', ''] }, 'exec.allow[1]'],
    [{ allow: ['./git'] }, 'got "./git"'],
    [{ allow: ['bin/git'] }, 'got "bin/git"'],
    [{ allow: ['..\\git'] }, 'exec.allow[0]'],
    [{ allow: ['a\0b'] }, 'exec.allow[0]'],
  ])('refuses %j', (permission, message) => {
    expect(() => validateExecPermission(permission, 'exec')).toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG', message: expect.stringContaining(message) }),
    )
  })
})
