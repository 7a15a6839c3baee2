// Who the dialer trusts: every way in which a listener can fail to prove itself, over real sockets.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { spkiFingerprint } from '../../../src/transport/fingerprint.js'
import { dialTls, type TlsDialOptions } from '../../../src/transport/tls-dial.js'
import type { Transport } from '../../../src/transport/transport.js'
import { type Certificate, makeAuthority, makeCertificate } from '../../helpers/certificates.js'
import { nextBytes } from '../../helpers/next-bytes.js'
import { closed, KNOWN, lookup, startListener } from '../../helpers/tls-listener.js'

let authority: Certificate
let good: Certificate
let selfSigned: Certificate

beforeAll(async () => {
  authority = await makeAuthority()
  ;[good, selfSigned] = await Promise.all([makeCertificate({ issuer: authority }), makeCertificate()])
})

async function dial(options: Partial<TlsDialOptions> & { port: number }): Promise<Transport> {
  const transport = await dialTls({ host: '127.0.0.1', connectTimeoutMs: 10_000, ...options })
  onTestFinished(() => void transport.stream.destroy())
  return transport
}

/** A TLS server that is not ours: an impostor, or another implementation. Collects the application bytes it is sent. */
async function foreignServer(options: TlsOptions) {
  const received: Buffer[] = []
  const sockets: TLSSocket[] = []
  const server = createTlsServer({ minVersion: 'TLSv1.3', ...options }, (socket) => {
    sockets.push(socket)
    socket.on('data', (chunk: Buffer) => received.push(chunk))
  })
  server.on('connection', (raw: Socket) => raw.on('error', () => {}))
  server.on('secureConnection', (socket) => socket.on('error', () => {}))
  server.on('tlsClientError', () => {})
  const allClosed = new Promise<void>((resolve) => {
    server.on('connection', (raw: Socket) => raw.once('close', () => resolve()))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, received, firstClosed: allClosed }
}

/** A TCP server that speaks no TLS. */
async function tcpServer(onConnection: (socket: Socket) => void) {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}

async function echo(from: Transport, to: Transport): Promise<string> {
  from.stream.write('ping')
  const chunk = await nextBytes(to)
  return chunk.toString()
}

describe('with a pre-shared key', () => {
  test.each([
    ['without a certificate', () => ({})],
    ['with a certificate beside the keys', () => good],
  ])('both sides prove it, %s', async (_name, identity) => {
    const listener = await startListener({ pskLookup: lookup, ...identity() })
    const client = await dial({ port: listener.port, psk: KNOWN })
    const server = await listener.transports.next()

    expect(client.side).toBe('dialer')
    expect(server.side).toBe('listener')
    expect(client.tls).toMatchObject({ isPsk: true, fingerprint: undefined })
    expect(server.tls).toMatchObject({ isPsk: true, pskIdentity: KNOWN.identity })
    expect(client.peer).toMatchObject({
      kind: 'tcp',
      label: `127.0.0.1:${listener.port}`,
      address: '127.0.0.1',
    })
    expect(server.peer.label).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(await echo(client, server)).toBe('ping')
    expect(await echo(server, client)).toBe('ping')
  })

  test('the exporter gives both sides the same bytes, and each connection others', async () => {
    const listener = await startListener({ pskLookup: lookup })
    const exported: string[] = []
    for (const _ of [1, 2]) {
      const client = await dial({ port: listener.port, psk: KNOWN })
      const server = await listener.transports.next()
      const [ours, theirs] = [client, server].map((side) =>
        Buffer.from(side.tls?.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding') ?? []).toString('hex'),
      )
      expect(ours).toHaveLength(64)
      expect(ours).toBe(theirs)
      exported.push(ours ?? '')
    }
    expect(exported[0]).not.toBe(exported[1])
  })

  test('a wrong key and an unknown identity fail with the same error, whatever the listener has', async () => {
    const failures: unknown[] = []
    for (const identity of [{}, good]) {
      const listener = await startListener({ pskLookup: lookup, ...identity })
      const wrongKey = { ...KNOWN, key: randomBytes(32) }
      const unknown = { ...KNOWN, identity: 'deadbeefdeadbeefdeadbeefdeadbeef' }
      for (const psk of [wrongKey, unknown]) {
        const error = await dial({ port: listener.port, psk }).catch((thrown) => thrown)
        const { code, message, name, host } = error
        const causeCode = error.cause?.code
        failures.push({ code, message: message.replace(`${listener.port}`, 'PORT'), name, causeCode })
        expect(host).toBe(`127.0.0.1:${listener.port}`)
      }
      expect((await listener.failures.next()).error.code).toBe('ERR_FAKESSH_AUTH_FAILED')
      expect((await listener.failures.next()).error.code).toBe('ERR_FAKESSH_AUTH_FAILED')
      expect(listener.transports.all).toEqual([])
    }
    expect(failures[0]).toMatchObject({ code: 'ERR_FAKESSH_AUTH_FAILED', name: 'ConnectionError' })
    expect(new Set(failures.map((failure) => JSON.stringify(failure))).size).toBe(1)
  })

  test('an impostor that knows the identity but not the key is refused by the dialer', async () => {
    const impostor = await foreignServer({ pskCallback: () => randomBytes(32) })
    await expect(dial({ port: impostor.port, psk: KNOWN })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_AUTH_FAILED',
    })
    expect(Buffer.concat(impostor.received).length).toBe(0)
  })

  test('a listener that takes no keys and has no certificate is refused', async () => {
    const other = await foreignServer({})
    await expect(dial({ port: other.port, psk: KNOWN })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_AUTH_FAILED',
    })
  })

  test('a listener that shows a certificate in place of the key is refused', async () => {
    const other = await startListener({ ...good })
    const error = await dial({ port: other.port, psk: KNOWN }).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_FAKESSH_SERVER_IDENTITY', op: 'connect' })
    expect(error.message).toContain('certificate where the token was to be proved')
  })

  test('a man in the middle with a certificate that the dialer’s own CA store trusts is refused', async () => {
    const mitm = await foreignServer({ key: good.key, cert: good.cert })
    const directory = await mkdtemp(join(tmpdir(), 'fakessh-mitm-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const source = fileURLToPath(new URL('../../../src/transport/tls-dial.ts', import.meta.url))
    const script = join(directory, 'dial.mts')
    await writeFile(join(directory, 'ca.pem'), authority.cert)
    // The control, first: without a token this very certificate is accepted, so it is trusted indeed.
    await writeFile(
      script,
      `import { dialTls } from ${JSON.stringify(source)}
       const at = { host: 'localhost', port: ${mitm.port} }
       const control = await dialTls(at)
       control.stream.destroy()
       const psk = { identity: 'aa', key: new Uint8Array(32) }
       const outcome = await dialTls({ ...at, psk }).then(() => 'accepted', (error) => error.code)
       console.log(JSON.stringify({ control: control.tls.fingerprint, outcome }))`,
    )
    const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: join(directory, 'ca.pem') },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    await once(child, 'close')
    expect(JSON.parse(output)).toEqual({
      control: spkiFingerprint(good.cert),
      outcome: 'ERR_FAKESSH_SERVER_IDENTITY',
    })
    expect(Buffer.concat(mitm.received).length).toBe(0)
  })
})

describe('with a pinned fingerprint', () => {
  test('the listener with that key is accepted, whatever its certificate says', async () => {
    const odd = await makeCertificate({
      names: ['elsewhere.example'],
      notBefore: new Date('2001-01-01'),
      notAfter: new Date('2002-01-01'),
      keyType: 'rsa',
    })
    const listener = await startListener({ ...odd })
    const client = await dial({ port: listener.port, fingerprint: spkiFingerprint(odd.cert) })
    const server = await listener.transports.next()
    expect(client.tls).toMatchObject({
      isPsk: false,
      fingerprint: listener.fingerprint,
      pskIdentity: undefined,
    })
    expect(server.tls).toMatchObject({ isPsk: false, pskIdentity: undefined })
    expect(await echo(client, server)).toBe('ping')
  })

  test('another key is refused, even one from a trusted authority, before a byte is sent', async () => {
    const impostor = await foreignServer({ key: good.key, cert: good.cert })
    const fingerprint = spkiFingerprint(selfSigned.cert)
    const error = await dial({ port: impostor.port, fingerprint }).catch((thrown) => thrown)
    expect(error.code).toBe('ERR_FAKESSH_SERVER_IDENTITY')
    expect(error.message).toContain(spkiFingerprint(good.cert))
    expect(error.message).toContain(fingerprint)
    await impostor.firstClosed
    expect(Buffer.concat(impostor.received).length).toBe(0)
  })

  test('a listener without a certificate is refused', async () => {
    const listener = await startListener({ pskLookup: lookup })
    const fingerprint = spkiFingerprint(good.cert)
    await expect(dial({ port: listener.port, fingerprint })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_CONNECT_FAILED',
    })
  })
})

describe('with certificate authorities', () => {
  test('a certificate from them, for that host, is accepted', async () => {
    const listener = await startListener({ ...good, pskLookup: lookup })
    for (const host of ['localhost', '127.0.0.1']) {
      const client = await dial({ host, port: listener.port, ca: authority.cert })
      expect(client.tls).toMatchObject({ isPsk: false, fingerprint: spkiFingerprint(good.cert) })
      expect((await listener.transports.next()).tls?.isPsk).toBe(false)
    }
  })

  test('authorities may be given as bytes and as a list', async () => {
    const listener = await startListener({ ...good })
    const ca = [selfSigned.cert, new Uint8Array(Buffer.from(authority.cert))]
    expect((await dial({ port: listener.port, ca })).tls?.fingerprint).toBe(listener.fingerprint)
  })

  test.each<[string, () => Promise<Certificate>, Partial<TlsDialOptions>, RegExp]>([
    ['self-signed', async () => selfSigned, {}, /not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/],
    [
      'from another authority',
      async () => makeCertificate({ issuer: await makeAuthority('another one') }),
      {},
      /not trusted \(UNABLE_TO_/,
    ],
    [
      'expired',
      () =>
        makeCertificate({
          issuer: authority,
          notBefore: new Date('2020-01-01'),
          notAfter: new Date('2021-01-01'),
        }),
      {},
      /has expired/,
    ],
    [
      'not valid yet',
      () =>
        makeCertificate({
          issuer: authority,
          notBefore: new Date('2120-01-01'),
          notAfter: new Date('2121-01-01'),
        }),
      {},
      /not valid yet/,
    ],
    [
      'for another host',
      () => makeCertificate({ issuer: authority, names: ['elsewhere.example'] }),
      {},
      /another host name/,
    ],
    [
      'for another address',
      () => makeCertificate({ issuer: authority, names: ['10.0.0.1'] }),
      {},
      /another host name/,
    ],
    [
      'for the host, when a servername was asked for',
      async () => good,
      { servername: 'x.example' },
      /another host/,
    ],
  ])('a certificate that is %s is refused before a byte is sent', async (_name, make, options, message) => {
    const certificate = await make()
    const impostor = await foreignServer(certificate)
    const error = await dial({ port: impostor.port, ca: authority.cert, ...options }).catch(
      (thrown) => thrown,
    )
    expect(error.code).toBe('ERR_FAKESSH_SERVER_IDENTITY')
    expect(error.message).toMatch(message)
    expect(error.cause).toBeInstanceOf(Error)
    await impostor.firstClosed
    expect(Buffer.concat(impostor.received).length).toBe(0)
  })

  test('without any option the authorities of Node decide, not the environment’s NODE_TLS_REJECT_UNAUTHORIZED', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    onTestFinished(() => void vi.unstubAllEnvs())
    const listener = await startListener({ ...selfSigned })
    await expect(dial({ port: listener.port })).rejects.toMatchObject({ code: 'ERR_FAKESSH_SERVER_IDENTITY' })
  })

  test('a listener with keys only is refused', async () => {
    const listener = await startListener({ pskLookup: lookup })
    await expect(dial({ port: listener.port, ca: authority.cert })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_CONNECT_FAILED',
    })
  })
})

describe('what is no listener of ours', () => {
  test('a closed port', async () => {
    const { port } = await closedPort()
    const error = await dial({ port, psk: KNOWN }).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_FAKESSH_CONNECT_FAILED', host: `127.0.0.1:${port}` })
    expect(error.message).toContain('ECONNREFUSED')
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('a name that does not exist', async () => {
    const error = await dial({ host: 'no-such-host.invalid', port: 7022, psk: KNOWN }).catch(
      (thrown) => thrown,
    )
    expect(error.code).toBe('ERR_FAKESSH_CONNECT_FAILED')
    expect(error.message).toMatch(/no-such-host\.invalid:7022: .*(ENOTFOUND|EAI_AGAIN)/)
  })

  test.each<[string, (socket: Socket) => void, RegExp]>([
    ['hangs up', (socket) => socket.end(), /ECONNRESET/],
    ['resets', (socket) => socket.once('data', () => socket.resetAndDestroy()), /ECONNRESET/],
    ['speaks another protocol', (socket) => socket.end('220 mail.example ESMTP\r\n'), /does not speak TLS/],
    ['closes after half a record', (socket) => socket.end(Buffer.from('160303', 'hex')), /ECONNRESET/],
  ])('a server that %s', async (_name, behave, message) => {
    const { port } = await tcpServer(behave)
    for (const options of [{ psk: KNOWN }, { ca: authority.cert }]) {
      const error = await dial({ port, ...options }).catch((thrown) => thrown)
      expect(error.code).toBe('ERR_FAKESSH_CONNECT_FAILED')
      expect(error.message).toMatch(message)
      expect(error.message).not.toMatch(/openssl|\n/)
    }
  })

  test('a server of TLS 1.2', async () => {
    const old = await foreignServer({ ...good, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })
    const error = await dial({ port: old.port, ca: authority.cert }).catch((thrown) => thrown)
    expect(error.code).toBe('ERR_FAKESSH_CONNECT_FAILED')
    expect(error.message).toContain('does not speak TLS 1.3')
  })

  test('one that accepts and then says nothing, within connectTimeoutMs, and no socket stays', async () => {
    const { port, sockets } = await tcpServer((socket) => socket.resume())
    const error = await dial({ port, psk: KNOWN, connectTimeoutMs: 150 }).catch((thrown) => thrown)
    expect(error.code).toBe('ERR_FAKESSH_HANDSHAKE_TIMEOUT')
    expect(error.message).toContain('150 ms')
    await Promise.all(sockets.map(closed))
  })
})

describe('aborting', () => {
  test('before the dial: rejects with the reason and makes no connection', async () => {
    const { port, sockets } = await tcpServer(() => {})
    const reason = new Error('not any more')
    await expect(dial({ port, psk: KNOWN, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(sockets).toEqual([])
  })

  test('during the handshake: rejects with the reason and closes the socket', async () => {
    const controller = new AbortController()
    const reason = new Error('not any more')
    const { port, sockets } = await tcpServer((socket) => {
      socket.resume()
      socket.once('data', () => controller.abort(reason))
    })
    await expect(dial({ port, psk: KNOWN, signal: controller.signal })).rejects.toBe(reason)
    await Promise.all(sockets.map(closed))
  })

  test('afterwards: the transport is its owner’s, and the signal has no listeners left', async () => {
    const listener = await startListener({ pskLookup: lookup })
    const controller = new AbortController()
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    const client = await dial({ port: listener.port, psk: KNOWN, signal: controller.signal })
    controller.abort()
    expect(removed).toHaveBeenCalledWith('abort', expect.any(Function))
    expect(await echo(client, await listener.transports.next())).toBe('ping')
  })
})

test.each<[string, object, RegExp]>([
  ['no host', { host: '' }, /host/],
  ['a port of 0', { port: 0 }, /port: expected an integer from 1 to 65535/],
  ['a port that is text', { port: '7022' }, /port/],
  ['a fingerprint of another form', { fingerprint: 'aa:bb' }, /fingerprint: expected 'SHA256:'/],
  ['two kinds of trust', { fingerprint: `SHA256:${'A'.repeat(43)}`, psk: KNOWN }, /at most one/],
  ['an endless time limit', { connectTimeoutMs: Number.POSITIVE_INFINITY }, /connectTimeoutMs/],
  ['an empty servername', { servername: '' }, /servername/],
  ['a CA that is none', { ca: 'nonsense' }, /ca: expected certificates/],
  [
    'a broken CA',
    { ca: ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'] },
    /ca: expected certificates/,
  ],
  ['no CA at all', { ca: [] }, /ca: expected certificates/],
])('a mistake in the options is told: %s', async (_name, options, message) => {
  const dialling = dialTls({ host: '127.0.0.1', port: 7022, ...(options as Partial<TlsDialOptions>) })
  await expect(dialling).rejects.toMatchObject({
    code: 'ERR_FAKESSH_INVALID_ARG',
    message: expect.stringMatching(message),
  })
})

test('an error on an established transport that nobody listens to ends the transport, not the process', async () => {
  const listener = await startListener({ pskLookup: lookup })
  const client = await dial({ port: listener.port, psk: KNOWN })
  const server = await listener.transports.next()
  server.stream.destroy(new Error('lost'))
  client.stream.resume()
  await closed(client.stream)
})

async function closedPort(): Promise<{ port: number }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return { port }
}
