// 1 GiB over a connection that is cut 50 times: all of it arrives, and hardly anything is sent twice.
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { cutLink } from '../helpers/cut-link.js'
import { served } from '../helpers/served.js'

const SIZE = 1024 ** 3
const CUTS = 50
/** So that all cuts come before the end. */
const MAX_BYTES = Math.floor((SIZE / CUTS) * 1.8)
const MOST_SENT_TWICE = 0.05

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

test.each(['upload', 'download'] as const)('%s of 1 GiB, cut 50 times', { timeout: 600_000 }, async (op) => {
  const all = await served({ transport: 'tls' })
  const direction = op === 'upload' ? 'up' : 'down'
  const [from, to] = op === 'upload' ? [all.local, all.root] : [all.root, all.local]
  const block = randomBytes(2 ** 24)
  for (let written = 0; written < SIZE; written += block.length) {
    block.writeUInt32BE(written / block.length)
    appendFileSync(join(from, 'file'), block)
  }
  const link = await cutLink(all, { direction, cuts: CUTS, maxBytes: MAX_BYTES, seed: 1 })
  const receipt =
    op === 'upload'
      ? await link.client.upload(join(from, 'file'), 'copy')
      : await link.client.download('file', join(to, 'copy'))
  expect(link.cuts).toBe(CUTS)
  expect(receipt).toMatchObject({ bytes: SIZE, digest: await digestOf(join(from, 'file')) })
  expect(await digestOf(join(to, 'copy'))).toBe(receipt.digest)
  expect(link.passedBytes / SIZE - 1).toBeLessThan(MOST_SENT_TWICE)
  expect(all.leftovers()).toEqual([])
})
