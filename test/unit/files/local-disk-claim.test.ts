import { execFileSync } from 'node:child_process'
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import type { KeptFile } from '../../../src/files/file-system.js'
import { LocalDisk } from '../../../src/files/local-disk.js'
import { isOurs } from '../../../src/files/local-disk-claim.js'
import { openBelow, type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.js'

let root: TemporaryDirectory
let disk: LocalDisk
const resumeKey = 'some key'
const HOUR_MS = 3_600_000

beforeEach(() => {
  root = temporaryDirectory()
  mkdirSync(root.at('dir'))
  disk = new LocalDisk(root.path)
})

/** Leaves a file for the target, and gives its location. */
async function leave(content: string, path = 'dir/file', key = resumeKey): Promise<[string, KeptFile]> {
  const before = new Set(root.leftovers())
  const staged = await disk.createStaged(path, { resumeKey: key })
  await staged.write(Buffer.from(content))
  const kept = await staged.keep()
  const [name = ''] = root.leftovers().filter((one) => !before.has(one))
  return [root.at(name), kept as KeptFile]
}

const claim = (path = 'dir/file', key = resumeKey) => disk.claimStaged(path, { resumeKey: key })

async function contentOf(staged: { bytes: number; read(into: Uint8Array, at: number): Promise<number> }) {
  const into = Buffer.alloc(1_000)
  return into.subarray(0, await staged.read(into, 0)).toString()
}

test('what was kept is found under the same key and target, can be read, and goes on', async () => {
  const [, kept] = await leave('hello ')
  expect(await kept.look()).toMatchObject({ bytes: 6, updatedAtMs: expect.any(Number) })
  expect(kept.directory).toBe('dir')
  expect(root.leftovers().map((name) => root.at(name))).toEqual([kept.id])
  const staged = await claim()
  expect(staged).toMatchObject({ bytes: 6, directory: 'dir' })
  expect(await contentOf(staged as never)).toBe('hello ')
  await staged?.write(Buffer.from('world'))
  expect(staged?.bytes).toBe(11)
  await staged?.commit()
  expect(readFileSync(root.at('dir/file'), 'utf8')).toBe('hello world')
  expect(root.list('dir')).toEqual(['file'])
})

test.each([
  ['another key', 'dir/file', 'other'],
  ['another name', 'dir/other', resumeKey],
  ['another directory', 'file', resumeKey],
])('it is not found under %s', async (_what, path, key) => {
  await leave('x')
  expect(await claim(path, key)).toBeUndefined()
  expect(root.leftovers()).toHaveLength(1)
})

test('it is found through another way of writing the path', async () => {
  await leave('x')
  symlinkSync('dir', root.at('link'))
  const staged = await claim('/link/./file')
  expect(staged?.bytes).toBe(1)
  await staged?.discard()
})

test('what is being written is not found', async () => {
  const staged = await disk.createStaged('dir/file', { resumeKey })
  await staged.write(Buffer.from('x'))
  expect(await claim()).toBeUndefined()
  await staged.keep()
  const claimed = await claim()
  expect(claimed?.bytes).toBe(1)
  expect(await claim()).toBeUndefined()
  await claimed?.discard()
})

test('of a hundred claims at once one has it', async () => {
  await leave('x')
  const claimed = (await Promise.all(Array.from({ length: 100 }, () => claim()))).filter(Boolean)
  expect(claimed).toHaveLength(1)
  await claimed[0]?.discard()
  expect(root.leftovers()).toEqual([])
})

test('of several the latest is taken, and the others stay', async () => {
  const [older] = await leave('older')
  await leave('newer!')
  utimesSync(older, 5, 5)
  const staged = await claim()
  expect(await contentOf(staged as never)).toBe('newer!')
  await staged?.discard()
  expect(root.leftovers()).toHaveLength(1)
})

test('nothing is kept without a key, or of nothing, or twice', async () => {
  const plain = await disk.createStaged('dir/file')
  await plain.write(Buffer.from('x'))
  expect(await plain.keep()).toBeUndefined()
  const empty = await disk.createStaged('dir/file', { resumeKey })
  expect(await empty.keep()).toBeUndefined()
  expect(root.leftovers()).toEqual([])
  const discarded = await disk.createStaged('dir/file', { resumeKey })
  await discarded.discard()
  expect(await discarded.keep()).toBeUndefined()
  const committed = await disk.createStaged('dir/file', { resumeKey })
  await committed.write(Buffer.from('x'))
  await committed.commit()
  expect(await committed.keep()).toBeUndefined()
  expect(root.list('dir')).toEqual(['file'])
  expect(openBelow(root.path)).toEqual([])
})

test('what was kept can no longer be written, committed or discarded', async () => {
  const staged = await disk.createStaged('dir/file', { resumeKey })
  await staged.write(Buffer.from('x'))
  await staged.keep()
  await staged.discard()
  await expect(staged.write(Buffer.from('y'))).rejects.toMatchObject({ code: 'EBADF' })
  await expect(staged.commit()).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
  expect(root.leftovers()).toHaveLength(1)
})

test('restart throws away what there was', async () => {
  await leave('a long beginning')
  const staged = await claim()
  await staged?.restart()
  expect(staged?.bytes).toBe(0)
  await staged?.write(Buffer.from('new'))
  await staged?.commit()
  expect(readFileSync(root.at('dir/file'), 'utf8')).toBe('new')
})

test('a removal cannot hit what has been claimed', async () => {
  const [, kept] = await leave('x')
  const staged = await claim()
  expect(await kept.look()).toBeUndefined()
  await kept.remove()
  await staged?.commit()
  expect(readFileSync(root.at('dir/file'), 'utf8')).toBe('x')
  const [, again] = await leave('y')
  await again.remove()
  expect(root.leftovers()).toEqual([])
})

describe('is not taken over', () => {
  test('a link, which stays as it was', async () => {
    writeFileSync(root.at('secret'), 'secret')
    const [location] = await leave('x')
    renameSync(location, root.at('moved'))
    symlinkSync(root.at('secret'), location)
    expect(await claim()).toBeUndefined()
    expect(readFileSync(root.at('secret'), 'utf8')).toBe('secret')
  })

  test('a file with a second name, which may be a target', async () => {
    const [location] = await leave('x')
    linkSync(location, root.at('dir/target'))
    expect(await claim()).toBeUndefined()
    expect(readFileSync(root.at('dir/target'), 'utf8')).toBe('x')
  })

  test('what is no file', async () => {
    const [location] = await leave('x')
    renameSync(location, root.at('moved'))
    execFileSync('mkfifo', [location])
    expect(await claim()).toBeUndefined()
  })

  test('what there is nothing in', async () => {
    const [location] = await leave('x')
    writeFileSync(location, '')
    expect(await claim()).toBeUndefined()
  })

  test('a file of another account', () => {
    const stats = statSync(root.path)
    const file = { isFile: () => true, uid: stats.uid }
    expect(isOurs(file)).toBe(true)
    expect(isOurs({ ...file, uid: stats.uid + 1 })).toBe(false)
    expect(isOurs({ ...file, isFile: () => false })).toBe(false)
  })
})

test('what the target forbids is told before anything is taken over', async () => {
  await leave('x')
  writeFileSync(root.at('dir/file'), 'old')
  await expect(disk.claimStaged('dir/file', { resumeKey, overwrite: false })).rejects.toMatchObject({
    code: 'EEXIST',
  })
  await expect(claim('none/file')).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(claim('dir')).rejects.toMatchObject({ code: 'EISDIR' })
  expect(root.leftovers()).toHaveLength(1)
})

test('what is stale goes on the way, if that is asked for', async () => {
  const [stale] = await leave('stale', 'dir/other')
  const [fresh] = await leave('fresh', 'dir/more')
  utimesSync(stale, new Date(Date.now() - 2 * HOUR_MS), new Date(Date.now() - 2 * HOUR_MS))
  expect(await disk.claimStaged('dir/file', { resumeKey })).toBeUndefined()
  expect(readdirSync(root.at('dir'))).toHaveLength(2)
  expect(await disk.claimStaged('dir/file', { resumeKey, staleMs: HOUR_MS })).toBeUndefined()
  expect(root.leftovers().map((name) => root.at(name))).toEqual([fresh])
})

describe('leftovers()', () => {
  const all = async (from = disk, signal = new AbortController().signal) => {
    const found: KeptFile[] = []
    for await (const one of from.leftovers(signal)) found.push(one)
    return found
  }

  test('finds what is below the root, and nothing else', async () => {
    mkdirSync(root.at('a/b/c'), { recursive: true })
    await leave('xyz', 'a/b/c/file')
    await leave('x', 'file')
    const held = await disk.createStaged('a/file', { resumeKey })
    writeFileSync(root.at('a/.fakessh-x.part'), 'x')
    const outside = temporaryDirectory()
    const outer = new LocalDisk(outside.path)
    const staged = await outer.createStaged('file', { resumeKey })
    await staged.write(Buffer.from('x'))
    await staged.keep()
    symlinkSync(outside.path, root.at('a/link'))
    expect((await all()).map(({ directory }) => directory).sort()).toEqual(['', 'a/b/c'])
    await held.discard()
  })

  test('finds nothing where nothing is served, or the root is gone', async () => {
    expect(await all(new LocalDisk())).toEqual([])
    expect(await all(new LocalDisk(root.at('none')))).toEqual([])
  })

  test('ends when it is told to', async () => {
    await leave('x')
    expect(await all(disk, AbortSignal.abort())).toEqual([])
  })
})
