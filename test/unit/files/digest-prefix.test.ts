import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { Digest } from '../../../src/files/digest.js'
import { digestBytes } from '../../../src/files/digest-prefix.js'

const content = randomBytes(1_000_000)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Gives at most so many bytes at once. */
const reader =
  (atOnce = content.length) =>
  async (into: Uint8Array, position: number) =>
    content.copy(into, 0, position, Math.min(position + atOnce, content.length))

test.each([
  [0, 1_000_000],
  [1, 1_000_000],
  [262_144, 1_000_000],
  [262_145, 1_000_000],
  [999_999, 1_000_000],
  [1_000_000, 1_000_000],
  [700_000, 10_001],
])('%i bytes, at most %i at once', async (bytes, atOnce) => {
  const digest = new Digest('sha256')
  expect(await digestBytes(reader(atOnce), bytes, digest)).toBe(bytes)
  expect(digest.hexSoFar()).toBe(sha256(content.subarray(0, bytes)))
  digest.update(content.subarray(bytes))
  expect(digest.hex()).toBe(sha256(content))
})

test('of a file that has fewer', async () => {
  const digest = new Digest('sha256')
  expect(await digestBytes(reader(), 2_000_000, digest)).toBe(1_000_000)
  expect(digest.hex()).toBe(sha256(content))
})

test('a failure of the file, and the end of interest in it', async () => {
  const failing = async (_into: Uint8Array, position: number) => {
    if (position > 0) throw new Error('unreadable')
    return 10
  }
  await expect(digestBytes(failing, 100, new Digest('sha256'))).rejects.toThrow('unreadable')
  const stopped = digestBytes(reader(), 100, new Digest('sha256'), AbortSignal.abort('stop'))
  await expect(stopped).rejects.toBe('stop')
})
