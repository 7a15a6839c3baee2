import { afterEach, expect, test } from 'vitest'
import { Digest } from '../../../src/files/digest.js'
import type { FileSystem, KeptFile } from '../../../src/files/file-system.js'
import { UploadTable } from '../../../src/files/upload-table.js'
import { turns, until } from '../../helpers/until.js'

const scope = { key: 'k', user: 'ann', path: 'file', holder: 'h', attempt: 1, isKept: true }
const tables: UploadTable[] = []

afterEach(async () => {
  for (const table of tables.splice(0)) await table.close()
})

function tableOf(expiryMs = 60_000): UploadTable {
  const table = new UploadTable(expiryMs)
  tables.push(table)
  return table
}

/** A file that is there until it is removed. */
function keptFile(id: string, updatedAtMs = Date.now()): KeptFile & { isThere: boolean } {
  const file = {
    id,
    directory: 'dir',
    isThere: true,
    look: async () => (file.isThere ? { bytes: 5, updatedAtMs } : undefined),
    remove: async () => {
      file.isThere = false
    },
  }
  return file
}

/** Storage in which these were left; `reached` tells how many the search has got to. */
function storageWith(...files: KeptFile[]) {
  const seen = { reached: 0 }
  const fileSystem = {
    async *leftovers(signal: AbortSignal) {
      for (const file of files) {
        if (signal.aborted) return
        seen.reached += 1
        yield file
      }
    },
  } as unknown as FileSystem
  return { fileSystem, seen }
}

const upload = { directory: '', bytes: 3, updatedAtMs: 1 }
const next = { ...scope, attempt: 2 }

test('lists what runs, once it has a file, and what was kept of it', async () => {
  const table = tableOf()
  const place = await table.begin(scope)
  expect(await table.list()).toEqual([])
  place.running(upload)
  const who = { user: 'ann', path: 'file' }
  expect(await table.list()).toEqual([{ state: 'running', ...who, directory: '', bytes: 3, updatedAtMs: 1 }])
  place.end({ kept: keptFile('a') })
  expect(await table.list()).toMatchObject([{ state: 'kept', ...who, directory: 'dir', bytes: 5 }])
})

test('a newer attempt ends the older one, whatever it is doing, and waits until it has closed its file', async () => {
  const table = tableOf()
  const told: string[] = []
  const older = await table.begin(scope)
  older.signal.addEventListener('abort', () => told.push('fenced'))
  const newer = table.begin(next).then((place) => {
    told.push('begun')
    return place
  })
  expect(older.signal.reason).toMatchObject({ code: 'ERR_FAKESSH_FENCED' })
  await turns(3)
  expect(told).toEqual(['fenced'])
  older.end()
  const place = await newer
  expect(told).toEqual(['fenced', 'begun'])
  expect(place.signal.aborted).toBe(false)
  place.end()
})

test('an attempt that is not newer than the one that runs is refused, and ends nothing', async () => {
  const table = tableOf()
  const place = await table.begin(next)
  for (const late of [scope, next]) {
    await expect(table.begin(late)).rejects.toMatchObject({ code: 'ERR_FAKESSH_FENCED' })
  }
  expect(place.signal.aborted).toBe(false)
  place.end()
})

test('once a newer attempt has begun an older one is refused, whatever became of the newer, and however much was committed since', async () => {
  const table = tableOf()
  ;(await table.begin(next)).end()
  for (let i = 0; i < 1_100; i++) {
    const place = await table.begin({ ...scope, key: `other ${i}` })
    place.end({ committed: { directory: '', bytes: 0, digest: new Digest('sha256') } })
  }
  await expect(table.begin(scope)).rejects.toMatchObject({ code: 'ERR_FAKESSH_FENCED' })
  ;(await table.begin({ ...scope, attempt: 3 })).end()
})

test('other holders and other uploads do not wait', async () => {
  const table = tableOf()
  const places = await Promise.all([
    table.begin(scope),
    table.begin({ ...scope, holder: 'other' }),
    table.begin({ ...scope, key: 'other' }),
  ])
  for (const place of places) place.end()
})

test('an upload that is cut often leaves one entry, not many', async () => {
  const table = tableOf()
  const files = Array.from({ length: 20 }, (_, i) => keptFile(`part ${i}`))
  for (const [i, file] of files.entries()) {
    const place = await table.begin(scope)
    const before = files[i - 1]
    if (before) before.isThere = false
    place.running(upload)
    place.end({ kept: file })
  }
  await turns(3)
  expect(await table.list()).toHaveLength(1)
})

test('a search removes what has expired, and keeps the rest until it does', async () => {
  const table = tableOf(1_000)
  const [old, young] = [keptFile('old', Date.now() - 2_000), keptFile('young')]
  table.sweep('/root', storageWith(old, young).fileSystem)
  await until(() => !old.isThere)
  expect(young.isThere).toBe(true)
  expect(await table.list()).toEqual([
    {
      state: 'kept',
      user: undefined,
      path: undefined,
      directory: 'dir',
      bytes: 5,
      updatedAtMs: expect.any(Number),
    },
  ])
  await until(() => !young.isThere)
  expect(await table.list()).toEqual([])
})

test('what the search finds that is known already stays as it is known', async () => {
  const table = tableOf()
  const file = keptFile('part')
  ;(await table.begin(scope)).end({ kept: file })
  const { fileSystem, seen } = storageWith(file)
  table.sweep('/root', fileSystem)
  await until(() => seen.reached === 1)
  await turns(3)
  expect(await table.list()).toMatchObject([{ user: 'ann' }])
})

test('each root is searched once', async () => {
  const table = tableOf()
  const { fileSystem, seen } = storageWith(keptFile('part'))
  for (const root of ['/a', '/a', '/b']) table.sweep(root, fileSystem)
  await until(() => seen.reached === 2)
  await turns(3)
  expect(seen.reached).toBe(2)
})

test('closing ends a search and gives nothing up', async () => {
  const table = tableOf()
  const files = Array.from({ length: 1_000 }, (_, i) => keptFile(`${i}`))
  const { fileSystem, seen } = storageWith(...files)
  table.sweep('/root', fileSystem)
  await until(() => seen.reached > 0)
  await table.close()
  expect(seen.reached).toBeLessThan(1_000)
  table.sweep('/other', fileSystem)
  const { reached } = seen
  await turns(3)
  expect(seen.reached).toBe(reached)
  expect(files.every(({ isThere }) => isThere)).toBe(true)
})
