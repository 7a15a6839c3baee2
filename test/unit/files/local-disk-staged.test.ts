import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { StagedFile } from '../../../src/files/file-system.js'
import { LocalDisk } from '../../../src/files/local-disk.js'
import { openBelow, type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.js'

let base: TemporaryDirectory
let root: string
let disk: LocalDisk

beforeEach(() => {
  base = temporaryDirectory()
  root = base.at('root')
  mkdirSync(base.at('root', 'dir'), { recursive: true })
  disk = new LocalDisk(root)
})

// After every test, whatever it did: no descriptor, no temporary file.
afterEach(() => {
  expect(openBelow(base.path)).toEqual([])
})

const at = (...names: string[]) => base.at('root', ...names)
const content = (...names: string[]) => readFileSync(at(...names), 'utf8')
const modeOf = (path: string) => statSync(path).mode & 0o7777
const failing = (code: string) => expect.objectContaining({ code })
const text = (value: string) => Buffer.from(value)

/** The one temporary file there is. */
function temporary(): string {
  const [name, ...others] = base.leftovers()
  expect(others).toEqual([])
  return base.at(name ?? 'none')
}

async function put(path: string, value: string, ...options: Parameters<StagedFile['commit']>) {
  const staged = await disk.createStaged(path)
  await staged.write(text(value))
  await staged.commit(...options)
}

describe('writing', () => {
  test('nothing is visible before the commit, everything after', async () => {
    const staged = await disk.createStaged('dir/new')
    await staged.write(text('hello '))
    await staged.write(text('world'))
    expect(existsSync(at('dir/new'))).toBe(false)
    await staged.commit()
    expect(content('dir/new')).toBe('hello world')
    expect(base.leftovers()).toEqual([])
  })

  test('the temporary file is beside the target, with an unguessable name', async () => {
    const staged = await disk.createStaged('dir/new')
    expect(temporary()).toMatch(
      new RegExp(`^${at('dir')}/\\.fakessh-s-[0-9a-f]{32}\\.[0-9a-f-]{40,}\\.part$`),
    )
    await staged.discard()
  })

  test('an existing file keeps its content until the commit', async () => {
    writeFileSync(at('file'), 'old')
    const staged = await disk.createStaged('file')
    await staged.write(text('new'))
    expect(content('file')).toBe('old')
    await staged.commit()
    expect(content('file')).toBe('new')
  })

  test('whoever has the old file open keeps the old content', async () => {
    writeFileSync(at('file'), 'old')
    linkSync(at('file'), at('other'))
    await put('file', 'new')
    expect([content('file'), content('other')]).toEqual(['new', 'old'])
  })

  test('an empty file, written to or not', async () => {
    await put('empty', '')
    const staged = await disk.createStaged('none')
    await staged.commit()
    expect([content('empty'), content('none')]).toEqual(['', ''])
  })

  test('two at once for the same target do not mix; the later commit wins', async () => {
    const [a, b] = [await disk.createStaged('file'), await disk.createStaged('file')]
    await Promise.all([a.write(text('aaaa')), b.write(text('bb'))])
    await b.commit()
    await a.commit()
    expect(content('file')).toBe('aaaa')
    expect(base.leftovers()).toEqual([])
  })

  test.each(['a b', "it's", 'a\nb', '"', '😀', '-rf', '.hidden', 'x'.repeat(255), '€'.repeat(85)])(
    'a target named %j',
    async (name) => {
      await put(name, name)
      expect(content(name)).toBe(name)
    },
  )
})

describe('without a commit', () => {
  test('discard leaves nothing', async () => {
    writeFileSync(at('file'), 'old')
    const staged = await disk.createStaged('file')
    await staged.write(text('new'))
    await staged.discard()
    await staged.discard()
    expect(content('file')).toBe('old')
    expect(base.leftovers()).toEqual([])
  })

  test('discard waits for a running write', async () => {
    const staged = await disk.createStaged('file')
    const writing = staged.write(Buffer.alloc(1_000_000))
    await staged.discard()
    await writing
    expect(base.leftovers()).toEqual([])
  })

  test('discard after a commit, and during one, changes nothing', async () => {
    const staged = await disk.createStaged('file')
    await staged.write(text('new'))
    const committing = staged.commit()
    await staged.discard()
    await committing
    await staged.discard()
    expect(content('file')).toBe('new')
  })

  test('discard is quiet when somebody else removed the file', async () => {
    const staged = await disk.createStaged('file')
    rmSync(temporary())
    await staged.discard()
  })

  test('there is no second commit, and none after a discard', async () => {
    const once = await disk.createStaged('file')
    await once.commit()
    await expect(once.commit()).rejects.toThrow(failing('ERR_FAKESSH_CLOSED'))
    const dropped = await disk.createStaged('file')
    await dropped.discard()
    await expect(dropped.commit()).rejects.toThrow(failing('ERR_FAKESSH_CLOSED'))
    await expect(dropped.write(text('x'))).rejects.toThrow(failing('EBADF'))
  })

  test('a commit that fails removes the file and leaves the target', async () => {
    const staged = await disk.createStaged('dir/sub')
    mkdirSync(at('dir/sub'))
    writeFileSync(at('dir/sub/inner'), 'x')
    await expect(staged.commit()).rejects.toThrow(failing('EISDIR'))
    expect(base.leftovers()).toEqual([])
    expect(content('dir/sub/inner')).toBe('x')
  })

  test('a commit whose directory went away is ENOENT', async () => {
    const staged = await disk.createStaged('dir/new')
    renameSync(at('dir'), at('moved'))
    await expect(staged.commit()).rejects.toThrow("ENOENT: no such file or directory, 'dir/new'")
    rmSync(at('moved'), { recursive: true })
  })
})

describe('permissions', () => {
  test('a new file gets the usual ones', async () => {
    await put('new', 'x')
    expect(modeOf(at('new'))).toBe(0o666 & ~process.umask())
  })

  test.each([0o600, 0o640, 0o755, 0o777, 0o400, 0])('a new file gets %o when asked for', async (mode) => {
    const staged = await disk.createStaged('new', { mode })
    expect(modeOf(temporary()) & ~mode).toBe(0)
    await staged.commit()
    expect(modeOf(at('new'))).toBe(mode)
  })

  test.each([0o600, 0o666, 0o444, 0o755])('a file of %o keeps it', async (mode) => {
    writeFileSync(at('file'), 'old')
    chmodSync(at('file'), mode)
    const staged = await disk.createStaged('file')
    expect(modeOf(temporary()) & ~mode).toBe(0)
    await staged.commit()
    expect(modeOf(at('file'))).toBe(mode)
  })

  test('a private file is never more open, not even on its way to become so', async () => {
    writeFileSync(at('file'), 'old')
    chmodSync(at('file'), 0o600)
    const staged = await disk.createStaged('file', { mode: 0o644 })
    expect(modeOf(temporary())).toBe(0o600)
    await staged.commit()
    expect(modeOf(at('file'))).toBe(0o644)
  })

  test('nor is one that shall be private', async () => {
    writeFileSync(at('file'), 'old')
    chmodSync(at('file'), 0o666)
    const staged = await disk.createStaged('file', { mode: 0o600 })
    expect(modeOf(temporary())).toBe(0o600)
    await staged.commit()
    expect(modeOf(at('file'))).toBe(0o600)
  })

  test('the commit has the last word', async () => {
    const staged = await disk.createStaged('new', { mode: 0o600 })
    await staged.commit({ mode: 0o750 })
    expect(modeOf(at('new'))).toBe(0o750)
  })

  test('set-uid, set-gid and sticky are never set', async () => {
    writeFileSync(at('file'), 'old')
    chmodSync(at('file'), 0o6755)
    await put('file', 'new')
    expect(modeOf(at('file'))).toBe(0o755)
    await put('file', 'new', { mode: 0o7700 })
    expect(modeOf(at('file'))).toBe(0o700)
  })
})

describe('times', () => {
  test.each([0, 1, 1_700_000_000_123, 1_700_000_015_839, 10_413_792_000_999, -1, -1_000, -86_400_000])(
    '%i ms come back as they were',
    async (mtimeMs) => {
      await put('file', 'x', { mtimeMs })
      expect(await disk.stat('file')).toMatchObject({ mtimeMs, kind: 'file' })
    },
  )

  test('two hundred of them', async () => {
    const wrong: number[] = []
    for (let i = 0; i < 200; i++) {
      const mtimeMs = 1_700_000_000_000 + i * 7_919_001
      await put('file', 'x', { mtimeMs })
      if ((await disk.stat('file')).mtimeMs !== mtimeMs) wrong.push(mtimeMs)
    }
    expect(wrong).toEqual([])
  })

  test('now is the default', async () => {
    const before = Date.now() - 1000
    await put('file', 'x')
    expect((await disk.stat('file')).mtimeMs).toBeGreaterThanOrEqual(before)
  })
})

test('with fsync, the file is committed as well', async () => {
  await put('dir/file', 'durable', { fsync: true, mtimeMs: 5 })
  expect(content('dir/file')).toBe('durable')
  expect((await disk.stat('dir/file')).mtimeMs).toBe(5)
})

test('what is being committed is not emptied any more', async () => {
  const staged = await disk.createStaged('dir/new')
  await staged.write(text('all of it'))
  const committing = staged.commit()
  await expect(staged.restart()).rejects.toEqual(failing('ERR_FAKESSH_CLOSED'))
  await committing
  await expect(staged.restart()).rejects.toEqual(failing('ERR_FAKESSH_CLOSED'))
  expect(content('dir', 'new')).toBe('all of it')
})

describe('without overwriting', () => {
  test('a new file is made', async () => {
    const staged = await disk.createStaged('new', { overwrite: false })
    await staged.write(text('x'))
    await staged.commit({ mode: 0o640 })
    expect(content('new')).toBe('x')
    expect(modeOf(at('new'))).toBe(0o640)
    expect(statSync(at('new')).nlink).toBe(1)
  })

  test('an existing one is refused at the start', async () => {
    writeFileSync(at('file'), 'old')
    await expect(disk.createStaged('file', { overwrite: false })).rejects.toThrow(failing('EEXIST'))
    expect(base.leftovers()).toEqual([])
  })

  test('one that somebody else made meanwhile is refused at the commit, and survives', async () => {
    const staged = await disk.createStaged('file', { overwrite: false })
    await staged.write(text('ours'))
    writeFileSync(at('file'), 'theirs')
    await expect(staged.commit()).rejects.toThrow("EEXIST: file already exists, 'file'")
    expect(content('file')).toBe('theirs')
    expect(base.leftovers()).toEqual([])
  })
})

describe('targets', () => {
  test('a link inside the root: what it names is replaced, in its own directory', async () => {
    writeFileSync(at('dir/real'), 'old')
    chmodSync(at('dir/real'), 0o600)
    symlinkSync('dir/real', at('link'))
    const staged = await disk.createStaged('link')
    expect(temporary().startsWith(at('dir'))).toBe(true)
    await staged.write(text('new'))
    await staged.commit()
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true)
    expect(content('dir/real')).toBe('new')
    expect(modeOf(at('dir/real'))).toBe(0o600)
  })

  test('a link out of the root: nothing outside is touched', async () => {
    writeFileSync(base.at('secret'), 'old')
    symlinkSync(base.at('secret'), at('link'))
    symlinkSync(base.path, at('up'))
    for (const path of ['link', 'up/secret', 'up/new', '../secret']) {
      await expect(disk.createStaged(path)).rejects.toThrow(failing('ERR_FAKESSH_OUTSIDE_ROOT'))
    }
    expect(readFileSync(base.at('secret'), 'utf8')).toBe('old')
    expect(base.list()).toEqual(['root', 'secret'])
  })

  test('a link put in the place of the target meanwhile is replaced, not followed', async () => {
    writeFileSync(base.at('secret'), 'old')
    const staged = await disk.createStaged('file')
    await staged.write(text('new'))
    symlinkSync(base.at('secret'), at('file'))
    await staged.commit()
    expect(lstatSync(at('file')).isFile()).toBe(true)
    expect(readFileSync(base.at('secret'), 'utf8')).toBe('old')
  })

  test('what is no file', async () => {
    execFileSync('mkfifo', [at('fifo')])
    const server = createServer().listen(at('socket'))
    await new Promise((resolve) => server.once('listening', resolve))
    for (const path of ['fifo', 'socket']) {
      await expect(disk.createStaged(path)).rejects.toThrow(failing('ERR_FAKESSH_NOT_A_FILE'))
    }
    await new Promise((resolve) => server.close(resolve))
  })

  test.each([
    ['EISDIR', 'dir'],
    ['EISDIR', 'dir/'],
    ['EISDIR', '/'],
    ['EISDIR', 'new/'],
    ['ENOTDIR', 'file/'],
    ['ENOTDIR', 'file/new'],
    ['ENOENT', 'none/new'],
    ['ENAMETOOLONG', 'x'.repeat(256)],
    ['ELOOP', 'loop'],
    ['ERR_FAKESSH_INVALID_PATH', ''],
    ['ERR_FAKESSH_INVALID_PATH', 'new\0.txt'],
  ])('%s for %j, before anything is created', async (code, path) => {
    writeFileSync(at('file'), 'old')
    symlinkSync('loop', at('loop'))
    await expect(disk.createStaged(path)).rejects.toThrow(failing(code))
    expect(base.list('root')).toEqual(['dir', 'file', 'loop'])
  })

  test('no message names the root', async () => {
    for (const path of ['dir', 'none/new', 'x'.repeat(256), '../x']) {
      const error: Error = await disk.createStaged(path).then(
        () => new Error(),
        (reason) => reason,
      )
      expect(error.message).toContain(path)
      expect(error.message).not.toContain(base.path)
    }
  })

  test('a read-only file system', async () => {
    await expect(new LocalDisk('/sys').createStaged('kernel/new')).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(EACCES|EPERM|EROFS)$/), path: 'kernel/new' }),
    )
  })
})

describe('stat', () => {
  test('what there is', async () => {
    writeFileSync(at('file'), 'abc')
    symlinkSync('file', at('link'))
    execFileSync('mkfifo', [at('fifo')])
    expect(await disk.stat('link')).toMatchObject({ kind: 'file', size: 3 })
    expect(await disk.stat('/')).toMatchObject({ kind: 'directory' })
    expect(await disk.stat('fifo')).toMatchObject({ kind: 'other' })
    await expect(disk.stat('none')).rejects.toThrow("ENOENT: no such file or directory, 'none'")
    await expect(disk.stat('..')).rejects.toThrow(failing('ERR_FAKESSH_OUTSIDE_ROOT'))
  })

  test('without a root', async () => {
    expect(await new LocalDisk().stat(at('dir'))).toMatchObject({ kind: 'directory' })
    await expect(new LocalDisk().stat(at('none'))).rejects.toThrow(failing('ENOENT'))
  })
})
