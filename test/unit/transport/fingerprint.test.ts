import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { isFingerprint, sameFingerprint, spkiFingerprint } from '../../../src/transport/fingerprint.js'
import { type Certificate, makeCertificate } from '../../helpers/certificates.js'

let certificate: Certificate

beforeAll(async () => {
  certificate = await makeCertificate()
})

test('it is the SHA-256 of the public key, not of the certificate', async () => {
  const spki = createPublicKey(certificate.key).export({ type: 'spki', format: 'der' })
  const digest = createHash('sha256').update(spki).digest('base64')
  expect(digest.endsWith('=')).toBe(true)
  expect(spkiFingerprint(certificate.cert)).toBe(`SHA256:${digest.slice(0, -1)}`)
  expect(spkiFingerprint(certificate.cert)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/)
})

test('PEM, DER and the parsed certificate give the same', () => {
  const parsed = new X509Certificate(certificate.cert)
  const expected = spkiFingerprint(certificate.cert)
  expect(spkiFingerprint(parsed)).toBe(expected)
  expect(spkiFingerprint(parsed.raw)).toBe(expected)
  expect(spkiFingerprint(Buffer.from(certificate.cert))).toBe(expected)
})

test('a chain gives that of its first certificate', async () => {
  const other = await makeCertificate()
  expect(spkiFingerprint(`${certificate.cert}\n${other.cert}`)).toBe(spkiFingerprint(certificate.cert))
})

test('only the exact form is a fingerprint', () => {
  const good = spkiFingerprint(certificate.cert)
  expect(isFingerprint(good)).toBe(true)
  for (const bad of [
    '',
    good.slice(7),
    `${good}=`,
    good.toLowerCase(),
    `${good}\n`,
    ` ${good}`,
    good.slice(0, -1),
    7,
  ]) {
    expect(isFingerprint(bad)).toBe(false)
  }
})

test('fingerprints are compared as digests', () => {
  const good = spkiFingerprint(certificate.cert)
  const first = good[7] === 'A' ? 'B' : 'A'
  expect(sameFingerprint(good, good)).toBe(true)
  expect(sameFingerprint(good, `SHA256:${first}${good.slice(8)}`)).toBe(false)
  expect(sameFingerprint(good, '')).toBe(false)
  expect(sameFingerprint('', '')).toBe(false)
})
