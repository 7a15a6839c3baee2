import { execFileSync } from 'node:child_process'
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { KeptFile } from '../../../src/files/file-system.js'
import { LocalDisk } from '../../../src/files/local-disk.js'
import { claimLeftover, isOurs } from '../../../src/files/local-disk-claim.js'
import { parseStagedName } from '../../../src/files/local-disk-owner.js'
import { childPeer } from '../../helpers/child-peer.js'
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
  await leave('older')
  await leave('newer!')
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

describe('what is left', () => {
  /** So many milliseconds after now, for those who ask this process. */
  function later(ms: number): void {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms })
    onTestFinished(() => void vi.useRealTimers())
  }

  /** As if another machine had left it. */
  function elsewhere(location: string): string {
    const moved = location.replace(/\.[0-9a-f]{8}-/, '.00000000-')
    renameSync(location, moved)
    return moved
  }

  const cleanUp = () => disk.claimStaged('dir/file', { resumeKey, staleMs: HOUR_MS })

  test('goes on the way once it is stale, if that is asked for', async () => {
    await leave('stale', 'dir/other')
    await leave('stale', 'dir/more')
    expect(await cleanUp()).toBeUndefined()
    expect(root.leftovers()).toHaveLength(2)
    later(2 * HOUR_MS)
    expect(await claim()).toBeUndefined()
    expect(root.leftovers()).toHaveLength(2)
    expect(await cleanUp()).toBeUndefined()
    expect(root.leftovers()).toEqual([])
  })

  test('is as old as the system says, whatever time the sender gave it', async () => {
    const [future, kept] = await leave('x', 'dir/future')
    const [past] = await leave('x', 'dir/past')
    utimesSync(future, 1e10, 1e10)
    utimesSync(past, 5, 5)
    const { updatedAtMs = 0 } = (await kept.look()) ?? {}
    expect(Math.abs(updatedAtMs - Date.now())).toBeLessThan(HOUR_MS)
    await cleanUp()
    expect(root.leftovers()).toHaveLength(2)
    later(2 * HOUR_MS)
    await cleanUp()
    expect(root.leftovers()).toEqual([])
  })

  test('of the other side is neither found nor removed', async () => {
    await leave('x')
    const local = new LocalDisk()
    const options = { resumeKey, staleMs: HOUR_MS }
    later(2 * HOUR_MS)
    expect(await local.claimStaged(root.at('dir/file'), options)).toBeUndefined()
    const staged = await local.createStaged(root.at('dir/copy'), { resumeKey })
    await staged.write(Buffer.from('y'))
    await staged.keep()
    later(4 * HOUR_MS)
    expect(await cleanUp()).toMatchObject({ bytes: 1 })
    expect(root.leftovers()).toHaveLength(2)
  })

  test('of another machine is not taken, and removed only when it cannot be in use any more', async () => {
    elsewhere((await leave('x'))[0])
    expect(await claim()).toBeUndefined()
    later(29 * 24 * HOUR_MS)
    expect(await cleanUp()).toBeUndefined()
    expect(root.leftovers()).toHaveLength(1)
    later(2 * 24 * HOUR_MS)
    expect(await cleanUp()).toBeUndefined()
    expect(root.leftovers()).toEqual([])
  })

  test('of another machine is found by a search then, and still not taken', async () => {
    elsewhere((await leave('x'))[0])
    const found = async () => {
      const all: KeptFile[] = []
      for await (const one of disk.leftovers(new AbortController().signal)) all.push(one)
      return all
    }
    expect(await found()).toEqual([])
    later(31 * 24 * HOUR_MS)
    expect(await found()).toHaveLength(1)
    expect(await claim()).toBeUndefined()
  })
})

describe('of a directory', () => {
  /** Looks at so many entries of it at most. */
  function claimWithin(maxEntries: number, location: string) {
    const { kind = 'served', key = '' } = parseStagedName(basename(location)) ?? {}
    return claimLeftover({ directory: dirname(location), kind, key }, maxEntries)
  }

  test('no more is looked at than is worth while', async () => {
    const [location] = await leave('x')
    await (await claim())?.discard()
    // This process no longer knows of it.
    writeFileSync(location, 'x')
    for (let i = 0; i < 50; i++) writeFileSync(root.at(`dir/${i}`), '')
    expect(await claimWithin(0, location)).toBeUndefined()
    const claimed = await claimWithin(51, location)
    expect(claimed?.bytes).toBe(1)
    await claimed?.handle.close()
  })

  test('nothing is looked at for what this process left', async () => {
    const [location] = await leave('x')
    const claimed = await claimWithin(0, location)
    expect(claimed?.bytes).toBe(1)
    await claimed?.handle.close()
  })

  test('nothing is looked at for what a search has found', async () => {
    const [location] = await leave('x')
    const taken = await claim()
    await taken?.discard()
    writeFileSync(location, 'found')
    expect(await claimWithin(0, location)).toBeUndefined()
    for await (const one of disk.leftovers(new AbortController().signal)) expect(one.directory).toBe('dir')
    const claimed = await claimWithin(0, location)
    expect(claimed?.bytes).toBe(5)
    await claimed?.handle.close()
  })
})

test('what cannot be opened for a moment is there for the next one', { timeout: 60_000 }, async () => {
  const peer = await childPeer('descriptors', [], 'ulimit -n 256; exec "$0" "$@"')
  expect(await peer.call('claimWithoutDescriptors', root.path)).toEqual([undefined, 7])
  peer.kill('SIGKILL')
  await peer.exited
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
