// A connection that is cut again and again: transfers go on where they were, by themselves, and hardly anything is sent twice.
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { TransferProgress } from '../../../src/index.js'
import { cutLink } from '../../helpers/cut-link.js'
import { served } from '../../helpers/served.js'

const CUTS = 50
const SIZE = 96 * 1024 * 1024
/** So that all cuts come before the end. */
const MAX_BYTES = Math.floor((SIZE / CUTS) * 1.8)

describe.each([1, 2])('cut 50 times, seed %i', (seed) => {
  test('an upload', { timeout: 120_000 }, async () => {
    const all = await served({ transport: 'tls' })
    const link = await cutLink(all, { direction: 'up', cuts: CUTS, maxBytes: MAX_BYTES, seed })
    const content = randomBytes(SIZE)
    const local = join(all.local, 'file')
    writeFileSync(local, content)
    const seen: TransferProgress[] = []
    const receipt = await link.client.upload(local, 'copy', { onProgress: (progress) => seen.push(progress) })
    const sentTwice = link.passedBytes - SIZE
    console.log('up', link.cuts, sentTwice, sentTwice / SIZE, receipt.resumedFrom, receipt.durationMs)
    expect(readFileSync(join(all.root, 'copy')).equals(content)).toBe(true)
  })
  test('a download', { timeout: 120_000 }, async () => {
    const all = await served({ transport: 'tls' })
    const link = await cutLink(all, { direction: 'down', cuts: CUTS, maxBytes: MAX_BYTES, seed })
    const content = randomBytes(SIZE)
    const local = join(all.local, 'file')
    writeFileSync(join(all.root, 'copy'), content)
    const receipt = await link.client.download('copy', local)
    const sentTwice = link.passedBytes - SIZE
    console.log('down', link.cuts, sentTwice, sentTwice / SIZE, receipt.resumedFrom, receipt.durationMs)
    expect(readFileSync(local).equals(content)).toBe(true)
  })
})
