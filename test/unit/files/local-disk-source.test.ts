import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { beforeEach, describe, expect, test } from 'vitest'
import type { SourceFile } from '../../../src/files/file-system.js'
import { LocalDisk } from '../../../src/files/local-disk.js'
import { openBelow, type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.js'

let directory: TemporaryDirectory
let disk: LocalDisk

beforeEach(() => {
  directory = temporaryDirectory()
  disk = new LocalDisk(directory.path)
})

const failing = (code: string) => expect.objectContaining({ code })

async function readAll(source: SourceFile, pieceBytes = 1000): Promise<Buffer> {
  const pieces: Buffer[] = []
  const buffer = Buffer.alloc(pieceBytes)
  for (;;) {
    const bytes = await source.read(buffer)
    if (bytes === 0) return Buffer.concat(pieces)
    pieces.push(Buffer.from(buffer.subarray(0, bytes)))
  }
}

/** A file opened, read to the end, and not closed. */
async function opened(content: string | Buffer, pieceBytes?: number): Promise<SourceFile> {
  writeFileSync(directory.at('file'), content)
  const past = new Date(1_600_000_000_000)
  utimesSync(directory.at('file'), past, past)
  const source = await disk.openSource('file')
  if (pieceBytes !== undefined) await readAll(source, pieceBytes)
  return source
}

describe('reading', () => {
  test.each([0, 1, 999, 1000, 1001, 5000])('%i bytes, in order, to the end and no further', async (size) => {
    const content = Buffer.from(Array.from({ length: size }, (_, i) => i % 251))
    const source = await opened(content)
    expect(await readAll(source)).toEqual(content)
    expect(await source.read(Buffer.alloc(10))).toBe(0)
    await source.verifyUnchanged()
    await source.close()
  })

  test('the facts are those of the file', async () => {
    writeFileSync(directory.at('file'), 'abc')
    chmodSync(directory.at('file'), 0o640)
    utimesSync(directory.at('file'), 1, 1_700_000_000.25)
    const source = await disk.openSource('/file')
    const { ino, mtimeNs } = statSync(directory.at('file'), { bigint: true })
    expect(source.facts).toEqual({ size: 3, mode: 0o640, mtimeMs: 1_700_000_000_250, mtimeNs, ino })
    await source.close()
  })

  test('a time before 1970 is whole milliseconds, downwards', async () => {
    writeFileSync(directory.at('file'), '')
    execFileSync('touch', ['-d', '1969-12-31 23:59:59.9995 UTC', directory.at('file')])
    expect(await disk.stat('file')).toMatchObject({ mtimeMs: -1, mtimeNs: -500_000n })
  })

  test.each([
    ['2023-11-14 22:13:20.122999906', 1_700_000_000_123],
    ['2023-11-14 22:13:20.122999000', 1_700_000_000_123],
    ['2023-11-14 22:13:20.122998999', 1_700_000_000_122],
    ['2023-11-14 22:13:20.123999', 1_700_000_000_124],
    ['2023-11-14 22:13:20.123500', 1_700_000_000_123],
    ['1969-12-31 23:59:59.999999', 0],
    ['1969-12-31 23:59:58.000000', -2_000],
  ])('%s is meant to be %i ms', async (date, mtimeMs) => {
    writeFileSync(directory.at('file'), '')
    execFileSync('touch', ['-d', `${date} UTC`, directory.at('file')])
    expect(await disk.stat('file')).toMatchObject({ mtimeMs })
  })

  test('no room reads nothing', async () => {
    const source = await opened('abc')
    expect(await source.read(new Uint8Array(0))).toBe(0)
    expect((await readAll(source)).toString()).toBe('abc')
    await source.close()
  })

  test('through a link', async () => {
    writeFileSync(directory.at('file'), 'abc')
    symlinkSync('file', directory.at('link'))
    const source = await disk.openSource('link')
    expect((await readAll(source)).toString()).toBe('abc')
    await source.close()
  })

  test('after close is an error, not another file', async () => {
    const source = await opened('abc')
    await source.close()
    await source.close()
    await expect(source.read(Buffer.alloc(3))).rejects.toThrow(failing('EBADF'))
    await expect(source.verifyUnchanged()).rejects.toThrow(failing('EBADF'))
  })

  test('close waits for a running read', async () => {
    const source = await opened('abc')
    const buffer = Buffer.alloc(10)
    const reading = source.read(buffer)
    await source.close()
    expect(await reading).toBe(3)
    expect(buffer.toString('utf8', 0, 3)).toBe('abc')
  })
})

describe('what changes meanwhile is noticed', () => {
  const changes: [string, () => void][] = [
    ['growing', () => appendFileSync(directory.at('file'), 'x')],
    ['shrinking', () => truncateSync(directory.at('file'), 1)],
    ['emptying', () => truncateSync(directory.at('file'), 0)],
    ['rewriting with the same length', () => writeFileSync(directory.at('file'), 'abd')],
    ['a new mtime', () => lutimesSync(directory.at('file'), 5, 5)],
  ]

  test.each(changes)('%s after the last byte', async (_name, change) => {
    const source = await opened('abc', 10)
    change()
    await expect(source.verifyUnchanged()).rejects.toThrow(failing('ERR_FAKESSH_SOURCE_CHANGED'))
    await source.close()
  })

  test.each(changes)('%s before the first byte', async (_name, change) => {
    const source = await opened('abc')
    change()
    const reading = readAll(source).then(() => source.verifyUnchanged())
    await expect(reading).rejects.toThrow(failing('ERR_FAKESSH_SOURCE_CHANGED'))
    await source.close()
  })

  test('the message says what changed, with the path as it was asked for', async () => {
    const source = await opened('abc', 10)
    truncateSync(directory.at('file'), 1)
    await expect(source.verifyUnchanged()).rejects.toThrow(
      "'file' changed while it was being read: its size went from 3 to 1 bytes",
    )
    await source.close()
  })

  test('a file that keeps growing is given up, not read for ever', async () => {
    const source = await opened('abc')
    const buffer = Buffer.alloc(2)
    let reads = 0
    const reading = (async () => {
      for (; reads < 100; reads++) {
        appendFileSync(directory.at('file'), 'more')
        await source.read(buffer)
      }
    })()
    await expect(reading).rejects.toThrow(failing('ERR_FAKESSH_SOURCE_CHANGED'))
    expect(reads).toBeLessThan(4)
    await source.close()
  })

  test('bytes that were not read yet are missed', async () => {
    const source = await opened('abcdef')
    await source.read(Buffer.alloc(3))
    await expect(source.verifyUnchanged()).rejects.toThrow('it gave 3 of 6 bytes')
    await source.close()
  })

  test('permissions, links and reading by others are no changes', async () => {
    const source = await opened('abc', 10)
    chmodSync(directory.at('file'), 0o600)
    symlinkSync('file', directory.at('other'))
    readFileSync(directory.at('file'))
    await source.verifyUnchanged()
    await source.close()
  })

  test('a file that was replaced or removed is still read whole', async () => {
    const source = await opened('abc')
    writeFileSync(directory.at('new'), 'xyz')
    renameSync(directory.at('new'), directory.at('file'))
    expect((await readAll(source)).toString()).toBe('abc')
    rmSync(directory.at('file'))
    await source.verifyUnchanged()
    await source.close()
  })
})

describe('sizes that lie', () => {
  test.each(['/proc/cpuinfo', '/proc/self/status', '/sys/kernel/uevent_seqnum'])(
    '%s is read to its end',
    async (path) => {
      if (!existsSync(path)) return
      const source = await new LocalDisk().openSource(path)
      expect((await readAll(source, 65_536)).length).toBeGreaterThan(0)
      await source.verifyUnchanged()
      await source.close()
    },
  )

  test('/sys says 4096, and gives fewer', async () => {
    const source = await new LocalDisk().openSource('/sys/kernel/uevent_seqnum')
    expect(source.facts.size).toBe(4096)
    expect((await readAll(source, 65_536)).length).toBeLessThan(100)
    await source.verifyUnchanged()
    await source.close()
  })

  test('a sparse file has no blocks, and all its bytes', async () => {
    writeFileSync(directory.at('file'), '')
    truncateSync(directory.at('file'), 100_000)
    const source = await disk.openSource('file')
    expect(await readAll(source, 65_536)).toEqual(Buffer.alloc(100_000))
    await source.verifyUnchanged()
    await source.close()
  })
})

describe('what is not a regular file', () => {
  test('a FIFO without a writer does not hang', async () => {
    execFileSync('mkfifo', [directory.at('fifo')])
    await expect(disk.openSource('fifo')).rejects.toThrow(failing('ERR_FAKESSH_NOT_A_FILE'))
  })

  test('a FIFO with a writer is not read from', async () => {
    execFileSync('mkfifo', [directory.at('fifo')])
    const both = openSync(directory.at('fifo'), 'r+')
    await expect(disk.openSource('fifo')).rejects.toThrow("'fifo' is not a regular file")
    closeSync(both)
  })

  test('a directory is EISDIR', async () => {
    mkdirSync(directory.at('dir'))
    for (const path of ['dir', 'dir/', '/', '.']) {
      await expect(disk.openSource(path)).rejects.toThrow(failing('EISDIR'))
    }
  })

  test('a device', async () => {
    await expect(new LocalDisk().openSource('/dev/null')).rejects.toThrow(failing('ERR_FAKESSH_NOT_A_FILE'))
    await expect(new LocalDisk().openSource('/dev/zero')).rejects.toThrow(failing('ERR_FAKESSH_NOT_A_FILE'))
  })

  test('a socket', async () => {
    const server = createServer().listen(directory.at('socket'))
    await new Promise((resolve) => server.once('listening', resolve))
    await expect(disk.openSource('socket')).rejects.toThrow(failing('ERR_FAKESSH_NOT_A_FILE'))
    await new Promise((resolve) => server.close(resolve))
  })

  test.each([
    ['ENOENT', 'none'],
    ['ENOTDIR', 'file/x'],
    ['ENAMETOOLONG', 'x'.repeat(256)],
    ['ERR_FAKESSH_OUTSIDE_ROOT', '../x'],
  ])('%s', async (code, path) => {
    writeFileSync(directory.at('file'), '')
    await expect(disk.openSource(path)).rejects.toThrow(failing(code))
  })

  test('without a root, errors name the path as it was given', async () => {
    const path = directory.at('none')
    await expect(new LocalDisk().openSource(path)).rejects.toThrow(
      `ENOENT: no such file or directory, '${path}'`,
    )
  })
})

test('files that fail to open leave no descriptor', async () => {
  mkdirSync(directory.at('dir'))
  for (let i = 0; i < 100; i++) await disk.openSource('dir').catch(() => undefined)
  expect(openBelow(directory.path)).toEqual([])
  const source = await disk.openSource('file').catch(() => opened('abc'))
  expect(openBelow(directory.path)).toEqual([directory.at('file')])
  await source.close()
})

describe('a part', () => {
  const content = Buffer.from(Array.from({ length: 5_000 }, (_, i) => i % 251))

  test.each([
    [0, 5_000],
    [0, 0],
    [0, 1_000],
    [1, 1_000],
    [4_999, 1],
    [4_999, 100],
    [5_000, 10],
    [9_000, 10],
    [1_234, undefined],
    [9_000, undefined],
  ])('from %i, of %s bytes', async (offset, length) => {
    writeFileSync(directory.at('file'), content)
    const source = await disk.openSource('file', { offset, length })
    const expected = content.subarray(offset, length === undefined ? undefined : offset + length)
    expect(await readAll(source)).toEqual(expected)
    await source.verifyUnchanged()
    expect(source.facts.size).toBe(5_000)
    await source.close()
  })

  test.each([
    [0, undefined],
    [10, 2_000],
  ])('from %i can be read again from its start, also before its end', async (offset, length) => {
    writeFileSync(directory.at('file'), content)
    const source = await disk.openSource('file', { offset, length })
    await source.read(Buffer.alloc(700))
    source.rewind()
    const expected = content.subarray(offset, length === undefined ? undefined : offset + length)
    expect(await readAll(source)).toEqual(expected)
    source.rewind()
    expect(await readAll(source)).toEqual(expected)
    await source.verifyUnchanged()
    await source.close()
  })

  test('of a file that changes elsewhere is not of one state', async () => {
    writeFileSync(directory.at('file'), content)
    const source = await disk.openSource('file', { offset: 0, length: 10 })
    await readAll(source)
    appendFileSync(directory.at('file'), 'x')
    await expect(source.verifyUnchanged()).rejects.toThrow(failing('ERR_FAKESSH_SOURCE_CHANGED'))
    await source.close()
  })

  test('of a file whose size lies', async () => {
    const virtual = new LocalDisk('/proc')
    const whole = await virtual.openSource('cpuinfo')
    const all = await readAll(whole)
    await whole.close()
    const source = await virtual.openSource('cpuinfo', { offset: 5, length: 20 })
    expect(await readAll(source)).toEqual(all.subarray(5, 25))
    await source.verifyUnchanged()
    await source.close()
  })
})
