import { mkdirSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LocalDisk } from '../../../src/files/local-disk.js'
import { UploadTable } from '../../../src/files/upload-table.js'
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.js'
import { turns, until } from '../../helpers/until.js'

const MAX_KEPT_PER_USER = 1_000
const DAY_MS = 86_400_000

let root: TemporaryDirectory
let disk: LocalDisk
let table: UploadTable
let faults: unknown[]

beforeEach(() => {
  root = temporaryDirectory()
  disk = new LocalDisk(root.path)
  faults = []
  table = new UploadTable(DAY_MS, (error) => faults.push(error))
})

afterEach(() => table.close())

/** An upload that is interrupted after one byte. */
async function interrupted(user: string, path: string): Promise<void> {
  const key = `${user} ${path}`
  const place = await table.begin({ user, path, key, holder: '1', attempt: 1, isKept: true })
  const options = { resumeKey: key }
  const staged = (await disk.claimStaged(path, options)) ?? (await disk.createStaged(path, options))
  await staged.write(Buffer.from('x'))
  place.end({ kept: await staged.keep() })
}

const usersOf = async () => (await table.list()).map(({ user }) => user)

test('a user who leaves more parts than are kept loses the oldest of them, and nobody else loses any', async () => {
  await interrupted('ann', 'file')
  for (let i = 0; i <= MAX_KEPT_PER_USER; i++) {
    // Directories that are small to look through.
    const directory = `d${i % 50}`
    mkdirSync(root.at(directory), { recursive: true })
    await interrupted('bob', `${directory}/file${i}`)
  }
  await until(() => root.leftovers().length === 1 + MAX_KEPT_PER_USER)
  const users = await usersOf()
  expect(users.filter((user) => user === 'bob')).toHaveLength(MAX_KEPT_PER_USER)
  expect(users).toContain('ann')
  expect((await table.list()).map(({ path }) => path)).not.toContain('d0/file0')
})

test('a part that is continued and interrupted again and again counts once', async () => {
  await interrupted('bob', 'first')
  for (let i = 0; i <= MAX_KEPT_PER_USER; i++) await interrupted('bob', 'again')
  await turns(10)
  expect((await table.list()).map(({ path, bytes }) => [path, bytes])).toEqual([
    ['first', 1],
    ['again', MAX_KEPT_PER_USER + 1],
  ])
})

/** Counts the searches that have come to their end. */
class SearchedDisk extends LocalDisk {
  searched = 0

  override async *leftovers(signal: AbortSignal) {
    yield* super.leftovers(signal)
    this.searched += 1
  }
}

test('what lies below two roots, and what this server kept itself, is listed once', async () => {
  mkdirSync(root.at('sub'))
  await interrupted('ann', 'sub/kept')
  const place = await disk.createStaged('sub/left', { resumeKey: 'left by somebody' })
  await place.write(Buffer.from('xx'))
  await place.keep()
  const disks = [root.path, root.at('sub'), root.at('sub/')].map((path) => {
    const searched = new SearchedDisk(path)
    table.sweep(path, searched)
    return searched
  })
  await until(() => disks.every(({ searched }) => searched === 1))
  expect((await table.list()).map(({ path, bytes }) => [path, bytes])).toEqual([
    ['sub/kept', 1],
    [undefined, 2],
  ])
})

test('close() does not wait for a disk that hangs', async () => {
  const reached = new Promise<void>((resolve) => {
    const hanging = new SearchedDisk(root.path)
    hanging.leftovers = async function* () {
      resolve()
      await new Promise(() => undefined)
      yield* []
    }
    table.sweep(root.path, hanging)
  })
  await reached
  await table.close()
})

test('a search that fails is told, and crashes nobody', async () => {
  const broken = new SearchedDisk(root.path)
  broken.leftovers = async function* () {
    yield* []
    throw new Error('broken')
  }
  table.sweep(root.path, broken)
  await until(() => faults.length > 0)
  expect(faults).toEqual([new Error('broken')])
})
