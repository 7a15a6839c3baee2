/**
 * How each method proves a configured user. A new method is one more entry here, the fields it needs in `AuthAttempt`, and a
 * credential on the client's side.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AuthAttempt } from './auth-attempt.js'
import { verifyPassword } from './password.js'

/** What is kept of a configured user's credentials. */
export interface Account {
  readonly pskIdentity: string | undefined
  readonly tokenDigest: Uint8Array | undefined
  readonly passwordHash: string | undefined
}

/**
 * Whether the attempt proves the account. Called for unknown users too, without an account; it does the same work then, and
 * says no. A rejection is a refusal.
 */
export type AuthMethod = (attempt: AuthAttempt, account: Account | undefined) => boolean | Promise<boolean>

/** Stands in where there is nothing to compare with; nobody knows what it is the digest of. */
const NOBODY = randomBytes(32)

/** By the name of the method in AUTH. @internal */
export const AUTH_METHODS: ReadonlyMap<string, AuthMethod> = new Map<string, AuthMethod>([
  ['psk', ({ pskIdentity }, account) => sameSecret(pskIdentity, digestOf(account?.pskIdentity))],
  ['token', ({ token }, account) => sameSecret(token, account?.tokenDigest)],
  ['password', ({ password = '' }, account) => verifyPassword(password, account?.passwordHash)],
])

/** The SHA-256 of a secret of high entropy. @internal */
export function secretDigest(secret: string): Uint8Array {
  return createHash('sha256').update(secret, 'utf8').digest()
}

function digestOf(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : secretDigest(text)
}

/** Constant time: digests are of equal length, whatever came. */
function sameSecret(offered: string | undefined, expected: Uint8Array | undefined): boolean {
  const isSame = timingSafeEqual(secretDigest(offered ?? ''), expected ?? NOBODY)
  return isSame && offered !== undefined && expected !== undefined
}
