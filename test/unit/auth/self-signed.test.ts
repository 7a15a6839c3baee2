import { execFile } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { makeSelfSigned } from '../../../src/auth/self-signed.js'
import { spkiFingerprint } from '../../../src/transport/fingerprint.js'
import { dialTls } from '../../../src/transport/tls-dial.js'
import { startListener } from '../../helpers/tls-listener.js'

test('a key, a certificate for it, and its fingerprint', async () => {
  const made = await makeSelfSigned('server.example')
  const certificate = new X509Certificate(made.cert)
  expect(certificate.checkPrivateKey(createPrivateKey(made.key))).toBe(true)
  expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  expect(made.fingerprint).toBe(spkiFingerprint(made.cert))
  expect(certificate.ca).toBe(false)
})

test('it is valid now, with room for clocks that differ, and for years', async () => {
  const { cert } = await makeSelfSigned('server.example')
  const certificate = new X509Certificate(cert)
  expect(Date.parse(certificate.validFrom)).toBeLessThan(Date.now() - 3_000_000)
  expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.now() + 9 * 365 * 86_400_000)
})

test.each(['server.example', '192.0.2.7', '2001:db8::7', 'localhost', '0.0.0.0'])(
  'it is for %s and loopback',
  async (host) => {
    const certificate = new X509Certificate((await makeSelfSigned(host)).cert)
    const isAddress = /^[\d.]+$|:/.test(host)
    expect(isAddress ? certificate.checkIP(host) : certificate.checkHost(host)).toBe(host)
    expect(certificate.checkHost('localhost')).toBe('localhost')
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(certificate.checkIP('::1')).toBe('::1')
  },
)

test('each one has a key of its own', async () => {
  const [one, two] = await Promise.all([makeSelfSigned('a'), makeSelfSigned('a')])
  expect(one.fingerprint).not.toBe(two.fingerprint)
})

test('a listener with it is accepted by its fingerprint, and as an authority', async () => {
  const made = await makeSelfSigned('127.0.0.1')
  const listener = await startListener(made)
  const at = { host: '127.0.0.1', port: listener.port }
  for (const trust of [{ fingerprint: made.fingerprint }, { ca: made.cert }]) {
    const { stream, tls } = await dialTls({ ...at, ...trust })
    onTestFinished(() => void stream.destroy())
    expect(tls?.fingerprint).toBe(made.fingerprint)
  }
  await expect(dialTls(at)).rejects.toMatchObject({ code: 'ERR_FAKESSH_SERVER_IDENTITY' })
})

test('importing the module does not load the package that makes certificates', async () => {
  const source = fileURLToPath(new URL('../../../src/auth/self-signed.ts', import.meta.url))
  const script = `
    const { createRequire } = await import('node:module')
    const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('@peculiar'))
    const { makeSelfSigned } = await import(${JSON.stringify(source)})
    const before = loaded()
    await makeSelfSigned('a')
    console.log(JSON.stringify([before, loaded()]))`
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    import.meta.resolve('tsx'),
    '--input-type=module',
    '--eval',
    script,
  ])
  expect(JSON.parse(stdout)).toEqual([false, true])
})
