import { randomBytes, scryptSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkPasswordHash, dummyVerify, hashPassword, verifyPassword } from '../../../src/auth/password.js'

/** A hash that costs next to nothing, made without the code under test. */
function cheapHash(password: string, { N = 2, r = 1, p = 1, hashBytes = 32 } = {}): string {
  const salt = randomBytes(16)
  const hash = scryptSync(password, salt, hashBytes, { N, r, p })
  return `scrypt:${N}:${r}:${p}:${salt.toString('base64')}:${hash.toString('base64')}`
}

test('a password verifies against its hash, another one does not', async () => {
  const stored = await hashPassword('correct horse battery staple')
  expect(stored).toMatch(/^scrypt:32768:8:1:[A-Za-z0-9+/]{22}==:[A-Za-z0-9+/]{43}=$/)
  expect(await verifyPassword('correct horse battery staple', stored)).toBe(true)
  expect(await verifyPassword('correct horse battery stapl', stored)).toBe(false)
})

test('the same password has another hash each time, and none shows it', async () => {
  const [one, two] = await Promise.all([hashPassword('hunter2'), hashPassword('hunter2')])
  expect(one).not.toBe(two)
  expect(one).not.toContain('hunter2')
})

test('hashes of other costs verify', async () => {
  expect(await verifyPassword('x', cheapHash('x', { N: 16, r: 4, p: 3 }))).toBe(true)
  expect(await verifyPassword('y', cheapHash('x', { N: 16, r: 4, p: 3 }))).toBe(false)
  expect(await verifyPassword('x', cheapHash('x', { hashBytes: 64 }))).toBe(true)
})

test('an accent typed as one character or as two is the same', async () => {
  expect(await verifyPassword('cafe\u0301', cheapHash('caf\u00e9'))).toBe(true)
})

test('1,024 bytes are taken, more are refused before any work', async () => {
  const longest = 'é'.repeat(512)
  expect(await verifyPassword(longest, cheapHash(longest))).toBe(true)
  const hash = await hashPassword('x')
  const began = performance.now()
  for (const long of ['é'.repeat(513), 'x'.repeat(1025), 'x'.repeat(1_000_000)]) {
    for (let index = 0; index < 50; index++) expect(await verifyPassword(long, hash)).toBe(false)
    await expect(hashPassword(long)).rejects.toMatchObject({ code: 'ERR_FAKESSH_INVALID_ARG' })
  }
  // 150 verifications with work would take many seconds.
  expect(performance.now() - began).toBeLessThan(1000)
})

test('what is no password is refused', async () => {
  expect(await verifyPassword('', cheapHash(''))).toBe(false)
  expect(await verifyPassword(undefined as unknown as string, cheapHash('x'))).toBe(false)
  await expect(hashPassword('')).rejects.toMatchObject({ code: 'ERR_FAKESSH_INVALID_ARG' })
  await expect(hashPassword(7 as unknown as string)).rejects.toMatchObject({
    code: 'ERR_FAKESSH_INVALID_ARG',
  })
})

test('an unknown user costs the same work, and never passes', async () => {
  const stored = await hashPassword('secret')
  const timed = async (work: () => Promise<boolean>) => {
    const began = performance.now()
    expect(await work()).toBe(false)
    return performance.now() - began
  }
  const median = (times: number[]) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0
  const known: number[] = []
  const unknown: number[] = []
  for (let round = 0; round < 5; round++) {
    known.push(await timed(() => verifyPassword('wrong', stored)))
    unknown.push(await timed(() => dummyVerify('wrong')))
  }
  // Wide bounds: this catches work left out, which is a factor of a thousand, and not the noise of a busy machine.
  expect(median(unknown) / median(known)).toBeGreaterThan(0.3)
  expect(median(unknown) / median(known)).toBeLessThan(3)
})

test('many at once are worked off two at a time, and beyond a bound refused', async () => {
  const stored = cheapHash('x', { N: 1024, r: 8 })
  const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => verifyPassword('x', stored)))
  const done = outcomes.filter((outcome) => outcome.status === 'fulfilled')
  expect(done).toHaveLength(66)
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') expect(outcome.value).toBe(true)
    else expect(outcome.reason).toMatchObject({ code: 'ERR_FAKESSH_LIMIT' })
  }
  // And afterwards there is room again.
  expect(await verifyPassword('x', stored)).toBe(true)
})

const B64 = Buffer.alloc(16).toString('base64')
const HASH = Buffer.alloc(32).toString('base64')

test.each([
  undefined,
  7,
  '',
  'plain text password',
  `scrypt:32768:8:1:${B64}`,
  `bcrypt:32768:8:1:${B64}:${HASH}`,
  `scrypt:32767:8:1:${B64}:${HASH}`,
  `scrypt:1:8:1:${B64}:${HASH}`,
  `scrypt:0:8:1:${B64}:${HASH}`,
  `scrypt:32768:0:1:${B64}:${HASH}`,
  `scrypt:32768:8:0:${B64}:${HASH}`,
  `scrypt:32768:8:17:${B64}:${HASH}`,
  // A gigabyte for each attempt.
  `scrypt:1048576:8:1:${B64}:${HASH}`,
  `scrypt:32768:8:1::${HASH}`,
  `scrypt:32768:8:1:${B64}:`,
  `scrypt:32768:8:1:${B64}:${HASH}\n`,
  ` scrypt:32768:8:1:${B64}:${HASH}`,
])('%j is no stored hash', async (stored) => {
  const check = () => checkPasswordHash(stored, 'users["a"].passwordHash')
  expect(check).toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG' }))
  expect(check).toThrow(/^users\["a"\]\.passwordHash: expected/)
  if (typeof stored === 'string' && stored !== '') expect(check).not.toThrow(stored)
})

test('what hashPassword gives is a stored hash', async () => {
  const stored = await hashPassword('x')
  expect(checkPasswordHash(stored, 'here')).toBe(stored)
})
