import { scryptSync } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { AuthAttempt } from '../../../src/auth/auth-attempt.js'
import { hashPassword } from '../../../src/auth/password.js'
import { generateToken, pskFromToken } from '../../../src/auth/token.js'
import { type Authenticate, UserDirectory, type UserOptions } from '../../../src/auth/users.js'

const TOKEN = generateToken()
const OTHER = generateToken()
const PASSWORD = 'correct horse'
let passwordHash: string

beforeAll(async () => {
  passwordHash = await hashPassword(PASSWORD)
})

const peer = { kind: 'memory', label: 'memory' } as const
const attempt = (fields: Partial<AuthAttempt> & { method: string }): AuthAttempt => ({
  user: 'deploy',
  peer,
  ...fields,
})

function directory(users: Record<string, unknown>, authenticate?: Authenticate, onError = vi.fn()) {
  return new UserDirectory({ users: users as Record<string, UserOptions>, authenticate, onError })
}

describe('what proves a configured user', () => {
  const users = () =>
    directory({
      deploy: { token: TOKEN, root: '/srv/app', exec: 'shell', allowEnv: ['PATH'] },
      ci: { token: OTHER, readOnly: true },
      bob: { passwordHash },
      both: { token: 'b'.repeat(40), passwordHash },
    })

  test('the key of their own token, proved by TLS', async () => {
    const { identity } = pskFromToken(TOKEN)
    expect(await users().verify(attempt({ method: 'psk', pskIdentity: identity }))).toEqual({
      name: 'deploy',
      root: '/srv/app',
      readOnly: false,
      exec: 'shell',
      allowEnv: ['PATH'],
    })
  })

  test('their token', async () => {
    expect(await users().verify(attempt({ method: 'token', token: TOKEN }))).toMatchObject({ name: 'deploy' })
    expect(await users().verify(attempt({ method: 'token', user: 'ci', token: OTHER }))).toMatchObject({
      name: 'ci',
      readOnly: true,
      exec: false,
      root: undefined,
    })
  })

  test('their password', async () => {
    expect(
      await users().verify(attempt({ method: 'password', user: 'bob', password: PASSWORD })),
    ).toMatchObject({
      name: 'bob',
    })
  })

  test('either, when they have both', async () => {
    const both = users()
    expect(await both.verify(attempt({ method: 'token', user: 'both', token: 'b'.repeat(40) }))).toBeDefined()
    expect(await both.verify(attempt({ method: 'password', user: 'both', password: PASSWORD }))).toBeDefined()
  })

  test.each<[string, () => Partial<AuthAttempt> & { method: string }]>([
    ['another user’s key', () => ({ method: 'psk', pskIdentity: pskFromToken(OTHER).identity })],
    ['no key, though they say so', () => ({ method: 'psk' })],
    ['a key nobody has', () => ({ method: 'psk', pskIdentity: '0'.repeat(32) })],
    [
      'the key of a user that has none',
      () => ({ method: 'psk', user: 'bob', pskIdentity: pskFromToken(TOKEN).identity }),
    ],
    [
      'a key, for a user that does not exist',
      () => ({ method: 'psk', user: 'x', pskIdentity: pskFromToken(TOKEN).identity }),
    ],
    ['their key, offered as a token', () => ({ method: 'token', pskIdentity: pskFromToken(TOKEN).identity })],
    ['their token, offered as a key', () => ({ method: 'psk', token: TOKEN })],
    ['another user’s token', () => ({ method: 'token', token: OTHER })],
    ['a prefix of the token', () => ({ method: 'token', token: TOKEN.slice(0, -1) })],
    ['an empty token', () => ({ method: 'token', token: '' })],
    ['no token', () => ({ method: 'token' })],
    ['a token, for a user that does not exist', () => ({ method: 'token', user: 'x', token: TOKEN })],
    ['no token, for a user that has none', () => ({ method: 'token', user: 'bob' })],
    ['a wrong password', () => ({ method: 'password', user: 'bob', password: 'wrong' })],
    ['no password', () => ({ method: 'password', user: 'bob' })],
    ['a password, for a user that has none', () => ({ method: 'password', password: PASSWORD })],
    [
      'a password, for a user that does not exist',
      () => ({ method: 'password', user: 'x', password: PASSWORD }),
    ],
    ['a method nobody knows', () => ({ method: 'publickey', token: TOKEN })],
    ['a method that is a property of objects', () => ({ method: 'constructor', token: TOKEN })],
    ['a user that is a property of objects', () => ({ method: 'token', user: '__proto__', token: TOKEN })],
  ])('not: %s', async (_name, make) => {
    expect(await users().verify(attempt(make()))).toBeUndefined()
  })
})

describe('what the user is', () => {
  test('frozen, and a copy: changing the options afterwards changes nothing', async () => {
    const allow = ['git']
    const allowEnv = ['LANG']
    const options = { token: TOKEN, exec: { allow }, allowEnv, readOnly: true }
    const users = directory({ deploy: options })
    options.readOnly = false
    allow.push('sh')
    allowEnv.push('LD_PRELOAD')
    const user = await users.verify(attempt({ method: 'token', token: TOKEN }))
    expect(user).toEqual({
      name: 'deploy',
      root: undefined,
      readOnly: true,
      exec: { allow: ['git'] },
      allowEnv: ['LANG'],
    })
    const exec = user?.exec as { allow: string[] }
    for (const part of [user, exec, exec.allow, user?.allowEnv]) expect(Object.isFrozen(part)).toBe(true)
  })

  test('holds no credential', async () => {
    const users = directory({ deploy: { token: TOKEN, passwordHash } })
    const user = await users.verify(attempt({ method: 'token', token: TOKEN }))
    expect(Object.keys(user ?? {}).sort()).toEqual(['allowEnv', 'exec', 'name', 'readOnly', 'root'])
    expect(JSON.stringify(user)).not.toContain(TOKEN)
  })
})

test('keys and tokens can be looked up', () => {
  const users = directory({ deploy: { token: TOKEN }, bob: { passwordHash } })
  const psk = pskFromToken(TOKEN)
  expect(users.hasTokens).toBe(true)
  expect(users.pskLookup(psk.identity)).toEqual(psk.key)
  expect(users.pskLookup(pskFromToken(OTHER).identity)).toBeUndefined()
  expect(users.pskLookup('__proto__')).toBeUndefined()
  expect(users.tokenOf('deploy')).toBe(TOKEN)
  expect(users.tokenOf('bob')).toBeUndefined()
  expect(users.tokenOf('toString')).toBeUndefined()
  expect(directory({ bob: { passwordHash } }).hasTokens).toBe(false)
})

describe('mistakes in the options are told at once', () => {
  test.each<[string, unknown, string, RegExp]>([
    ['nobody', {}, 'ERR_FAKESSH_NO_USERS', /users or an authenticate/],
    ['no object', 7, 'ERR_FAKESSH_INVALID_ARG', /users: expected an object/],
    ['no user', { a: null }, 'ERR_FAKESSH_INVALID_ARG', /users\["a"\]: expected an object, got null/],
    ['a token in place of a user', { a: TOKEN }, 'ERR_FAKESSH_INVALID_ARG', /users\["a"\]/],
    ['a short token', { a: { token: 'short' } }, 'ERR_FAKESSH_WEAK_TOKEN', /users\["a"\]\.token: .* has 5/],
    [
      'an undefined token',
      { a: { token: undefined } },
      'ERR_FAKESSH_INVALID_ARG',
      /neither token nor passwordHash/,
    ],
    ['no credential', { a: { root: '/' } }, 'ERR_FAKESSH_INVALID_ARG', /neither token nor passwordHash/],
    [
      'a password in place of its hash',
      { a: { passwordHash: 'hunter2' } },
      'ERR_FAKESSH_INVALID_ARG',
      /passwordHash/,
    ],
    [
      'a typo that would grant writing',
      { a: { token: TOKEN, readonly: true } },
      'ERR_FAKESSH_INVALID_ARG',
      /users\["a"\]: unknown option "readonly"; known are .*readOnly/,
    ],
    [
      'a password',
      { a: { token: TOKEN, password: 'x' } },
      'ERR_FAKESSH_INVALID_ARG',
      /unknown option "password"/,
    ],
    [
      'a token that two share',
      { a: { token: TOKEN }, b: { token: TOKEN } },
      'ERR_FAKESSH_INVALID_ARG',
      /users\["b"\]\.token: the same as that of "a"/,
    ],
    [
      'exec: true',
      { a: { token: TOKEN, exec: true } },
      'ERR_FAKESSH_INVALID_ARG',
      /exec: expected false, 'shell'/,
    ],
    ['exec of another name', { a: { token: TOKEN, exec: 'sh' } }, 'ERR_FAKESSH_INVALID_ARG', /exec/],
    ['exec with a typo', { a: { token: TOKEN, exec: { alow: [] } } }, 'ERR_FAKESSH_INVALID_ARG', /exec/],
    [
      'exec with more',
      { a: { token: TOKEN, exec: { allow: [], shell: 1 } } },
      'ERR_FAKESSH_INVALID_ARG',
      /exec/,
    ],
    [
      'allow that is no list',
      { a: { token: TOKEN, exec: { allow: 'git' } } },
      'ERR_FAKESSH_INVALID_ARG',
      /exec\.allow/,
    ],
    [
      'readOnly: 1',
      { a: { token: TOKEN, readOnly: 1 } },
      'ERR_FAKESSH_INVALID_ARG',
      /readOnly: expected a boolean/,
    ],
    ['an empty root', { a: { token: TOKEN, root: '' } }, 'ERR_FAKESSH_INVALID_ARG', /root/],
    [
      'allowEnv that is text',
      { a: { token: TOKEN, allowEnv: 'PATH' } },
      'ERR_FAKESSH_INVALID_ARG',
      /allowEnv/,
    ],
    ['an empty name', { '': { token: TOKEN } }, 'ERR_FAKESSH_INVALID_ARG', /user name/],
    [
      'a name too long for the wire',
      { ['x'.repeat(257)]: { token: TOKEN } },
      'ERR_FAKESSH_INVALID_ARG',
      /user name/,
    ],
  ])('%s', (_name, users, code, message) => {
    const make = () => directory(users as Record<string, unknown>)
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
    expect(make).not.toThrow(TOKEN)
    expect(make).not.toThrow('hunter2')
  })

  test('no users and no callback at all', () => {
    expect(() => new UserDirectory({})).toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_NO_USERS' }))
  })

  test('a callback that is none', () => {
    const authenticate = 'yes' as unknown as Authenticate
    expect(() => new UserDirectory({ authenticate })).toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG' }),
    )
  })
})

describe('the authenticate callback', () => {
  test('decides about those who are not configured, with what they offered', async () => {
    const authenticate = vi.fn<Authenticate>(async ({ password }) =>
      password === 'open' ? { exec: 'argv' } : undefined,
    )
    const users = new UserDirectory({ authenticate })
    const good = attempt({ method: 'password', user: 'ann', password: 'open' })
    expect(await users.verify(good)).toEqual({
      name: 'ann',
      exec: 'argv',
      readOnly: false,
      root: undefined,
      allowEnv: undefined,
    })
    expect(authenticate).toHaveBeenCalledWith(good)
    expect(await users.verify({ ...good, password: 'no' })).toBeUndefined()
  })

  test('is not asked about a user with a credential, however wrong the attempt', async () => {
    const authenticate = vi.fn<Authenticate>(() => ({}))
    const users = directory({ deploy: { token: TOKEN } }, authenticate)
    expect(await users.verify(attempt({ method: 'token', token: OTHER }))).toBeUndefined()
    expect(await users.verify(attempt({ method: 'password', password: PASSWORD }))).toBeUndefined()
    expect(await users.verify(attempt({ method: 'token', token: TOKEN }))).toMatchObject({ name: 'deploy' })
    expect(authenticate).not.toHaveBeenCalled()
  })

  test('lets a configured user without a credential keep what it does not override', async () => {
    const users = directory({ ann: { root: '/srv', readOnly: true } }, () => ({ exec: 'argv' }))
    expect(await users.verify(attempt({ method: 'password', user: 'ann', password: 'x' }))).toMatchObject({
      name: 'ann',
      root: '/srv',
      readOnly: true,
      exec: 'argv',
    })
  })

  test('may name the user, which is frozen as any other', async () => {
    const returned = { name: 'service', exec: { allow: ['git'] } }
    const users = new UserDirectory({ authenticate: () => returned })
    const user = await users.verify(attempt({ method: 'token', user: 'alias', token: 'x' }))
    returned.exec.allow.push('sh')
    expect(user).toMatchObject({ name: 'service', exec: { allow: ['git'] } })
    expect(Object.isFrozen(user)).toBe(true)
  })

  test.each<[string, Authenticate]>([
    ['undefined', () => undefined],
    ['null', () => null],
    ['a promise of undefined', async () => undefined],
  ])('refuses by %s', async (_name, authenticate) => {
    const onError = vi.fn()
    const users = directory({}, authenticate, onError)
    expect(await users.verify(attempt({ method: 'token', token: 'x' }))).toBeUndefined()
    expect(onError).not.toHaveBeenCalled()
  })

  const wrong = (value: unknown) => (() => value) as unknown as Authenticate
  test.each<[string, Authenticate]>([
    [
      'throwing',
      () => {
        throw new Error('database is down')
      },
    ],
    [
      'rejecting',
      async () => {
        await turn()
        throw new Error('database is down')
      },
    ],
    ['rejecting with nothing', () => Promise.reject()],
    ['returning true', wrong(true)],
    ['returning a name', wrong('ann')],
    ['returning a typo', wrong({ readonly: true })],
    ['returning what is no permission', wrong({ exec: true })],
    ['returning an empty name', wrong({ name: '' })],
  ])('refuses, and reports the cause, by %s', async (_name, authenticate) => {
    const onError = vi.fn()
    const users = directory({}, authenticate, onError)
    const tried = attempt({ method: 'token', token: 'x' })
    expect(await users.verify(tried)).toBeUndefined()
    expect(onError).toHaveBeenCalledTimes(1)
    expect(onError.mock.calls[0]?.[1]).toBe(tried)
  })

  test('a hook that throws itself changes nothing', async () => {
    const onError = () => {
      throw new Error('no disk left for the log')
    }
    const users = new UserDirectory({ authenticate: () => Promise.reject(new Error('x')), onError })
    expect(await users.verify(attempt({ method: 'token' }))).toBeUndefined()
  })
})

describe('equal work', () => {
  const timed = async (work: () => Promise<unknown>) => {
    const began = performance.now()
    await work()
    return performance.now() - began
  }

  test('a password for an unknown user takes as long as for a known one', async () => {
    const users = directory({ bob: { passwordHash }, deploy: { token: TOKEN } })
    const tries = (user: string) => () =>
      users.verify(attempt({ method: 'password', user, password: 'wrong' }))
    const times: Record<string, number> = {}
    for (const user of ['bob', 'deploy', 'nobody']) {
      times[user] = Math.min(await timed(tries(user)), await timed(tries(user)), await timed(tries(user)))
    }
    const [slowest, fastest] = [Math.max(...Object.values(times)), Math.min(...Object.values(times))]
    expect(slowest / fastest).toBeLessThan(3)
  })

  test('where nobody has a password, none is worked on', async () => {
    const users = directory({ deploy: { token: TOKEN } })
    const began = performance.now()
    for (let index = 0; index < 100; index++)
      await users.verify(attempt({ method: 'password', password: 'x' }))
    expect(performance.now() - began).toBeLessThan(1000)
  })

  test('too many passwords at once are refused and reported', async () => {
    const onError = vi.fn()
    const salt = Buffer.alloc(16)
    const cheap = scryptSync('secret', salt, 32, { N: 1024, r: 8, p: 1 }).toString('base64')
    const stored = `scrypt:1024:8:1:${salt.toString('base64')}:${cheap}`
    const users = directory({ bob: { passwordHash: stored } }, undefined, onError)
    const tries = Array.from({ length: 80 }, () =>
      users.verify(attempt({ method: 'password', user: 'bob', password: 'x'.repeat(10) })),
    )
    // Those beyond the bound are refused before the first of the others is done.
    await Promise.race(tries)
    expect(onError).toHaveBeenCalledTimes(80 - 66)
    expect(onError.mock.calls[0]?.[0]).toMatchObject({ code: 'ERR_FAKESSH_LIMIT' })
    expect((await Promise.all(tries)).every((user) => user === undefined)).toBe(true)
  })
})
