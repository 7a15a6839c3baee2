// download() and upload(): from path to path.
import { createHash, randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect, test } from 'vitest'
import { download } from '../../../src/files/download.js'
import type { FileSystem } from '../../../src/files/file-system.js'
import { LocalDisk } from '../../../src/files/local-disk.js'
import type { TransferProgress } from '../../../src/files/progress.js'
import { downloadKey } from '../../../src/files/resume-ids.js'
import type { PathTransferOptions, TransferReceipt } from '../../../src/files/transfer.js'
import { upload } from '../../../src/files/upload.js'
import { CHECKSUM_ALGORITHMS } from '../../../src/options.js'
import { type FileServicePair, fileServicePair, recordingObserver } from '../../helpers/file-service-pair.js'
import { changedStorage, fullStorage, Gate } from '../../helpers/storage.js'
import { openBelow, type TemporaryDirectory } from '../../helpers/temporary-directory.js'
import { turns, until } from '../../helpers/until.js'

/** The two directions, so that what holds for both is tested for both: from `file` at one end to `copy` at the other. */
const directions = [
  {
    op: 'download' as const,
    from: (pair: FileServicePair): TemporaryDirectory => pair.root,
    to: (pair: FileServicePair): TemporaryDirectory => pair.local,
    run: (pair: FileServicePair, options?: PathTransferOptions, from = 'file', to = 'copy') =>
      download(pair.client, from, pair.local.at(to), options),
  },
  {
    op: 'upload' as const,
    from: (pair: FileServicePair): TemporaryDirectory => pair.local,
    to: (pair: FileServicePair): TemporaryDirectory => pair.root,
    run: (pair: FileServicePair, options?: PathTransferOptions, from = 'file', to = 'copy') =>
      upload(pair.client, pair.local.at(from), to, options),
  },
]

const failing = (code: string) => expect.objectContaining({ code })
const modeOf = (path: string) => statSync(path).mode & 0o7777

describe.each(directions)('$op', ({ op, from, to, run }) => {
  test.each([0, 1, 65_535, 65_536, 65_537, 262_143, 262_144, 1_048_577, 5_000_001])(
    '%i bytes',
    async (size) => {
      const pair = await fileServicePair()
      const content = randomBytes(size)
      writeFileSync(from(pair).at('file'), content)
      const receipt = await run(pair)
      expect(readFileSync(to(pair).at('copy')).equals(content)).toBe(true)
      expect(receipt).toMatchObject({
        bytes: size,
        algorithm: 'sha256',
        digest: createHash('sha256').update(content).digest('hex'),
        resumedFrom: 0,
        path: op === 'download' ? 'file' : 'copy',
        localPath: pair.local.at(op === 'download' ? 'copy' : 'file'),
      })
      expect(receipt.durationMs).toBeGreaterThanOrEqual(0)
    },
  )

  test.each(CHECKSUM_ALGORITHMS)('with %s', async (algorithm) => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at('file'), 'abc')
    expect((await run(pair, { algorithm })).digest).toBe(createHash(algorithm).update('abc').digest('hex'))
  })

  test('replaces what is there, and keeps its mode', async () => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at('file'), 'new')
    writeFileSync(to(pair).at('copy'), 'much older')
    chmodSync(to(pair).at('copy'), 0o600)
    await run(pair)
    expect(readFileSync(to(pair).at('copy'), 'utf8')).toBe('new')
    expect(modeOf(to(pair).at('copy'))).toBe(0o600)
  })

  test('unless it must not', async () => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at('file'), 'new')
    await run(pair, { overwrite: false })
    writeFileSync(from(pair).at('file'), 'newer')
    await expect(run(pair, { overwrite: false })).rejects.toThrow(failing('EEXIST'))
    expect(readFileSync(to(pair).at('copy'), 'utf8')).toBe('new')
  })

  test('preserves mode and time when asked to, and set-uid never', async () => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at('file'), 'x')
    chmodSync(from(pair).at('file'), 0o4750)
    utimesSync(from(pair).at('file'), 5, 1_600_000_000.123)
    await run(pair, { preserve: true })
    expect(modeOf(to(pair).at('copy'))).toBe(0o750)
    // Node gives the file this time or one up to a microsecond less, depending on its version.
    expect(Math.floor(statSync(to(pair).at('copy')).mtimeMs + 0.0005)).toBe(1_600_000_000_123)
  })

  test('without that, mode and time are those of a new file', async () => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at('file'), 'x')
    chmodSync(from(pair).at('file'), 0o700)
    utimesSync(from(pair).at('file'), 5, 5)
    await run(pair)
    expect(modeOf(to(pair).at('copy'))).toBe(0o666 & ~process.umask())
    expect(statSync(to(pair).at('copy')).mtimeMs).toBeGreaterThan(1_600_000_000_000)
  })

  test('a mode of its own wins', async () => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at('file'), 'x')
    chmodSync(from(pair).at('file'), 0o700)
    await run(pair, { preserve: true, mode: 0o640 })
    expect(modeOf(to(pair).at('copy'))).toBe(0o640)
  })

  test('tells progress, at least once, ending at 100', async () => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at('file'), Buffer.alloc(3_000_000))
    const seen: TransferProgress[] = []
    await run(pair, { onProgress: (progress) => seen.push(progress) })
    expect(seen.at(-1)).toMatchObject({
      transferred: 3_000_000,
      acknowledged: 3_000_000,
      total: 3_000_000,
      percent: 100,
      etaMs: 0,
    })
    for (const key of ['transferred', 'acknowledged'] as const) {
      const values = seen.map((progress) => progress[key])
      expect(values).toEqual([...values].sort((a, b) => a - b))
    }
  })

  test('of nothing, progress is told once', async () => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at('file'), '')
    const seen: number[] = []
    await run(pair, { onProgress: ({ percent }) => seen.push(percent ?? -1) })
    expect(seen).toEqual([100])
  })

  test('through links at both ends', async () => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at('file'), 'x')
    symlinkSync('file', from(pair).at('link'))
    writeFileSync(to(pair).at('real'), 'old')
    symlinkSync('real', to(pair).at('copy'))
    await run(pair, {}, 'link')
    expect(readFileSync(to(pair).at('real'), 'utf8')).toBe('x')
  })

  test.each(['a b', "it's", 'a\nb', '😀', '$(x)', '€'.repeat(85)])('named %j at both ends', async (name) => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at(name), name)
    await run(pair, {}, name, name)
    expect(readFileSync(to(pair).at(name), 'utf8')).toBe(name)
  })

  test('100 at once', async () => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at('file'), randomBytes(10_000))
    await Promise.all(Array.from({ length: 100 }, (_, i) => run(pair, {}, 'file', `copy${i}`)))
    expect(to(pair).list()).toHaveLength(100)
    expect([...openBelow(pair.root.path), ...openBelow(pair.local.path)]).toEqual([])
  })

  describe('failing', () => {
    /** Everything is as it was. */
    async function expectUntouched(pair: FileServicePair) {
      await pair.served()
      expect(to(pair).list()).toEqual(['copy'])
      expect(readFileSync(to(pair).at('copy'), 'utf8')).toBe('old')
      expect([...openBelow(pair.root.path), ...openBelow(pair.local.path)]).toEqual([])
    }

    async function prepared(...args: Parameters<typeof fileServicePair>) {
      const pair = await fileServicePair(...args)
      writeFileSync(from(pair).at('file'), Buffer.alloc(2_000_000, 7))
      utimesSync(from(pair).at('file'), 5, 5)
      writeFileSync(to(pair).at('copy'), 'old')
      return pair
    }

    test('the error names both paths and the host', async () => {
      const pair = await prepared()
      const error = await run(pair, {}, 'none').catch((reason) => reason)
      expect(error).toMatchObject({
        name: 'TransferError',
        code: 'ENOENT',
        op,
        path: op === 'download' ? 'none' : 'copy',
        localPath: pair.local.at(op === 'download' ? 'copy' : 'none'),
        bytesTransferred: 0,
      })
      expect(error.message).toContain('ENOENT: no such file or directory')
      await expectUntouched(pair)
    })

    test.each([
      ['ENOENT', 'none', 'copy'],
      ['EISDIR', 'dir', 'copy'],
      ['ENOTDIR', 'file/x', 'copy'],
      ['ENAMETOOLONG', 'x'.repeat(300), 'copy'],
      ['ELOOP', 'loop', 'copy'],
      ['ENOENT', 'file', 'none/copy'],
      ['EISDIR', 'file', 'dir'],
      ['EISDIR', 'file', 'new/'],
      ['ENOTDIR', 'file', 'copy/x'],
      ['ENAMETOOLONG', 'file', 'x'.repeat(300)],
    ])('%s: from %.10s to %.10s', async (code, source, target) => {
      const pair = await prepared()
      for (const end of [from(pair), to(pair)]) {
        mkdirSync(end.at('dir'))
        symlinkSync('loop', end.at('loop'))
      }
      // A slash at the end must survive joining the path.
      const running =
        op === 'download'
          ? download(pair.client, source, `${pair.local.path}/${target}`)
          : upload(pair.client, `${pair.local.path}/${source}`, target)
      await expect(running).rejects.toThrow(failing(code))
      await pair.served()
      expect(to(pair).list()).toEqual(['copy', 'dir', 'loop'])
      expect(readFileSync(to(pair).at('copy'), 'utf8')).toBe('old')
    })

    test('a pre-aborted signal', async () => {
      const pair = await prepared()
      await expect(run(pair, { signal: AbortSignal.abort('early') })).rejects.toBe('early')
      expect(pair.observed.told).toEqual([])
      await expectUntouched(pair)
    })

    test.each<[string, unknown]>([
      ['options', 5],
      ['timeoutMs', { timeoutMs: 0 }],
      ['signal', { signal: 1 }],
      ['algorithm', { algorithm: 'x' }],
      ['mode', { mode: 'x' }],
      ['preserve', { preserve: 1 }],
      ['overwrite', { overwrite: 1 }],
      ['fsync', { fsync: 1 }],
      ['resume', { resume: 'yes' }],
      ['onProgress', { onProgress: 1 }],
    ])('an invalid %s rejects', async (name, options) => {
      const pair = await prepared()
      await expect(run(pair, options as PathTransferOptions)).rejects.toThrow(
        expect.objectContaining({
          code: 'ERR_FAKESSH_INVALID_ARG',
          message: expect.stringContaining(`${op}: ${name}`),
        }),
      )
      await expectUntouched(pair)
    })

    /** A reading end that waits in the middle of the file. */
    async function stuck() {
      const gate = new Gate()
      let reads = 0
      const changes = {
        source: (source: { read(into: Uint8Array): Promise<number> }) => ({
          read: async (into: Uint8Array) => {
            if (++reads === 3) await gate.pass()
            return source.read(into)
          },
        }),
      }
      const pair = await prepared({ storage: (root) => changedStorage(root, changes) })
      const local = changedStorage(undefined, changes)
      const begin = (options: PathTransferOptions) =>
        op === 'download'
          ? download(pair.client, 'file', pair.local.at('copy'), options)
          : upload(pair.client, pair.local.at('file'), 'copy', options, { fileSystem: local })
      return { pair, gate, begin }
    }

    test('an abort in the middle rejects with that very reason', async () => {
      const { pair, gate, begin } = await stuck()
      const controller = new AbortController()
      const running = begin({ signal: controller.signal })
      await gate.reached
      const reason = Symbol('stop')
      controller.abort(reason)
      gate.open()
      await expect(running).rejects.toBe(reason)
      await expectUntouched(pair)
    })

    test('a timeout in the middle', async () => {
      const { pair, gate, begin } = await stuck()
      const running = begin({ timeoutMs: 50 })
      running.finally(() => gate.open()).catch(() => undefined)
      if (op === 'upload')
        void gate.reached.then(() => until(() => pair.client.pendingOperations === 0)).then(() => gate.open())
      await expect(running).rejects.toThrow(failing('ERR_FAKESSH_TIMEOUT'))
      await expectUntouched(pair)
    })

    test('a lost connection in the middle', async () => {
      const { pair, gate, begin } = await stuck()
      const running = begin({})
      running.catch(() => undefined)
      await gate.reached
      pair.server.transport.stream.destroy(new Error('cable cut'))
      gate.open()
      const error = await running.catch((reason) => reason)
      expect(error).toMatchObject({ name: 'TransferError', code: 'ERR_FAKESSH_CONNECTION_LOST', op })
      expect(error.bytesTransferred).toBeGreaterThan(0)
      expect(error.bytesTransferred).toBeLessThan(2_000_000)
      await expectUntouched(pair)
    })

    test.each<[string, (path: string) => void]>([
      ['grows', (path) => appendFileSync(path, 'x')],
      ['shrinks', (path) => truncateSync(path, 1000)],
      ['is rewritten', (path) => writeFileSync(path, Buffer.alloc(2_000_000, 8))],
    ])('a file that %s meanwhile', async (_name, change) => {
      const { pair, gate, begin } = await stuck()
      const running = begin({})
      running.catch(() => undefined)
      await gate.reached
      change(from(pair).at('file'))
      gate.open()
      await expect(running).rejects.toThrow(failing('ERR_FAKESSH_SOURCE_CHANGED'))
      await expectUntouched(pair)
    })

    test('a full disk', async () => {
      const pair = await prepared({ storage: (root) => fullStorage(root, 500_000) })
      const running =
        op === 'download'
          ? download(pair.client, 'file', '/copy', {}, { fileSystem: fullStorage(pair.local.path, 500_000) })
          : run(pair)
      await expect(running).rejects.toThrow(failing('ENOSPC'))
      await expectUntouched(pair)
    })

    test('a commit that fails', async () => {
      const changes = { staged: () => ({ commit: () => Promise.reject(new Error('disk on fire')) }) }
      const pair = await prepared({ storage: (root) => changedStorage(root, changes) })
      const running =
        op === 'download'
          ? download(
              pair.client,
              'file',
              pair.local.at('copy'),
              {},
              { fileSystem: changedStorage(undefined, changes) },
            )
          : run(pair)
      await expect(running).rejects.toThrow(failing('ERR_FAKESSH_INTERNAL'))
      await expectUntouched(pair)
    })

    test('a closed connection', async () => {
      const pair = await prepared()
      await pair.close()
      await expect(run(pair)).rejects.toMatchObject({ name: 'TransferError', bytesTransferred: 0 })
      await expectUntouched(pair)
    })
  })

  test('is observed', async () => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at('file'), 'abc')
    const observe = recordingObserver()
    const receipt: TransferReceipt =
      op === 'download'
        ? await download(pair.client, 'file', pair.local.at('copy'), {}, { observe })
        : await upload(pair.client, pair.local.at('file'), 'copy', {}, { observe })
    const metadata = op === 'download' ? ['metadata'] : []
    expect(observe.order()).toEqual(['start', ...metadata, 'checksum', 'progress', 'end'])
    expect(observe.of('end')).toEqual([receipt])
    expect(observe.of('checksum')).toMatchObject([
      { match: true, local: receipt.digest, remote: receipt.digest },
    ])
    expect(observe.told[0]?.transfer).toEqual({ op, path: receipt.path, localPath: receipt.localPath })
  })

  test('leaves no timer and no listener', async () => {
    const pair = await fileServicePair()
    writeFileSync(from(pair).at('file'), 'abc')
    const controller = new AbortController()
    await run(pair, { signal: controller.signal, timeoutMs: 2_000_000 })
    controller.abort()
    await turns(3)
    expect(readFileSync(to(pair).at('copy'), 'utf8')).toBe('abc')
  })
})

test('a download is private while it is not known how private the file is', async () => {
  const gate = new Gate()
  const pair = await fileServicePair({
    storage: (root) =>
      changedStorage(root, {
        source: (source) => ({ read: (into) => gate.pass().then(() => source.read(into)) }),
      }),
  })
  writeFileSync(pair.root.at('key'), 'secret')
  chmodSync(pair.root.at('key'), 0o400)
  const running = download(pair.client, 'key', pair.local.at('key'), { preserve: true })
  await gate.reached
  const [temporary = 'none'] = pair.local.leftovers()
  expect(modeOf(pair.local.at(temporary)) & 0o077).toBe(0)
  gate.open()
  await running
  expect(modeOf(pair.local.at('key'))).toBe(0o400)
})

test('a download of a virtual file', async () => {
  const pair = await fileServicePair({ storage: () => changedStorage(undefined, {}) })
  const { bytes } = await download(pair.client, '/proc/self/status', pair.local.at('status'))
  expect(bytes).toBeGreaterThan(100)
  expect(readFileSync(pair.local.at('status'), 'utf8')).toMatch(/^Name:/)
})

test.each(directions)(
  '$op with fsync: the commit is told to wait for the device',
  async ({ op, from, run }) => {
    const told: unknown[] = []
    const recording = (root?: string) =>
      changedStorage(root, {
        staged: (staged) => ({
          commit: (options) => {
            told.push(options?.fsync)
            return staged.commit(options)
          },
        }),
      })
    const pair = await fileServicePair({ storage: recording })
    writeFileSync(from(pair).at('file'), 'x')
    const fileSystem = recording()
    for (const fsync of [true, false, undefined]) {
      if (op === 'upload') await run(pair, { fsync })
      else await download(pair.client, 'file', pair.local.at('copy'), { fsync }, { fileSystem })
    }
    expect(told.map((fsync) => fsync === true)).toEqual([true, false, false])
  },
)

test.each([
  ['smaller than what has arrived is of no use', 1_000, 0],
  ['larger than what has arrived is gone on from', 3_000_000, 3_000_000],
])('an earlier part of a download that is %s', async (_what, partBytes, resumedFrom) => {
  const pair = await fileServicePair()
  const content = randomBytes(4_000_000)
  writeFileSync(pair.root.at('file'), content)
  const server = { host: 'host', user: 'user' }
  const disk = new LocalDisk()
  const resumeKey = downloadKey(server, 'file')
  const part = await disk.createStaged(pair.local.at('copy'), { resumeKey })
  await part.write(content.subarray(0, partBytes))
  await part.keep()
  let arrived = 0
  const isSearched = new Gate()
  const fileSystem: FileSystem = {
    ...changedStorage(undefined, {
      staged: (staged) => ({
        write: async (bytes) => {
          // Something arrives before the search is over, and no more than a window of it.
          if (arrived > 0) await isSearched.pass()
          await staged.write(bytes)
          arrived += bytes.length
        },
      }),
    }),
    // A directory that takes its time to be looked through.
    claimStaged: async (path, options) => {
      await until(() => arrived > 1_000)
      const found = await disk.claimStaged(path, options)
      isSearched.open()
      return found
    },
  }
  const receipt = await download(pair.client, 'file', pair.local.at('copy'), {}, { fileSystem, server })
  expect(receipt).toMatchObject({ bytes: content.length, resumedFrom })
  expect(readFileSync(pair.local.at('copy')).equals(content)).toBe(true)
  expect(pair.local.list()).toEqual(['copy'])
})
