import { describe, expect, test } from 'vitest'
import {
  type CredentialMode,
  type CredentialOptions,
  credentialFrom,
  credentialMode,
} from '../../../src/auth/credential.js'
import { generateToken, pskFromToken } from '../../../src/auth/token.js'
import { memoryPair } from '../../../src/transport/memory-pair.js'
import type { TlsFacts, Transport } from '../../../src/transport/transport.js'

const TOKEN = generateToken()
const [memory] = memoryPair()
const unix: Transport = { ...memory, peer: { kind: 'unix', label: '/run/x.sock' } }
const tcp: Transport = { ...memory, peer: { kind: 'tcp', label: 'server.example:7022' } }
const tls = (isPsk: boolean): Transport => {
  const facts: TlsFacts = { isPsk, exportKeyingMaterial: () => new Uint8Array(32) }
  return { ...tcp, tls: facts }
}

test.each<[string, Parameters<typeof credentialMode>[0], CredentialMode]>([
  ['a token alone proves the server too', { isPlain: false, token: TOKEN }, 'psk'],
  [
    'a token with a pinned key is sent',
    { isPlain: false, token: TOKEN, fingerprint: 'SHA256:x' },
    'certificate',
  ],
  ['a token with authorities is sent', { isPlain: false, token: TOKEN, ca: 'PEM' }, 'certificate'],
  ['a password is sent', { isPlain: false }, 'certificate'],
  ['nothing is verified on a plain transport', { isPlain: true, token: TOKEN }, 'plain'],
])('%s', (_name, options, mode) => {
  expect(credentialMode(options)).toBe(mode)
})

describe('what is sent', () => {
  test('nothing but the user, when TLS proves the token', async () => {
    const credential = credentialFrom({ user: 'deploy', token: TOKEN }, 'psk')
    expect(credential).toMatchObject({ method: 'psk', user: 'deploy', psk: pskFromToken(TOKEN) })
    expect(await credential.authRequest(tls(true))).toEqual({ method: 'psk', user: 'deploy' })
  })

  test.each<CredentialMode>(['certificate', 'plain'])('the token, in mode %s', async (mode) => {
    const credential = credentialFrom({ user: 'deploy', token: TOKEN }, mode)
    expect(credential.psk).toBeUndefined()
    const request = { method: 'token', user: 'deploy', token: TOKEN }
    for (const transport of [tls(false), unix, memory])
      expect(await credential.authRequest(transport)).toEqual(request)
  })

  test.each<CredentialMode>(['certificate', 'plain'])('the password, in mode %s', async (mode) => {
    const credential = credentialFrom({ user: 'bob', password: 'x' }, mode)
    const request = { method: 'password', user: 'bob', password: 'x' }
    expect(await credential.authRequest(tls(false))).toEqual(request)
  })
})

describe('what is not sent', () => {
  test('a credential over TCP without TLS', () => {
    for (const options of [
      { user: 'a', token: TOKEN },
      { user: 'a', password: 'x' },
    ]) {
      for (const mode of ['certificate', 'plain'] as const) {
        const send = () => credentialFrom(options, mode).authRequest(tcp)
        expect(send).toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_SERVER_IDENTITY' }))
      }
    }
  })

  test('the claim that TLS proved the token, where it did not', () => {
    const credential = credentialFrom({ user: 'a', token: TOKEN }, 'psk')
    for (const transport of [tls(false), tcp, memory]) {
      expect(() => credential.authRequest(transport)).toThrow(
        expect.objectContaining({ code: 'ERR_FAKESSH_SERVER_IDENTITY' }),
      )
    }
  })
})

test.each<[string, unknown, CredentialMode, string, RegExp]>([
  ['no user', { token: TOKEN }, 'psk', 'ERR_FAKESSH_INVALID_ARG', /user/],
  ['an empty user', { user: '', token: TOKEN }, 'psk', 'ERR_FAKESSH_INVALID_ARG', /user/],
  [
    'no credential',
    { user: 'a' },
    'certificate',
    'ERR_FAKESSH_INVALID_ARG',
    /either token or password, got neither/,
  ],
  [
    'two credentials',
    { user: 'a', token: TOKEN, password: 'x' },
    'psk',
    'ERR_FAKESSH_INVALID_ARG',
    /got both/,
  ],
  ['a weak token', { user: 'a', token: 'hunter2' }, 'psk', 'ERR_FAKESSH_WEAK_TOKEN', /has 7/],
  ['an empty password', { user: 'a', password: '' }, 'certificate', 'ERR_FAKESSH_INVALID_ARG', /password/],
  [
    'a password that is none',
    { user: 'a', password: 7 },
    'certificate',
    'ERR_FAKESSH_INVALID_ARG',
    /password/,
  ],
  ['a password as a key', { user: 'a', password: 'x' }, 'psk', 'ERR_FAKESSH_INVALID_ARG', /token/],
])('a mistake in the options is told: %s', (_name, options, mode, code, message) => {
  const make = () => credentialFrom(options as CredentialOptions, mode)
  expect(make).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
  expect(make).not.toThrow('hunter2')
})
