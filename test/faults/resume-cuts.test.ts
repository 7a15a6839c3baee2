// A connection that is cut again and again: transfers go on where they were, by themselves, and hardly anything is sent twice.
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { TransferProgress } from '../../src/index.js'
import { cutLink } from '../helpers/cut-link.js'
import { served } from '../helpers/served.js'

const CUTS = 50
const SIZE = 64 * 1024 * 1024
/** So that all cuts come before the end. */
const MAX_BYTES = Math.floor((SIZE / CUTS) * 1.8)
/**
 * Bytes that a cut may cost on the average, whatever the size of the file: a quarter of a window, which a sender has on its way before it hears of what
 * has been taken, and which a reset throws away. Of 1 GiB that is cut as often it is 1.2 % (test/system/resume-large.test.ts).
 */
const LOST_BYTES = 262_144

describe.each([1, 2])('cut 50 times, seed %i', (seed) => {
  test.each(['upload', 'download'] as const)('%s', { timeout: 120_000 }, async (op) => {
    const all = await served({ transport: 'tls' })
    const direction = op === 'upload' ? 'up' : 'down'
    const link = await cutLink(all, { direction, cuts: CUTS, maxBytes: MAX_BYTES, seed })
    const content = randomBytes(SIZE)
    const [from, to] = op === 'upload' ? [all.local, all.root] : [all.root, all.local]
    writeFileSync(join(from, 'file'), content)
    const seen: TransferProgress[] = []
    const onProgress = (progress: TransferProgress) => seen.push(progress)
    const receipt =
      op === 'upload'
        ? await link.client.upload(join(from, 'file'), 'copy', { onProgress })
        : await link.client.download('file', join(to, 'copy'), { onProgress })
    expect(readFileSync(join(to, 'copy')).equals(content)).toBe(true)
    expect(receipt).toMatchObject({ bytes: SIZE, resumedFrom: expect.any(Number) })
    expect(receipt.resumedFrom).toBeGreaterThan(SIZE / 2)
    expect(link.cuts).toBe(CUTS)
    expect(link.passedBytes - SIZE).toBeLessThan(CUTS * LOST_BYTES)
    for (const key of ['transferred', 'acknowledged'] as const) {
      const values = seen.map((progress) => progress[key])
      expect(values).toEqual([...values].sort((a, b) => a - b))
      expect(values.at(-1)).toBe(SIZE)
    }
    expect(all.leftovers()).toEqual([])
  })
})
