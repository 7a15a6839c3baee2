import { mkdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LocalDisk } from '../../../src/files/local-disk.js'
import { leftoversBelow } from '../../../src/files/local-disk-leftovers.js'
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.js'

const LIMIT = { code: 'ERR_FAKESSH_LIMIT' }

/** Ten directories with a part in each. */
async function tenParts(): Promise<TemporaryDirectory> {
  const root = temporaryDirectory()
  for (let i = 0; i < 10; i++) {
    mkdirSync(root.at(`${i}`))
    const staged = await new LocalDisk(root.path).createStaged(`${i}/file`, { resumeKey: 'key' })
    await staged.write(Buffer.from('x'))
    await staged.keep()
  }
  return root
}

async function search(root: string, bounds: { directories: number; entries: number }, stopAfter = 100) {
  const stop = new AbortController()
  const found: string[] = []
  let error: unknown
  try {
    for await (const { directory } of leftoversBelow(root, stop.signal, bounds)) {
      found.push(directory)
      if (found.length === stopAfter) stop.abort()
    }
  } catch (failure) {
    error = failure
  }
  return { found: found.length, error }
}

test('finds all there is within its bounds', async () => {
  const { path } = await tenParts()
  expect(await search(path, { directories: 10, entries: 20 })).toEqual({ found: 10, error: undefined })
})

test('says so when there are more directories', async () => {
  const { path } = await tenParts()
  const { found, error } = await search(path, { directories: 9, entries: 20 })
  expect(found).toBe(9)
  expect(error).toMatchObject(LIMIT)
})

test('says so when there are more entries', async () => {
  const { path } = await tenParts()
  const { found, error } = await search(path, { directories: 10, entries: 19 })
  expect(found).toBe(9)
  expect(error).toMatchObject(LIMIT)
})

test('looks into no other directory once it was stopped', async () => {
  const { path } = await tenParts()
  expect(await search(path, { directories: 10, entries: 20 }, 3)).toEqual({ found: 3, error: undefined })
})
