import { expect, test } from 'vitest'
import { attemptFrom } from '../../../src/auth/auth-attempt.js'
import { memoryPair } from '../../../src/transport/memory-pair.js'
import type { TlsFacts, Transport } from '../../../src/transport/transport.js'

const [, memory] = memoryPair()

function overTls(facts: Partial<TlsFacts>): Transport {
  const tls = { isPsk: false, exportKeyingMaterial: () => new Uint8Array(32), ...facts }
  return { ...memory, peer: { kind: 'tcp', label: '192.0.2.1:5' }, tls }
}

test('takes the credential out of the request', () => {
  const request = { method: 'token', user: 'deploy', token: 'T' }
  expect(attemptFrom(request, memory)).toEqual({
    method: 'token',
    user: 'deploy',
    token: 'T',
    password: undefined,
    pskIdentity: undefined,
    peer: memory.peer,
  })
  expect(attemptFrom({ method: 'password', user: 'deploy', password: 'P' }, memory).password).toBe('P')
})

test('what is not text is left out', () => {
  for (const odd of [7, null, {}, ['x'], true]) {
    const attempt = attemptFrom({ method: 'token', user: 'deploy', token: odd, password: odd }, memory)
    expect([attempt.token, attempt.password]).toEqual([undefined, undefined])
  }
})

test('the identity comes from TLS and never from the peer', () => {
  const claim = {
    method: 'psk',
    user: 'deploy',
    pskIdentity: 'stolen',
    peer: { kind: 'memory', label: 'me' },
  }
  expect(attemptFrom(claim, overTls({ isPsk: true, pskIdentity: 'proved' })).pskIdentity).toBe('proved')
  expect(attemptFrom(claim, overTls({ isPsk: false, pskIdentity: 'named' })).pskIdentity).toBeUndefined()
  expect(attemptFrom(claim, memory).pskIdentity).toBeUndefined()
  expect(attemptFrom(claim, memory).peer).toBe(memory.peer)
})
