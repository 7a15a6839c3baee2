// What the listener does with peers that are slow, broken, old or hostile, over real sockets.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { spkiFingerprint } from '../../../src/transport/fingerprint.js'
import { dialTls } from '../../../src/transport/tls-dial.js'
import { listenTls, type TlsListenOptions } from '../../../src/transport/tls-listen.js'
import { type Certificate, makeCertificate } from '../../helpers/certificates.js'
import { nextBytes } from '../../helpers/next-bytes.js'
import {
  closed,
  KNOWN,
  lookup,
  rawConnection,
  startListener,
  type TestListener,
} from '../../helpers/tls-listener.js'

let certificate: Certificate

beforeAll(async () => {
  certificate = await makeCertificate()
})

/** A TLS client that is not ours and checks nothing. Settles when it is connected, or closed. */
async function foreignClient(
  port: number,
  options: ConnectionOptions,
): Promise<TLSSocket & { failure?: Error }> {
  const socket: TLSSocket & { failure?: Error } = connect({
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    ...options,
  })
  socket.on('error', (error) => {
    socket.failure = error
  })
  onTestFinished(() => void socket.destroy())
  await new Promise<void>((resolve) => {
    socket.once('secureConnect', resolve)
    socket.once('close', () => resolve())
  })
  return socket
}

async function dialOk(listener: TestListener) {
  const client = await dialTls({ host: '127.0.0.1', port: listener.port, psk: KNOWN })
  onTestFinished(() => void client.stream.destroy())
  return client
}

describe('a client that names an identity it cannot prove', () => {
  test('does not count as having proved it when it steers the handshake to the certificate', async () => {
    const asked: string[] = []
    const listener = await startListener({
      ...certificate,
      pskLookup: (identity) => {
        asked.push(identity)
        return lookup(identity)
      },
    })
    // Keys go with SHA-256 suites, so a client that offers only this one gets a certificate handshake, identity or not.
    const client = await foreignClient(listener.port, {
      ciphers: 'TLS_AES_256_GCM_SHA384',
      pskCallback: () => ({ identity: KNOWN.identity, psk: randomBytes(32) }),
      checkServerIdentity: () => undefined,
    })
    const server = await listener.transports.next()
    // The attack is the real one: the identity was looked up, and the handshake finished.
    expect(asked).toContain(KNOWN.identity)
    expect(client.isSessionReused()).toBe(false)
    expect(server.tls).toMatchObject({ isPsk: false, pskIdentity: undefined })
  })

  test('is refused when it offers a wrong key beside a certificate it would accept', async () => {
    const listener = await startListener({ ...certificate, pskLookup: lookup })
    const client = await foreignClient(listener.port, {
      ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384',
      pskCallback: () => ({ identity: KNOWN.identity, psk: randomBytes(32) }),
    })
    expect(client.failure).toBeDefined()
    expect((await listener.failures.next()).error.code).toBe('ERR_FAKESSH_AUTH_FAILED')
    expect(listener.transports.all).toEqual([])
  })

  test('proves it with the right key, whatever the group of the key exchange', async () => {
    const listener = await startListener({ ...certificate, pskLookup: lookup })
    const client = await foreignClient(listener.port, {
      ciphers: 'TLS_AES_128_GCM_SHA256',
      ecdhCurve: 'P-521',
      pskCallback: () => ({ identity: KNOWN.identity, psk: Buffer.from(KNOWN.key) }),
    })
    expect(client.isSessionReused()).toBe(true)
    expect((await listener.transports.next()).tls).toMatchObject({ isPsk: true, pskIdentity: KNOWN.identity })
  })

  test('gains nothing from an identity that is no UTF-8, long, or odd', async () => {
    const listener = await startListener({ ...certificate, pskLookup: lookup })
    for (const identity of ['\u0000', 'é'.repeat(60), '__proto__', ' ', `${KNOWN.identity}\u0000x`]) {
      const client = await foreignClient(listener.port, {
        ciphers: 'TLS_AES_128_GCM_SHA256',
        pskCallback: () => ({ identity, psk: randomBytes(32) }),
      })
      if (client.failure === undefined) {
        // OpenSSL skipped the identity and went on with the certificate.
        expect((await listener.transports.next()).tls).toMatchObject({ isPsk: false, pskIdentity: undefined })
      }
    }
  })
})

test('a lookup that has no key for anybody proves nobody', async () => {
  const listener = await startListener({ ...certificate, pskLookup: () => undefined })
  await expect(dialTls({ host: '127.0.0.1', port: listener.port, psk: KNOWN })).rejects.toMatchObject({
    code: 'ERR_FAKESSH_AUTH_FAILED',
  })
  const client = await foreignClient(listener.port, {})
  expect(client.isSessionReused()).toBe(false)
  expect((await listener.transports.next()).tls?.isPsk).toBe(false)
})

test('a session is never resumed: it would look like a proved key', async () => {
  const listener = await startListener({ ...certificate, pskLookup: lookup })
  const first = await foreignClient(listener.port, {})
  const firstSide = await listener.transports.next()
  const ticket = once(first, 'session')
  firstSide.stream.write('x')
  first.resume()
  const [session] = (await ticket) as [Buffer]
  const second = await foreignClient(listener.port, { session })
  // Either the ticket is ignored or the handshake fails; in neither case is anything proved.
  if (second.failure === undefined) {
    expect(second.isSessionReused()).toBe(false)
    expect((await listener.transports.next()).tls).toMatchObject({ isPsk: false, pskIdentity: undefined })
  }
})

describe('a connection that does not become a transport is reported once, and closed', () => {
  test.each<[string, (port: number) => Promise<unknown>, RegExp]>([
    [
      'garbage',
      async (port) => {
        const socket = await rawConnection(port)
        socket.write(randomBytes(512))
        socket.resume()
        await closed(socket)
      },
      /handshake with 127\.0\.0\.1:\d+ failed/,
    ],
    [
      'HTTP',
      async (port) => {
        const socket = await rawConnection(port)
        socket.write('GET / HTTP/1.1\r\n\r\n')
        socket.resume()
        await closed(socket)
      },
      /does not speak TLS \(ERR_SSL_HTTP_REQUEST\)/,
    ],
    ['a port scan that resets', async (port) => (await rawConnection(port)).resetAndDestroy(), /ECONNRESET/],
    ['a port scan that closes', async (port) => (await rawConnection(port)).end(), /ECONNRESET/],
    [
      'half a record, then a reset',
      async (port) => {
        const socket = await rawConnection(port)
        socket.write(Buffer.from('160301', 'hex'), () => socket.resetAndDestroy())
      },
      /ECONNRESET/,
    ],
    [
      'TLS 1.2',
      async (port) => {
        const client = await foreignClient(port, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })
        expect(client.failure).toBeDefined()
      },
      /does not speak TLS 1\.3/,
    ],
    [
      'a client without a suite in common',
      async (port) => {
        const client = await foreignClient(port, { ciphers: 'TLS_AES_128_CCM_SHA256' })
        expect(client.failure).toBeDefined()
      },
      /TLS failed \(ERR_SSL_NO_SHARED_CIPHER\)/,
    ],
    [
      'a client that does not like the certificate',
      async (port) => {
        const client = await foreignClient(port, { rejectUnauthorized: true })
        expect(client.failure).toBeDefined()
      },
      /ECONNRESET|TLS failed/,
    ],
  ])('%s', async (_name, attack, message) => {
    const listener = await startListener({ ...certificate, pskLookup: lookup })
    await attack(listener.port)
    const { error, peer } = await listener.failures.next()
    expect(error.code).toBe('ERR_FAKESSH_CONNECT_FAILED')
    expect(error.message).toMatch(message)
    expect(error.message).not.toMatch(/\n|deps\/openssl/)
    expect(error.cause).toBeInstanceOf(Error)
    expect(peer).toMatchObject({ kind: 'tcp', address: '127.0.0.1' })
    // The next one is served, and nothing was reported twice meanwhile.
    await dialOk(listener)
    await listener.transports
      .next()
      .then((transport) => transport.tls?.isPsk && expect(transport.tls.isPsk).toBe(true))
    expect(listener.failures.all).toHaveLength(1)
  })
})

describe('time', () => {
  test('a peer that sends a byte now and then is closed within the bound, while others connect', async () => {
    const listener = await startListener({ pskLookup: lookup, handshakeTimeoutMs: 400 })
    const began = performance.now()
    const slow = await rawConnection(listener.port)
    slow.resume()
    // A valid beginning of a long ClientHello: each byte would start a per-byte bound again.
    slow.write(Buffer.from('160301020001', 'hex'))
    const drip = setInterval(() => slow.write('\x00'), 50)
    onTestFinished(() => clearInterval(drip))
    const silent = await rawConnection(listener.port)
    silent.write('\x16')
    silent.resume()

    await dialOk(listener)
    expect((await listener.transports.next()).tls?.isPsk).toBe(true)

    await Promise.all([closed(slow), closed(silent)])
    expect(performance.now() - began).toBeLessThan(4000)
    for (const _ of [1, 2]) {
      const { error } = await listener.failures.next()
      expect(error.code).toBe('ERR_FAKESSH_HANDSHAKE_TIMEOUT')
      expect(error.message).toContain('within 400 ms')
    }
  })

  test('a transport lives on after the bound of its handshake', async () => {
    const listener = await startListener({ pskLookup: lookup, handshakeTimeoutMs: 500 })
    const client = await dialOk(listener)
    const server = await listener.transports.next()
    // Something else that runs into the same bound later shows that it has passed.
    const silent = await rawConnection(listener.port)
    silent.resume()
    await closed(silent)
    client.stream.write('still here')
    const chunk = await nextBytes(server)
    expect(chunk.toString()).toBe('still here')
    expect(listener.failures.all).toHaveLength(1)
  })
})

test('a transport that ends later is no failed handshake', async () => {
  const listener = await startListener({ pskLookup: lookup })
  for (const end of ['end', 'destroy'] as const) {
    const client = await dialOk(listener)
    const { stream } = await listener.transports.next()
    stream.resume()
    client.stream[end]()
    await closed(stream)
  }
  // One that does fail, after them, is the only one reported.
  const scan = await rawConnection(listener.port)
  scan.resetAndDestroy()
  await listener.failures.next()
  expect(listener.failures.all).toHaveLength(1)
})

describe('number', () => {
  test('above maxHandshakes one of the unfinished is dropped, and a client still gets in', async () => {
    const listener = await startListener({ pskLookup: lookup, maxHandshakes: 8 })
    const idle = await Promise.all(Array.from({ length: 24 }, () => rawConnection(listener.port)))
    for (const socket of idle) socket.resume()
    for (let dropped = 0; dropped < 16; dropped++) {
      expect((await listener.failures.next()).error).toMatchObject({ code: 'ERR_FAKESSH_LIMIT' })
    }
    await dialOk(listener)
    expect((await listener.transports.next()).tls?.isPsk).toBe(true)
  })

  test('many clients at once each get their own identity', async () => {
    const keys = new Map(Array.from({ length: 20 }, (_, index) => [`id-${index}`, randomBytes(32)]))
    const listener = await startListener({ pskLookup: (identity) => keys.get(identity) })
    const clients = await Promise.all(
      [...keys].map(async ([identity, key]) => {
        const client = await dialTls({ host: '127.0.0.1', port: listener.port, psk: { identity, key } })
        onTestFinished(() => void client.stream.destroy())
        client.stream.write(identity)
        return client
      }),
    )
    for (const _ of clients) {
      const transport = await listener.transports.next()
      expect((await nextBytes(transport)).toString()).toBe(transport.tls?.pskIdentity)
    }
  })
})

describe('closing', () => {
  test('drops unfinished handshakes, keeps transports, frees the port', async () => {
    const listener = await startListener({ pskLookup: lookup })
    const client = await dialOk(listener)
    const server = await listener.transports.next()
    const unfinished = await rawConnection(listener.port)
    unfinished.resume()
    // A second one after it, so that the listener has surely accepted the first.
    await dialOk(listener)
    await listener.transports.next()

    await listener.close()
    await closed(unfinished)
    expect((await listener.failures.next()).error.code).toBe('ERR_FAKESSH_CLOSED')
    server.stream.write('bye')
    const chunk = await nextBytes(client)
    expect(chunk.toString()).toBe('bye')
    await expect(dialTls({ host: '127.0.0.1', port: listener.port, psk: KNOWN })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_CONNECT_FAILED',
    })
    const again = await startListener({ pskLookup: lookup, port: listener.port })
    expect(again.port).toBe(listener.port)
  })

  test('twice is once', async () => {
    const listener = await startListener({ pskLookup: lookup })
    await Promise.all([listener.close(), listener.close()])
    await listener.close()
  })
})

describe('starting', () => {
  const base = { host: '127.0.0.1', port: 0, onTransport: () => {}, onHandshakeError: () => {} }

  test('a port in use keeps the POSIX code', async () => {
    const { port } = await startListener({ pskLookup: lookup })
    const error = await listenTls({ ...base, port, pskLookup: lookup }).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'EADDRINUSE', op: 'listen', host: `127.0.0.1:${port}` })
    expect(error.isFakeSshError).toBe(true)
  })

  test('gives the fingerprint of its certificate', async () => {
    expect((await startListener({ ...certificate })).fingerprint).toBe(spkiFingerprint(certificate.cert))
    expect((await startListener({ pskLookup: lookup })).fingerprint).toBeUndefined()
  })

  test('certificate and key may be bytes', async () => {
    const bytes = { key: Buffer.from(certificate.key), cert: new Uint8Array(Buffer.from(certificate.cert)) }
    const listener = await startListener(bytes)
    const client = await dialTls({
      host: '127.0.0.1',
      port: listener.port,
      fingerprint: spkiFingerprint(certificate.cert),
    })
    client.stream.destroy()
  })

  test.each<[string, Partial<TlsListenOptions>, RegExp]>([
    ['nothing to prove itself with', {}, /pre-shared keys or a certificate/],
    ['a key without its certificate', { key: 'x' }, /both key and cert, or neither/],
    ['what is no certificate', { key: 'x', cert: 'y' }, /expected a private key and its certificate/],
    ['a port out of range', { port: 70_000, pskLookup: lookup }, /port/],
    ['no host', { host: '', pskLookup: lookup }, /host/],
    ['no time', { handshakeTimeoutMs: 0, pskLookup: lookup }, /handshakeTimeoutMs/],
    ['no room', { maxHandshakes: 0, pskLookup: lookup }, /maxHandshakes/],
  ])('a mistake in the options is told: %s', async (_name, options, message) => {
    await expect(listenTls({ ...base, ...options })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_INVALID_ARG',
      message: expect.stringMatching(message),
    })
  })

  test('a certificate with another key is told', async () => {
    const { key } = await makeCertificate()
    await expect(listenTls({ ...base, key, cert: certificate.cert })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_INVALID_ARG',
    })
  })
})
