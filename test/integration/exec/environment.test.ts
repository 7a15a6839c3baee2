// What a command is given: exactly its arguments, and an environment made from nothing.
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DEFAULT_PATH } from '../../../src/exec/environment.js'
import { execPair } from '../../helpers/exec-pair.js'
import { processesWith, sleepMarker } from '../../helpers/processes.js'
import { temporaryDirectory } from '../../helpers/temporary-directory.js'

const lines = (text: string) => text.split('\n').filter((line) => line !== '')

describe('the environment', () => {
  beforeEach(() => {
    process.env.FAKESSH_CANARY = 'secret-of-the-server'
  })
  afterEach(() => {
    delete process.env.FAKESSH_CANARY
  })

  test('holds nothing of the server', async () => {
    const { run } = await execPair()
    for (const { stdout } of [await run('env'), await run('env', [])]) {
      expect(stdout).not.toContain('secret-of-the-server')
      const names = lines(stdout).map((line) => line.split('=')[0])
      const known = [
        'HOME',
        'LANG',
        'LOGNAME',
        'OLDPWD',
        'PATH',
        'PWD',
        'SHELL',
        'SHLVL',
        'TMPDIR',
        'USER',
        '_',
      ]
      expect(names.filter((name) => !known.includes(name as string))).toEqual([])
      expect(lines(stdout)).toContain(`PATH=${DEFAULT_PATH}`)
    }
  })

  test('holds what the server adds, and then what the client adds', async () => {
    const { run } = await execPair({ env: { APP: 'server', BOTH: 'server' } })
    const { stdout } = await run('echo "$APP $BOTH $MINE"', { env: { BOTH: 'client', MINE: 'a  b\n$HOME' } })
    expect(stdout).toBe('server client a  b\n$HOME\n')
  })

  test('NODE_OPTIONS does not run code, and the client is told', async () => {
    const { run, root } = await execPair({ env: { PATH: process.env.PATH as string } })
    writeFileSync(join(root, 'evil.cjs'), 'require("node:fs").writeFileSync("owned", "")')
    const env = { NODE_OPTIONS: `--require=${join(root, 'evil.cjs')}`, LD_PRELOAD: '/evil.so', GOOD: 'yes' }
    const result = await run('node', ['-p', 'process.env.GOOD + [process.env.NODE_OPTIONS]'], { env })
    expect(result.stdout).toBe('yes\n')
    expect(result.refusedEnv).toEqual(['NODE_OPTIONS', 'LD_PRELOAD'])
    expect((await run('ls')).stdout).toBe('evil.cjs\n')
  })

  test('BASH_ENV and ENV do not run code', async () => {
    const { run, root } = await execPair()
    writeFileSync(join(root, 'evil.sh'), 'echo owned')
    const evil = join(root, 'evil.sh')
    const result = await run('bash', ['-c', 'echo fine'], { env: { BASH_ENV: evil, ENV: evil } })
    expect(result).toMatchObject({ stdout: 'fine\n', refusedEnv: ['BASH_ENV', 'ENV'] })
  })

  test('strictEnv refuses instead', async () => {
    const { exec, started } = await execPair()
    await expect(exec('ls', { env: { PATH: '/x', OK: '1' }, strictEnv: true }).result).rejects.toMatchObject({
      code: 'ERR_FAKESSH_ENV_REFUSED',
      message: "exec 'ls': the server refuses to set PATH",
    })
    expect(started).toEqual([])
  })

  test('allowEnv of the user lets a name through', async () => {
    const { run } = await execPair({ deps: { allowEnv: ['PATH'] } })
    const result = await run('echo $PATH', { env: { PATH: '/only', LD_PRELOAD: 'x' } })
    expect(result).toMatchObject({ stdout: '/only\n', refusedEnv: ['LD_PRELOAD'] })
  })

  test('a start-up file of the account is not run, as it would be for a remote shell daemon', async () => {
    const home = temporaryDirectory()
    writeFileSync(home.at('.bashrc'), 'echo from bashrc; SOURCED=1')
    const { run } = await execPair({ env: { HOME: home.path } })
    expect((await run('bash', ['-c', 'echo "[$SOURCED]"'])).stdout).toBe('[]\n')
  })
})

describe('arguments', () => {
  const corpus = [
    ...[
      '',
      ' ',
      '  two  spaces ',
      '\t',
      '\n',
      'line\nbreak',
      '\r\n',
      '\\',
      '\\\\',
      '\\n',
      "'",
      '"',
      '`',
      '``',
    ],
    ...[
      '$HOME',
      '$'.concat('{HOME}'),
      '$(id)',
      '`id`',
      ';',
      '; rm -rf /',
      '&',
      '&&',
      '|',
      '||',
      '>',
      '>/tmp/x',
      '<',
      '*',
      '?',
      '[a-z]',
    ],
    ...[
      '~',
      '~root',
      '-',
      '--',
      '-rf',
      '--help',
      '!',
      '!!',
      '#',
      '# comment',
      '%s',
      '{a,b}',
      '=',
      'A=1',
      '()',
      '^',
      '@',
    ],
    ...[
      "it's",
      '"quoted"',
      `mix'ed"quotes\``,
      'ü',
      '你好',
      '😀',
      'e\u0301',
      '\u202e',
      '\u0001',
      '\u007f',
      '\u001b[2J',
    ],
    ...['\';$()`"\n*~-', 'x'.repeat(10_000)],
  ]

  test('come out byte for byte as they went in', async () => {
    const { run } = await execPair()
    const { stdout } = await run('printf', ['%s\\0', ...corpus])
    expect(stdout.split('\0').slice(0, -1)).toEqual(corpus)
  })

  test('are not options or programs of a shell', async () => {
    const { run } = await execPair()
    const { stdout } = await run('sh', ['-c', 'printf "%s|" "$0" "$@"', 'a b', '$(id)', '-c'])
    expect(stdout).toBe('a b|$(id)|-c|')
  })

  test('of in-process commands come as they went in', async () => {
    const { run } = await execPair({
      commands: { args: ({ args, stdout }) => void stdout.write(JSON.stringify(args)) },
    })
    expect(JSON.parse((await run('args', corpus)).stdout)).toEqual(corpus)
  })

  test('a command line is for the shell', async () => {
    const { run } = await execPair()
    expect((await run('for i in 1 2; do echo "$i" | tr 12 ab; done; echo $((6*7)) `echo x`')).stdout).toBe(
      'a\nb\n42 x\n',
    )
  })

  test('of 120 KiB go through', async () => {
    const { run } = await execPair()
    const big = 'x'.repeat(120_000)
    expect((await run('printf', ['%s', big])).stdout).toBe(big)
  })
})

describe('{ allow }', () => {
  test('runs the program of the server, whatever the client plants', async () => {
    const { run, root } = await execPair({
      permission: { allow: ['echo', 'env'] },
      deps: { allowEnv: ['PATH'] },
    })
    writeFileSync(join(root, 'echo'), '#!/bin/sh\nprintf owned', { mode: 0o755 })
    const result = await run('echo', ['safe'], { env: { PATH: `${root}:.` } })
    expect(result).toMatchObject({ stdout: 'safe\n', refusedEnv: [] })
    expect((await run('echo')).stdout).toBe('\n')
  })

  test.each([
    ['./echo', []],
    ['/bin/echo', []],
    ['../bin/echo', []],
    ['sh', ['-c', 'id']],
  ])('does not run %s %j', async (file, args) => {
    const { exec, root, started } = await execPair({ permission: { allow: ['echo'] } })
    symlinkSync('/bin/echo', join(root, 'echo'))
    await expect(exec(file, args).result).rejects.toMatchObject({ code: 'ERR_FAKESSH_DENIED' })
    expect(started).toEqual([])
  })

  test('takes only harmless variables and those of allowEnv', async () => {
    const { run } = await execPair({ permission: { allow: ['env'] }, deps: { allowEnv: ['APP'] } })
    const { stdout, refusedEnv } = await run('env', [], {
      env: { APP: '1', TZ: 'UTC', GIT_NEW: 'x', MAKEFILES: 'x' },
    })
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['APP=1', 'TZ=UTC']))
    expect(refusedEnv).toEqual(['GIT_NEW', 'MAKEFILES'])
  })

  test('does not run command lines', async () => {
    const { exec } = await execPair({ permission: { allow: ['echo'] } })
    for (const line of ['echo x', 'echo; id', 'echo $(id)']) {
      await expect(exec(line).result).rejects.toMatchObject({
        code: 'ERR_FAKESSH_DENIED',
        message: `exec '${line}': this user may not run shell command lines`,
      })
    }
  })
})

test('a user without permission runs nothing', async () => {
  const { exec, started } = await execPair({ permission: false, commands: { hi: () => 0 } })
  for (const proc of [exec('ls'), exec('ls', []), exec('hi')]) {
    await expect(proc.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_DENIED' })
  }
  expect(started).toEqual([])
})

describe('an exec that cannot be confirmed', () => {
  test('is not started when too many variables were refused', async () => {
    const { exec, started } = await execPair()
    const env = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`LD_${i}_${'x'.repeat(1_000)}`, '']),
    )
    await expect(exec('true', { env }).result).rejects.toMatchObject({ code: 'ERR_FAKESSH_LIMIT' })
    expect(started).toEqual([])
  })

  test('is ended and refused', async () => {
    const marker = sleepMarker()
    // OPEN_OK names the directory, and then is larger than a frame.
    const { exec, failed, started } = await execPair({ deps: { toShownPath: () => 'x'.repeat(300_000) } })
    const proc = exec(`sleep ${marker}; true`)
    await expect(proc.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_LIMIT' })
    expect([started, failed.length, processesWith(marker)]).toEqual([[], 1, []])
  })
})
