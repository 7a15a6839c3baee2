// Certificates made while the tests run, so that no private key is kept in the repository.
import { generate } from 'selfsigned'

export interface Certificate {
  readonly key: string
  readonly cert: string
}

export interface CertificateOptions {
  /** DNS names and IPv4 addresses; the first is the common name too. Default: localhost and 127.0.0.1. */
  readonly names?: readonly string[]
  /** Default: self-signed. */
  readonly issuer?: Certificate
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly isAuthority?: boolean
  readonly keyType?: 'ec' | 'rsa'
}

const DAY_MS = 86_400_000

export async function makeCertificate(options: CertificateOptions = {}): Promise<Certificate> {
  const { names = ['localhost', '127.0.0.1'], issuer, isAuthority = false, keyType = 'ec' } = options
  const made = await generate([{ name: 'commonName', value: names[0] ?? 'test' }], {
    keyType,
    algorithm: 'sha256',
    notBeforeDate: options.notBefore ?? new Date(Date.now() - DAY_MS),
    notAfterDate: options.notAfter ?? new Date(Date.now() + DAY_MS),
    ...(issuer === undefined ? {} : { ca: issuer }),
    extensions: [
      { name: 'basicConstraints', cA: isAuthority, critical: true },
      isAuthority
        ? { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true }
        : { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) =>
          /^[\d.]+$/.test(name) ? { type: 7, ip: name } : { type: 2, value: name },
        ),
      },
    ],
  })
  return { key: made.private, cert: made.cert }
}

export function makeAuthority(name = 'test authority'): Promise<Certificate> {
  return makeCertificate({ names: [name.replaceAll(' ', '-')], isAuthority: true })
}
