/** SPKI fingerprints: a name for a server's key that survives a renewed certificate. */
import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto'

const FORM = /^SHA256:[A-Za-z0-9+/]{43}$/

/**
 * The SHA-256 of a certificate's DER SubjectPublicKeyInfo, as `SHA256:` and unpadded base64: the form OpenSSH prints.
 *
 * @param certificate - PEM text, DER bytes, or the parsed certificate.
 * @throws an OpenSSL error when it is no certificate.
 * @internal
 */
export function spkiFingerprint(certificate: string | Uint8Array | X509Certificate): string {
  const parsed = certificate instanceof X509Certificate ? certificate : new X509Certificate(certificate)
  const spki = parsed.publicKey.export({ type: 'spki', format: 'der' })
  return `SHA256:${createHash('sha256').update(spki).digest('base64').replace(/=+$/, '')}`
}

/** Whether the text has the form that {@link spkiFingerprint} gives. @internal */
export function isFingerprint(text: unknown): text is string {
  return typeof text === 'string' && FORM.test(text)
}

/** Compares two fingerprints in constant time; false when either is not one. @internal */
export function sameFingerprint(a: string, b: string): boolean {
  return isFingerprint(a) && isFingerprint(b) && timingSafeEqual(digestOf(a), digestOf(b))
}

function digestOf(fingerprint: string): Uint8Array {
  return Buffer.from(fingerprint.slice('SHA256:'.length), 'base64')
}
