/**
 * Passwords, kept as salted scrypt hashes (RFC 7914): `scrypt:N:r:p:salt:hash`, salt and hash in base64.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { FakeSshError, invalidArgument } from '../errors.js'
import { WorkQueue } from './work-queue.js'

/** Cost of new hashes: 32 MiB and about 0.1 s each. N is the memory (128 * N * r bytes), p the repetitions. */
const COST: ScryptCost = { N: 32_768, r: 8, p: 1 }
const SALT_BYTES = 16
const HASH_BYTES = 32
/** Longer ones are refused before any work, so that their length is no lever. */
const MAX_PASSWORD_BYTES = 1024
/** What a stored hash may ask for: a mistyped cost must not take all memory. */
const MAX_COST_BYTES = 268_435_456
const MAX_PARALLEL = 16
const STORED =
  /^scrypt:(\d{1,7}):(\d{1,3}):(\d{1,2}):([A-Za-z0-9+/]{22,88}={0,2}):([A-Za-z0-9+/]{42,88}={0,2})$/

interface ScryptCost {
  readonly N: number
  readonly r: number
  readonly p: number
}

interface StoredPassword extends ScryptCost {
  readonly salt: Uint8Array
  readonly hash: Uint8Array
}

/**
 * scrypt runs on the four threads that file operations use too, so two at most, for all servers of the process. Those who
 * wait are bounded as well; beyond, an attempt is refused.
 */
const scryptQueue = new WorkQueue({ concurrency: 2, maxWaiting: 64 })

/**
 * A hash to put into `users: { name: { passwordHash } }`.
 *
 * @throws `ERR_FAKESSH_INVALID_ARG` when the password is empty or longer than 1,024 bytes of UTF-8; `ERR_FAKESSH_LIMIT` when
 *   too many are being worked on.
 * @public
 */
export async function hashPassword(password: string): Promise<string> {
  const bytes = bytesOf(password)
  if (bytes === undefined) {
    const message = `hashPassword: expected a password of 1 to ${MAX_PASSWORD_BYTES} bytes of UTF-8`
    throw new FakeSshError('ERR_FAKESSH_INVALID_ARG', message)
  }
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(bytes, { ...COST, salt }, HASH_BYTES)
  return `scrypt:${COST.N}:${COST.r}:${COST.p}:${salt.toString('base64')}:${hash.toString('base64')}`
}

/**
 * Whether the password is the one that was hashed. Without a stored hash it does the work of one made by
 * {@link hashPassword} and says no, so that an unknown user takes as long as a known one.
 *
 * @throws `ERR_FAKESSH_LIMIT` when too many attempts are being worked on; `ERR_FAKESSH_INVALID_ARG` when `stored` is no hash.
 * @internal
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  const bytes = bytesOf(password)
  if (bytes === undefined) return false
  const expected = stored === undefined ? dummy() : parseStored(stored, 'passwordHash')
  const hash = await derive(bytes, expected, expected.hash.length)
  return timingSafeEqual(hash, expected.hash) && stored !== undefined
}

/** Does the work of a verification that fails. @internal */
export async function dummyVerify(password: string): Promise<false> {
  await verifyPassword(password, undefined)
  return false
}

/**
 * The stored hash, if it is one.
 *
 * @throws `ERR_FAKESSH_INVALID_ARG`; the message does not show it.
 * @internal
 */
export function checkPasswordHash(stored: unknown, where: string): string {
  if (typeof stored !== 'string') throw invalidArgument(where, 'what hashPassword() returned', stored)
  parseStored(stored, where)
  return stored
}

function parseStored(stored: string, where: string): StoredPassword {
  const [, N = '', r = '', p = '', salt = '', hash = ''] = STORED.exec(stored) ?? []
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  const isPowerOfTwo = cost.N >= 2 && Number.isInteger(Math.log2(cost.N))
  const isAffordable = 128 * cost.N * cost.r <= MAX_COST_BYTES && cost.p <= MAX_PARALLEL
  if (!isPowerOfTwo || cost.r < 1 || cost.p < 1 || !isAffordable) {
    const expected = "what hashPassword() returned ('scrypt:N:r:p:salt:hash', at most 256 MiB of work)"
    throw new FakeSshError('ERR_FAKESSH_INVALID_ARG', `${where}: expected ${expected}`)
  }
  return { ...cost, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') }
}

function dummy(): StoredPassword {
  return { ...COST, salt: new Uint8Array(SALT_BYTES), hash: new Uint8Array(HASH_BYTES) }
}

/** NFC, because keyboards differ in how they type an accent; undefined when it may not be a password. */
function bytesOf(password: unknown): Buffer | undefined {
  if (typeof password !== 'string' || password === '' || password.length > MAX_PASSWORD_BYTES)
    return undefined
  const bytes = Buffer.from(password.normalize('NFC'), 'utf8')
  return bytes.length > MAX_PASSWORD_BYTES ? undefined : bytes
}

function derive(password: Buffer, cost: ScryptCost & { salt: Uint8Array }, length: number): Promise<Buffer> {
  const { N, r, p, salt } = cost
  // The default limit is exactly what N = 2^15 needs without the rest of scrypt's memory.
  const maxmem = 128 * N * r + 128 * r * p + 1_048_576
  return scryptQueue.run(
    () =>
      new Promise((resolve, reject) => {
        scrypt(password, salt, length, { N, r, p, maxmem }, (error, key) =>
          error ? reject(error) : resolve(key),
        )
      }),
  )
}
