// Credentials from the client's options to the server's decision, over real TLS, a unix socket and the in-memory pair:
// what one side derives, sends and proves has to be what the other looks up, reads and believes.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { attemptFrom } from '../../src/auth/auth-attempt.js'
import { formatConnectionString, parseConnectionString } from '../../src/auth/connection-string.js'
import { type CredentialOptions, credentialFrom, credentialMode } from '../../src/auth/credential.js'
import { hashPassword } from '../../src/auth/password.js'
import { makeSelfSigned, type ServerCertificate } from '../../src/auth/self-signed.js'
import { generateToken } from '../../src/auth/token.js'
import { UserDirectory } from '../../src/auth/users.js'
import type { AuthRequest } from '../../src/protocol/messages.js'
import { memoryPair } from '../../src/transport/memory-pair.js'
import { dialTls, type TlsDialOptions } from '../../src/transport/tls-dial.js'
import type { Transport } from '../../src/transport/transport.js'
import { dialUnix, listenUnix } from '../../src/transport/unix-socket.js'
import { Arrivals, startListener } from '../helpers/tls-listener.js'

const TOKEN = generateToken()
const PASSWORD = 'correct horse'
let certificate: ServerCertificate
let passwordHash: string
let users: UserDirectory

beforeAll(async () => {
  ;[certificate, passwordHash] = await Promise.all([makeSelfSigned('127.0.0.1'), hashPassword(PASSWORD)])
})

beforeEach(() => {
  users = new UserDirectory({
    users: {
      deploy: { token: TOKEN, exec: 'shell' },
      ci: { token: generateToken(), readOnly: true },
      bob: { passwordHash },
    },
  })
})

const pskLookup = (identity: string) => users.pskLookup(identity)

/** What the server decides when the client sends what its credential says over that pair. */
async function decide(client: Transport, server: Transport, options: CredentialOptions, trust: object = {}) {
  const credential = credentialFrom(
    options,
    credentialMode({ isPlain: client.tls === undefined, ...options, ...trust }),
  )
  const request = (await credential.authRequest(client)) as AuthRequest
  return users.verify(attemptFrom(request, server))
}

/** Dials as a client with these options does, and returns both ends. */
async function overTls(options: CredentialOptions, trust: Partial<TlsDialOptions>, server: object) {
  const listener = await startListener(server)
  const { psk } = credentialFrom(options, credentialMode({ isPlain: false, ...options, ...trust }))
  const client = await dialTls({ host: '127.0.0.1', port: listener.port, psk, ...trust })
  onTestFinished(() => void client.stream.destroy())
  return { client, server: await listener.transports.next() }
}

describe('over TLS', () => {
  test.each([
    ['a listener with keys only', () => ({})],
    ['a listener with keys and a certificate', () => certificate],
  ])('the token proves both sides, to %s', async (_name, identity) => {
    const options = { user: 'deploy', token: TOKEN }
    const { client, server } = await overTls(options, {}, { pskLookup, ...identity() })
    expect(await decide(client, server, options)).toMatchObject({ name: 'deploy', exec: 'shell' })
  })

  test('a token is sent to a server with the pinned key', async () => {
    const trust = { fingerprint: certificate.fingerprint }
    const options = { user: 'deploy', token: TOKEN }
    const { client, server } = await overTls(options, trust, { pskLookup, ...certificate })
    expect(await decide(client, server, options, trust)).toMatchObject({ name: 'deploy' })
    expect(await decide(client, server, { ...options, user: 'ci' }, trust)).toBeUndefined()
  })

  test('a password is sent to a server with a trusted certificate', async () => {
    const trust = { ca: certificate.cert }
    const options = { user: 'bob', password: PASSWORD }
    const { client, server } = await overTls(options, trust, { pskLookup, ...certificate })
    expect(await decide(client, server, options, trust)).toMatchObject({ name: 'bob' })
    expect(await decide(client, server, { user: 'bob', password: 'wrong' }, trust)).toBeUndefined()
  })

  test('a proved token is for its own user only', async () => {
    const options = { user: 'ci', token: TOKEN }
    const { client, server } = await overTls(options, {}, { pskLookup })
    expect(await decide(client, server, options)).toBeUndefined()
  })

  test('a token that is not known, and one that was taken from a user, are refused by TLS', async () => {
    const options = { user: 'deploy', token: generateToken() }
    await expect(overTls(options, {}, { pskLookup, ...certificate })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_AUTH_FAILED',
    })
    users = new UserDirectory({ users: { deploy: { token: generateToken() } } })
    await expect(overTls({ user: 'deploy', token: TOKEN }, {}, { pskLookup })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_AUTH_FAILED',
    })
  })

  test('one who only knows the identity, and says that TLS proved it, is refused', async () => {
    const listener = await startListener({ pskLookup, ...certificate })
    const { psk } = credentialFrom({ user: 'deploy', token: TOKEN }, 'psk')
    // The identity travels in clear, so an eavesdropper has it. With this suite OpenSSL looks it up, and then ignores it.
    const attacker = connect({
      host: '127.0.0.1',
      port: listener.port,
      rejectUnauthorized: false,
      ciphers: 'TLS_AES_256_GCM_SHA384',
      pskCallback: () => ({ identity: psk?.identity ?? '', psk: randomBytes(32) }),
    })
    attacker.on('error', () => {})
    onTestFinished(() => void attacker.destroy())
    const server = await listener.transports.next()
    const claims = [
      { method: 'psk', user: 'deploy' },
      { method: 'psk', user: 'deploy', pskIdentity: psk?.identity },
      { method: 'token', user: 'deploy', token: psk?.identity },
    ]
    for (const claim of claims) expect(await users.verify(attemptFrom(claim, server))).toBeUndefined()
  })

  test('a connection string is all a client needs', async () => {
    const listener = await startListener({ pskLookup, ...certificate })
    const { host, port, fingerprint } = listener
    for (const pinned of [undefined, fingerprint]) {
      const text = formatConnectionString({ user: 'deploy', token: TOKEN, host, port, fingerprint: pinned })
      const target = parseConnectionString(text)
      if (!('host' in target)) throw new Error('not a TCP target')
      const { psk } = credentialFrom(target, credentialMode({ isPlain: false, ...target }))
      const client = await dialTls({
        host: target.host,
        port: target.port,
        psk,
        fingerprint: target.fingerprint,
      })
      onTestFinished(() => void client.stream.destroy())
      const server = await listener.transports.next()
      expect(server.tls?.isPsk).toBe(pinned === undefined)
      expect(await decide(client, server, target, { fingerprint: target.fingerprint })).toMatchObject({
        name: 'deploy',
      })
    }
  })
})

describe('over plain transports', () => {
  async function unixPair(): Promise<[Transport, Transport]> {
    const directory = await mkdtemp(join(tmpdir(), 'fakessh-'))
    const path = join(directory, 'x.sock')
    const transports = new Arrivals<Transport>()
    const onError = (error: Error) => {
      throw error
    }
    const listener = await listenUnix({
      path,
      onTransport: (transport) => transports.push(transport),
      onError,
    })
    const client = await dialUnix({ path })
    const server = await transports.next()
    onTestFinished(async () => {
      for (const { stream } of [client, server]) stream.destroy()
      await listener.close()
      await rm(directory, { recursive: true })
    })
    return [client, server]
  }

  test.each([
    ['a unix socket', unixPair],
    ['memory', async () => memoryPair()],
  ])('token and password are sent over %s', async (_name, pair) => {
    const [client, server] = await pair()
    expect(await decide(client, server, { user: 'deploy', token: TOKEN })).toMatchObject({ name: 'deploy' })
    expect(await decide(client, server, { user: 'bob', password: PASSWORD })).toMatchObject({ name: 'bob' })
    expect(await decide(client, server, { user: 'bob', token: TOKEN })).toBeUndefined()
    // There was no TLS to prove anything.
    expect(await users.verify(attemptFrom({ method: 'psk', user: 'deploy' }, server))).toBeUndefined()
  })
})
