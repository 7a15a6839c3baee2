import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ConnectionTarget,
  formatConnectionString,
  parseConnectionString,
} from '../../../src/auth/connection-string.js'
import { generateToken } from '../../../src/auth/token.js'

const TOKEN = generateToken()
const FINGERPRINT = `SHA256:${'aB3+/'.repeat(8)}xyz`

describe('both ways', () => {
  test.each<[string, ConnectionTarget]>([
    [
      `fakessh://deploy:${TOKEN}@127.0.0.1:7022`,
      { user: 'deploy', token: TOKEN, host: '127.0.0.1', port: 7022 },
    ],
    [
      `fakessh://deploy:${TOKEN}@server.example:1#${FINGERPRINT}`,
      { user: 'deploy', token: TOKEN, host: 'server.example', port: 1, fingerprint: FINGERPRINT },
    ],
    [`fakessh://d:t@[::1]:65535`, { user: 'd', token: 't', host: '::1', port: 65_535 }],
    [`fakessh://d:t@[fe80::1%25eth0]:7022`, { user: 'd', token: 't', host: 'fe80::1%eth0', port: 7022 }],
    [
      'fakessh://d%40ci:t%3A%2F%40%23%20%C3%BC@host:7022',
      { user: 'd@ci', token: 't:/@# ü', host: 'host', port: 7022 },
    ],
    ['fakessh+unix://d:t@/run/fake-ssh.sock', { user: 'd', token: 't', socketPath: '/run/fake-ssh.sock' }],
    [
      'fakessh+unix://d:t@/tmp/a%20b/%40%23%3F%25/x.sock',
      { user: 'd', token: 't', socketPath: '/tmp/a b/@#?%/x.sock' },
    ],
  ])('%s', (text, target) => {
    expect(formatConnectionString(target)).toBe(text)
    expect(parseConnectionString(text)).toEqual(target)
  })
})

// Any text but lone surrogates, which UTF-8 cannot write.
const text = fc.string({ unit: 'binary', minLength: 1 })
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/)
const host = fc.oneof(
  fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
  fc.ipV4(),
  fc.ipV6(),
)
const port = fc.integer({ min: 1, max: 65_535 })
const fingerprint = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((digest) => `SHA256:${Buffer.from(digest).toString('base64').slice(0, -1)}`)
const tcp = fc.record(
  { user: text, token: text, host, port, fingerprint },
  { requiredKeys: ['user', 'token', 'host', 'port'] },
)
const socketPath = fc.string({ unit: 'binary' }).map((path) => `/${path.replaceAll('\0', '')}`)
const unix = fc.record({ user: text, token: text, socketPath })

describe('properties', () => {
  test('what is written is read as it was, and is one word of ASCII', () => {
    fc.assert(
      fc.property(fc.oneof(tcp, unix), (target) => {
        const written = formatConnectionString(target as ConnectionTarget)
        expect(written).toMatch(/^[\u0021-\u007e]+$/)
        expect(parseConnectionString(written)).toEqual({ ...target })
      }),
      { seed: 1, numRuns: 500 },
    )
  })

  test('WHATWG URL sees the same user, token and port', () => {
    fc.assert(
      fc.property(tcp, (target) => {
        const url = new URL(formatConnectionString(target as ConnectionTarget))
        expect(decodeURIComponent(url.username)).toBe(target.user)
        expect(decodeURIComponent(url.password)).toBe(target.token)
        expect(url.port).toBe(String(target.port))
        expect(url.hash).toBe(target.fingerprint === undefined ? '' : `#${target.fingerprint}`)
      }),
      { seed: 2, numRuns: 200 },
    )
  })

  test('any text is read or refused by our own error, which holds no part of a secret', () => {
    const mutilated = fc
      .tuple(tcp, fc.nat(), fc.string({ maxLength: 3 }), fc.nat({ max: 3 }))
      .map(([target, at, inserted, cut]) => {
        const written = formatConnectionString({ ...target, token: TOKEN } as ConnectionTarget)
        const index = at % written.length
        return written.slice(0, index) + inserted + written.slice(index + cut)
      })
    fc.assert(
      fc.property(fc.oneof(fc.string(), mutilated), (input) => {
        try {
          parseConnectionString(input)
        } catch (error) {
          const { code, message, cause, stack } = error as Error & { code: string }
          expect(code).toBe('ERR_FAKESSH_INVALID_ARG')
          expect(cause).toBeUndefined()
          expect(`${message}${stack}`).not.toContain(TOKEN.slice(0, 12))
          expect(`${message}${stack}`).not.toContain(TOKEN.slice(-12))
        }
      }),
      { seed: 3, numRuns: 1000 },
    )
  })
})

test.each([
  '',
  'deploy',
  `ssh://deploy:${TOKEN}@host:7022`,
  `https://deploy:${TOKEN}@host:7022`,
  `FAKESSH://deploy:${TOKEN}@host:7022`,
  ` fakessh://deploy:${TOKEN}@host:7022`,
  `fakessh:/deploy:${TOKEN}@host:7022`,
  `fakessh://deploy:${TOKEN}@host`,
  `fakessh://deploy:${TOKEN}@host:`,
  `fakessh://deploy:${TOKEN}@:7022`,
  `fakessh://deploy:${TOKEN}@host:0`,
  `fakessh://deploy:${TOKEN}@host:65536`,
  `fakessh://deploy:${TOKEN}@host:70x`,
  `fakessh://deploy:${TOKEN}@host:-1`,
  `fakessh://deploy:${TOKEN}@::1:7022`,
  `fakessh://deploy:${TOKEN}@[host]:7022`,
  `fakessh://deploy:${TOKEN}@[::1:7022`,
  `fakessh://deploy:${TOKEN}@host:7022/path`,
  `fakessh://deploy:${TOKEN}@host:7022?x=1`,
  `fakessh://deploy:${TOKEN}@host:7022#`,
  `fakessh://deploy:${TOKEN}@host:7022#SHA256:short`,
  `fakessh://deploy:${TOKEN}@host:7022#MD5:aa:bb`,
  `fakessh://deploy:${TOKEN}@host:7022#${FINGERPRINT}\n`,
  `fakessh://deploy:${TOKEN}@evil@host:7022`,
  `fakessh://deploy:${TOKEN}:x@host:7022`,
  `fakessh://deploy:${TOKEN}%@host:7022`,
  `fakessh://deploy:${TOKEN}%ff@host:7022`,
  `fakessh://deploy:@host:7022`,
  `fakessh://:${TOKEN}@host:7022`,
  `fakessh://deploy@host:7022`,
  `fakessh://${TOKEN}@host:7022`,
  `fakessh://host:7022`,
  `fakessh+unix://deploy:${TOKEN}@relative.sock`,
  `fakessh+unix://deploy:${TOKEN}@`,
  `fakessh+unix://deploy:${TOKEN}@/a%00b`,
  `fakessh+unix://deploy:${TOKEN}@/a.sock#${FINGERPRINT}`,
  `fakessh+tcp://deploy:${TOKEN}@host:7022`,
])('%s is refused without being shown', (input) => {
  const read = () => parseConnectionString(input)
  expect(read).toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG' }))
  expect(read).not.toThrow(TOKEN)
})

test('what is no text is refused', () => {
  expect(() => parseConnectionString(undefined as unknown as string)).toThrow(
    expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG' }),
  )
})

const TARGET = { user: 'deploy', token: TOKEN, host: 'host', port: 7022 }

test.each<[string, object]>([
  ['no user', { ...TARGET, user: '' }],
  ['no token', { ...TARGET, token: undefined }],
  ['half a character', { ...TARGET, token: `${TOKEN}\ud800` }],
  ['no host', { ...TARGET, host: '' }],
  ['a host with a path', { ...TARGET, host: 'host/x' }],
  ['a host with a login', { ...TARGET, host: 'a@host' }],
  ['a host with spaces', { ...TARGET, host: 'a host' }],
  ['no port', { ...TARGET, port: 0 }],
  ['a port out of range', { ...TARGET, port: 65_536 }],
  ['a fingerprint that is none', { ...TARGET, fingerprint: 'aa:bb' }],
  ['a relative path', { user: 'a', token: TOKEN, socketPath: 'x.sock' }],
  ['a path with a NUL', { user: 'a', token: TOKEN, socketPath: '/x\0' }],
])('a target cannot be written: %s', (_name, target) => {
  const write = () => formatConnectionString(target as ConnectionTarget)
  expect(write).toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG' }))
  expect(write).not.toThrow(TOKEN)
})
