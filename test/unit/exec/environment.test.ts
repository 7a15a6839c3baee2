import { userInfo } from 'node:os'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  baseEnvironment,
  DEFAULT_PATH,
  mergeEnvironment,
  requireNoneRefused,
} from '../../../src/exec/environment.js'

const merge = (entries: [string, string][], allowEnv?: string[]) =>
  mergeEnvironment(baseEnvironment('/bin/sh'), entries, allowEnv)

describe('the base', () => {
  const saved = { ...process.env }
  beforeEach(() => {
    process.env.FAKESSH_CANARY = 'secret'
  })
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in saved)) delete process.env[name]
    Object.assign(process.env, saved)
  })

  test('holds the account, a fixed PATH and the language, and nothing of the server', () => {
    delete process.env.TMPDIR
    process.env.LANG = 'de_DE.UTF-8'
    const { username, homedir } = userInfo()
    expect({ ...baseEnvironment('/bin/zsh') }).toEqual({
      PATH: DEFAULT_PATH,
      HOME: homedir,
      USER: username,
      LOGNAME: username,
      SHELL: '/bin/zsh',
      SHLVL: '1',
      LANG: 'de_DE.UTF-8',
    })
  })

  test('does not hold the secrets, PATH, NODE_OPTIONS or TERM of the process', () => {
    process.env.NODE_OPTIONS = '--no-warnings'
    process.env.TERM = 'xterm'
    process.env.PATH = `/secret/bin:${process.env.PATH}`
    const base = baseEnvironment('/bin/sh')
    expect(base.FAKESSH_CANARY).toBeUndefined()
    expect(base.NODE_OPTIONS).toBeUndefined()
    expect(base.TERM).toBeUndefined()
    expect(base.PATH).toBe(DEFAULT_PATH)
    expect(Object.values(base).join()).not.toContain('secret')
  })

  test('falls back to C.UTF-8, and has TMPDIR where the server has one', () => {
    delete process.env.LANG
    process.env.TMPDIR = '/var/tmp'
    expect(baseEnvironment('/bin/sh')).toMatchObject({ LANG: 'C.UTF-8', TMPDIR: '/var/tmp' })
  })

  test('the additions of the server go over it, whatever their names', () => {
    const base = baseEnvironment('/bin/sh', { PATH: '/opt/bin', LD_PRELOAD: 'x.so', APP: '1' })
    expect(base).toMatchObject({ PATH: '/opt/bin', LD_PRELOAD: 'x.so', APP: '1' })
  })

  test('has no prototype', () => {
    const additions = JSON.parse('{"__proto__":"a","constructor":"b"}')
    const base = baseEnvironment('/bin/sh', additions)
    expect(Object.getPrototypeOf(base)).toBeNull()
    expect(base.constructor).toBe('b')
  })
})

describe('what a client adds', () => {
  test('goes over the base, and the base stays as it was', () => {
    const base = baseEnvironment('/bin/sh')
    const { env, refused } = mergeEnvironment(base, [
      ['LANG', 'C'],
      ['APP', 'x=y\n"'],
    ])
    expect(env).toMatchObject({ LANG: 'C', APP: 'x=y\n"', PATH: DEFAULT_PATH })
    expect(refused).toEqual([])
    expect(base.APP).toBeUndefined()
  })

  test('is refused by name, in the order it came, and the rest is set', () => {
    const { env, refused } = merge([
      ['NODE_OPTIONS', '--require=/tmp/evil.js'],
      ['GOOD', '1'],
      ['LD_PRELOAD', '/tmp/evil.so'],
      ['PATH', '/tmp'],
    ])
    expect(refused).toEqual(['NODE_OPTIONS', 'LD_PRELOAD', 'PATH'])
    expect(env).toMatchObject({ GOOD: '1', PATH: DEFAULT_PATH })
    expect('NODE_OPTIONS' in env).toBe(false)
  })

  test('allowEnv lets exactly the names it holds through', () => {
    const { env, refused } = merge(
      [
        ['PATH', '/opt/bin'],
        ['LD_PRELOAD', 'a.so'],
        ['LD_LIBRARY_PATH', '/opt/lib'],
      ],
      ['PATH', 'LD_LIBRARY_PATH'],
    )
    expect(env).toMatchObject({ PATH: '/opt/bin', LD_LIBRARY_PATH: '/opt/lib' })
    expect(refused).toEqual(['LD_PRELOAD'])
  })

  test('a user with a list of programs may set only harmless variables and those of allowEnv', () => {
    const entries = ['LANG', 'TZ', 'APP', 'PATH', 'HARMLESS_BY_NAME', 'NODE_OPTIONS'].map(
      (name) => [name, 'C'] as const,
    )
    const { env, refused } = mergeEnvironment(baseEnvironment('/bin/sh'), entries, ['APP'], {
      allow: ['git'],
    })
    expect(env).toMatchObject({ LANG: 'C', TZ: 'C', APP: 'C', PATH: DEFAULT_PATH })
    expect(refused).toEqual(['PATH', 'HARMLESS_BY_NAME', 'NODE_OPTIONS'])
    for (const exec of ['shell', 'argv', undefined] as const) {
      expect(mergeEnvironment({}, [['APP', '1']], [], exec).refused).toEqual([])
    }
  })

  test('names that were refused are bounded, as they stand in a frame', () => {
    expect(merge([[`LD_${'x'.repeat(65_529)}`, '']]).refused).toHaveLength(1)
    for (const name of [`LD_${'x'.repeat(65_530)}`, `LD_${'\u0001'.repeat(11_000)}`]) {
      expect(() => merge([[name, '']])).toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_LIMIT' }))
    }
  })

  test.each(['', 'A=B', '=', 'A\0B', '\0'])(
    'the name %j is refused, also where allowEnv holds it',
    (name) => {
      const { env, refused } = merge([[name, 'x']], [name])
      expect(refused).toEqual([name])
      expect(env).toEqual(baseEnvironment('/bin/sh'))
    },
  )

  test('a value with NUL is refused', () => {
    expect(merge([['A', 'x\0PATH=/tmp']]).refused).toEqual(['A'])
  })

  test('a variable may be called __proto__', () => {
    const { env, refused } = merge([['__proto__', 'x']])
    expect(refused).toEqual([])
    expect(Object.keys(env)).toContain('__proto__')
    expect(Object.getPrototypeOf(env)).toBeNull()
    expect({}).not.toHaveProperty('x')
  })
})

describe('strictEnv', () => {
  test('names what was refused', () => {
    expect(() => requireNoneRefused(['LD_PRELOAD', 'X\u001b[2J'])).toThrow(
      expect.objectContaining({
        code: 'ERR_FAKESSH_ENV_REFUSED',
        message: 'the server refuses to set LD_PRELOAD, X\\x1b[2J',
      }),
    )
  })

  test('has nothing to say when nothing was refused', () => {
    expect(() => requireNoneRefused([])).not.toThrow()
  })
})
