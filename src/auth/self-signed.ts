/** Certificates that a server makes for itself, when it has to show one and was given none. Clients pin the fingerprint. */
import { spkiFingerprint } from '../transport/fingerprint.js'

/** @internal */
export interface ServerCertificate {
  /** Private key and certificate, as PEM. */
  readonly key: string
  readonly cert: string
  /** `SHA256:…` of the key. */
  readonly fingerprint: string
}

// Nobody looks at the dates of a pinned key; what has to end is its use, not its certificate.
const VALID_YEARS = 10
/** Clocks differ. */
const BACKDATED_MS = 3_600_000

/**
 * A new ECDSA P-256 key and a certificate for it. Loads the `selfsigned` package on first use: it is large, and a server
 * with tokens alone or with its own certificate never needs it.
 *
 * @param host - the name or address that clients will use; loopback is always included.
 * @internal
 */
export async function makeSelfSigned(host: string): Promise<ServerCertificate> {
  const { generate } = await import('selfsigned')
  const names = new Set(['localhost', '127.0.0.1', '::1', host])
  const notBeforeDate = new Date(Date.now() - BACKDATED_MS)
  const notAfterDate = new Date(notBeforeDate)
  notAfterDate.setFullYear(notAfterDate.getFullYear() + VALID_YEARS)
  const made = await generate([{ name: 'commonName', value: 'fake-ssh' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate,
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [...names].map((name) =>
          isAddress(name) ? { type: 7, ip: name } : { type: 2, value: name },
        ),
      },
    ],
  })
  return { key: made.private, cert: made.cert, fingerprint: spkiFingerprint(made.cert) }
}

function isAddress(host: string): boolean {
  return host.includes(':') || /^\d+(\.\d+){3}$/.test(host)
}
