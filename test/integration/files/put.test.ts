import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { PassThrough, Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import type { TransferProgress } from '../../../src/files/progress.js'
import type { PutStream } from '../../../src/files/put-stream.js'
import { PutWritable } from '../../../src/files/put-writable.js'
import { RECEIVE_WINDOW_BYTES } from '../../../src/files/receive-window.js'
import type { PutOptions } from '../../../src/files/transfer.js'
import { CHECKSUM_ALGORITHMS } from '../../../src/options.js'
import { type FileServicePair, fileServicePair, recordingObserver } from '../../helpers/file-service-pair.js'
import { changedStorage, fullStorage, Gate } from '../../helpers/storage.js'
import { openBelow } from '../../helpers/temporary-directory.js'
import { turns, until } from '../../helpers/until.js'

const put = (pair: FileServicePair, options?: PutOptions, path = 'file'): PutStream =>
  new PutWritable(pair.client, path, options)

const content = (pair: FileServicePair, path = 'file') => readFileSync(pair.root.at(path))
const failing = (code: string) => expect.objectContaining({ code })

/** 'close' without listening to 'error', as `once()` would. */
const closed = (stream: Writable) => new Promise<void>((resolve) => stream.on('close', resolve))

/** What a write or end callback was told; settles when it was called. */
const told = (call: (callback: (error?: Error | null) => void) => void) =>
  new Promise<Error | null | undefined>((resolve) => call(resolve))

describe('a file', () => {
  test.each([0, 1, 65_535, 65_536, 65_537, 262_144, 1_048_576, 5_000_001])('of %i bytes', async (size) => {
    const bytes = randomBytes(size)
    const pair = await fileServicePair()
    const stream = put(pair)
    stream.end(bytes)
    expect(await stream.result).toMatchObject({
      bytes: size,
      algorithm: 'sha256',
      digest: createHash('sha256').update(bytes).digest('hex'),
      resumedFrom: 0,
      path: 'file',
    })
    expect(content(pair).equals(bytes)).toBe(true)
  })

  test.each(CHECKSUM_ALGORITHMS)('with %s', async (algorithm) => {
    const pair = await fileServicePair()
    const stream = put(pair, { algorithm })
    stream.end('abc')
    const digest = createHash(algorithm).update('abc').digest('hex')
    expect(await once(stream, 'checksum')).toEqual([
      { algorithm, local: digest, remote: digest, match: true },
    ])
    expect((await stream.result).digest).toBe(digest)
  })

  test('from a pipeline', async () => {
    const bytes = randomBytes(3_000_000)
    const pair = await fileServicePair()
    writeFileSync(pair.local.at('source'), bytes)
    await pipeline(createReadStream(pair.local.at('source')), put(pair))
    expect(content(pair).equals(bytes)).toBe(true)
  })

  test('in many small writes, joined on their way', async () => {
    const pair = await fileServicePair()
    let sends = 0
    const stream = new PutWritable(
      {
        open: (kind, params, windows, handler) => {
          const channel = pair.client.open(kind, params, windows, handler)
          const send = channel.send.bind(channel)
          channel.send = (...args) => {
            sends++
            send(...args)
          }
          return channel
        },
      },
      'file',
    )
    for (let i = 0; i < 10_000; i++) stream.write(`line ${i}\n`)
    stream.end()
    await stream.result
    expect(content(pair).toString().split('\n')).toHaveLength(10_001)
    expect(sends).toBeLessThan(10)
  })

  test('of strings in an encoding, and of empty pieces', async () => {
    const pair = await fileServicePair()
    const stream = put(pair)
    stream.write('héllo ')
    stream.write('')
    stream.write('77c3b6726c64', 'hex')
    stream.write(new Uint8Array(0))
    stream.end()
    await stream.result
    expect(content(pair).toString()).toBe('héllo wörld')
  })

  test('of one empty piece', async () => {
    const pair = await fileServicePair()
    const stream = put(pair)
    expect(await told((callback) => stream.write('', callback))).toBeFalsy()
    stream.end()
    expect((await stream.result).bytes).toBe(0)
    expect(content(pair)).toHaveLength(0)
  })

  test('250 at once, more than the server takes', async () => {
    const pair = await fileServicePair()
    await Promise.all(
      Array.from({ length: 250 }, (_, i) => pipeline(Readable.from([`${i}`]), put(pair, {}, `file${i}`))),
    )
    expect(pair.root.list()).toHaveLength(250)
    expect(content(pair, 'file249').toString()).toBe('249')
  })
})

describe('the commit', () => {
  test('nothing is visible before it, and finish comes after it', async () => {
    const gate = new Gate()
    const pair = await fileServicePair({
      storage: (root) =>
        changedStorage(root, {
          staged: (staged) => ({ commit: (options) => gate.pass().then(() => staged.commit(options)) }),
        }),
    })
    writeFileSync(pair.root.at('file'), 'old')
    const stream = put(pair)
    const order: string[] = []
    stream.on('finish', () => order.push('finish'))
    stream.on('checksum', () => order.push('checksum'))
    stream.on('progress', ({ percent }) => {
      if (percent === 100) order.push('progress 100')
    })
    stream.on('close', () => order.push('close'))
    const closing = closed(stream)
    const ended = told((callback) => stream.end('new', callback))
    await gate.reached
    expect([order, content(pair).toString()]).toEqual([[], 'old'])
    gate.open()
    expect(await ended).toBeFalsy()
    await closing
    expect(order).toEqual(['checksum', 'progress 100', 'finish', 'close'])
    expect(content(pair).toString()).toBe('new')
  })

  test('applies mode and time', async () => {
    const pair = await fileServicePair()
    const stream = put(pair, { mode: 0o100640, mtimeMs: 1_600_000_000_123 })
    stream.end('x')
    expect(await stream.result).toMatchObject({ mode: 0o640, mtimeMs: 1_600_000_000_123 })
    const stats = statSync(pair.root.at('file'))
    expect([stats.mode & 0o777, Math.floor(stats.mtimeMs)]).toEqual([0o640, 1_600_000_000_123])
  })

  test('keeps the mode of what it replaces', async () => {
    const pair = await fileServicePair()
    writeFileSync(pair.root.at('file'), 'old')
    chmodSync(pair.root.at('file'), 0o600)
    await pipeline(Readable.from(['new']), put(pair))
    expect(statSync(pair.root.at('file')).mode & 0o777).toBe(0o600)
  })

  test('without overwriting', async () => {
    const pair = await fileServicePair()
    await pipeline(Readable.from(['first']), put(pair, { overwrite: false }))
    const second = pipeline(Readable.from(['second']), put(pair, { overwrite: false }))
    await expect(second).rejects.toThrow(failing('EEXIST'))
    expect(content(pair).toString()).toBe('first')
  })

  test('is told at both ends', async () => {
    const pair = await fileServicePair()
    const observer = recordingObserver()
    const stream = new PutWritable(pair.client, 'file', { size: 3 }, observer)
    stream.end('abc')
    const receipt = await stream.result
    await pair.served()
    expect(observer.order()).toEqual(['start', 'checksum', 'progress', 'end'])
    expect([observer.of('start'), observer.of('end')]).toEqual([[3], [receipt]])
    expect(pair.observed.order()).toEqual(['start', 'checksum', 'progress', 'end'])
    expect(pair.observed.of('checksum')).toMatchObject([{ match: true, local: receipt.digest }])
    expect(pair.observed.of('end')).toMatchObject([{ bytes: 3, path: 'file' }])
    expect(pair.observed.told[0]?.transfer).toEqual({ op: 'put', path: 'file' })
  })

  test('acknowledged is what the server has written', async () => {
    const gate = new Gate()
    const pair = await fileServicePair({
      storage: (root) =>
        changedStorage(root, {
          staged: (staged) => ({ write: (bytes) => gate.pass().then(() => staged.write(bytes)) }),
        }),
    })
    const seen: TransferProgress[] = []
    const stream = put(pair, { size: 2_000_000 })
    stream.on('progress', (progress) => seen.push(progress))
    stream.end(Buffer.alloc(2_000_000))
    await gate.reached
    await turns(20)
    expect(seen.every(({ acknowledged }) => acknowledged === 0)).toBe(true)
    gate.open()
    await stream.result
    expect(seen.at(-1)).toMatchObject({ transferred: 2_000_000, acknowledged: 2_000_000, percent: 100 })
    expect(seen.every(({ acknowledged, transferred }) => acknowledged <= transferred)).toBe(true)
  })
})

describe('a server that writes slowly', () => {
  test('makes the writer wait, within the window', async () => {
    const gate = new Gate()
    const pair = await fileServicePair({
      storage: (root) =>
        changedStorage(root, {
          staged: (staged) => ({ write: (bytes) => gate.pass().then(() => staged.write(bytes)) }),
        }),
    })
    const total = 8 * RECEIVE_WINDOW_BYTES
    let given = 0
    const bytes = randomBytes(65_536)
    async function* source() {
      for (; given < total; given += bytes.length) yield bytes
    }
    const stream = put(pair)
    const piping = pipeline(Readable.from(source(), { highWaterMark: 1 }), stream)
    await gate.reached
    let before = -1
    await until(() => {
      const isStill = before === given
      before = given
      return isStill && given >= RECEIVE_WINDOW_BYTES
    })
    await turns(20)
    expect(given).toBeLessThanOrEqual(RECEIVE_WINDOW_BYTES + 3 * 262_144)
    expect(stream.writableNeedDrain).toBe(true)
    gate.open()
    await piping
    expect(statSync(pair.root.at('file')).size).toBe(total)
  })
})

describe('a refusal', () => {
  test('carries all that is known, and calls every callback once', async () => {
    const pair = await fileServicePair()
    const stream = put(pair, {}, 'none/x')
    const calls: unknown[] = []
    for (let i = 0; i < 3; i++)
      stream.write(`${i}`, (error) => calls.push((error as { code?: string } | null)?.code))
    stream.end((error?: Error | null) => calls.push((error as { code?: string } | null)?.code))
    const error = await stream.result.catch((reason) => reason)
    expect(error).toMatchObject({
      name: 'TransferError',
      code: 'ENOENT',
      op: 'put',
      path: 'none/x',
      host: 'memory',
      bytesTransferred: 0,
      message: "put 'none/x': ENOENT: no such file or directory, 'none/x'",
    })
    await until(() => calls.length === 4)
    await turns(3)
    expect(calls).toEqual(['ENOENT', 'ENOENT', 'ENOENT', 'ENOENT'])
  })

  test.each([
    ['EISDIR', 'dir'],
    ['EISDIR', 'new/'],
    ['ENOTDIR', 'old/x'],
    ['ENAMETOOLONG', 'x'.repeat(300)],
    ['ERR_FAKESSH_OUTSIDE_ROOT', '../x'],
  ])('%s for %s, also for an empty file', async (code, path) => {
    const pair = await fileServicePair()
    mkdirSync(pair.root.at('dir'))
    writeFileSync(pair.root.at('old'), 'old')
    await expect(pipeline(Readable.from(['abc']), put(pair, {}, path))).rejects.toThrow(failing(code))
    const empty = put(pair, {}, path)
    empty.end()
    await expect(empty.result).rejects.toThrow(failing(code))
    expect(pair.root.list()).toEqual(['dir', 'old'])
  })

  test('nobody listens: the stream closes and nothing is thrown', async () => {
    const pair = await fileServicePair()
    const stream = put(pair, {}, 'none/x')
    stream.write('x')
    await closed(stream)
    expect(stream.errored).toMatchObject({ code: 'ENOENT' })
    expect(((await told((callback) => stream.write('y', callback))) as { code?: string }).code).toBe(
      'ERR_STREAM_DESTROYED',
    )
  })

  test('a result that was asked for and dropped is no unhandled rejection when the stream told', async () => {
    const pair = await fileServicePair()
    const stream = put(pair, {}, 'none/x')
    void stream.result
    await expect(pipeline(Readable.from(['x']), stream)).rejects.toThrow(failing('ENOENT'))
    await turns(3)
  })
})

describe('a failure at the server', () => {
  test('a full disk ends the stream at once, not at its end', async () => {
    const pair = await fileServicePair({ storage: (root) => fullStorage(root, 300_000) })
    writeFileSync(pair.root.at('file'), 'old')
    const stream = put(pair)
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(65_536)
      })(),
    )
    await expect(pipeline(endless, stream)).rejects.toThrow(failing('ENOSPC'))
    await expect(stream.result).rejects.toThrow(failing('ENOSPC'))
    await pair.served()
    expect(content(pair).toString()).toBe('old')
    expect(pair.root.list()).toEqual(['file'])
    expect(pair.observed.of('end')).toMatchObject([{ error: { code: 'ENOSPC' } }])
  })

  test('a full disk at the last byte', async () => {
    const pair = await fileServicePair({ storage: (root) => fullStorage(root, 0) })
    const stream = put(pair)
    stream.end('x')
    await expect(stream.result).rejects.toThrow(failing('ENOSPC'))
    expect(pair.root.list()).toEqual([])
  })

  test('a target that became a directory', async () => {
    const pair = await fileServicePair()
    const stream = put(pair)
    await told((callback) => stream.write('abc', callback))
    mkdirSync(pair.root.at('file'))
    writeFileSync(pair.root.at('file', 'inner'), 'x')
    stream.end()
    await expect(stream.result).rejects.toThrow(failing('EISDIR'))
    expect(pair.root.list('file')).toEqual(['inner'])
    await pair.served()
  })

  test('an error that was not made for the peer is told without its text', async () => {
    const pair = await fileServicePair({
      storage: (root) =>
        changedStorage(root, { staged: () => ({ commit: () => Promise.reject(new Error('/srv/secret')) }) }),
    })
    const stream = put(pair)
    stream.end('x')
    const error = await stream.result.catch((reason) => reason)
    expect(error).toMatchObject({ code: 'ERR_FAKESSH_INTERNAL', message: "put 'file': the transfer failed" })
    await pair.served()
    expect(pair.observed.of('end')).toMatchObject([{ error: { message: '/srv/secret' } }])
  })
})

describe('arguments', () => {
  test.each([
    ['ERR_FAKESSH_INVALID_PATH', '', {}],
    ['ERR_FAKESSH_INVALID_ARG', undefined, {}],
    ['ERR_FAKESSH_INVALID_ARG', 'a', { mode: -1 }],
    ['ERR_FAKESSH_INVALID_ARG', 'a', { size: '5' }],
    ['ERR_FAKESSH_INVALID_ARG', 'a', { mtimeMs: 0.5 }],
    ['ERR_FAKESSH_INVALID_ARG', 'a', { overwrite: 'no' }],
    ['ERR_FAKESSH_INVALID_ARG', 'a', { timeoutMs: Number.NaN }],
  ])('%s is thrown for %j %j, before anything is sent', async (code, path, options) => {
    const pair = await fileServicePair()
    expect(() => new PutWritable(pair.client, path as string, options as PutOptions)).toThrow(failing(code))
    await turns(3)
    expect(pair.observed.told).toEqual([])
  })
})

describe('stopping', () => {
  async function expectCleanedUp(pair: FileServicePair) {
    await pair.served()
    expect(pair.observed.of('end')).toMatchObject([{ error: { code: 'ERR_FAKESSH_CANCELLED' } }])
    expect(pair.root.list()).toEqual(['file'])
    expect(content(pair).toString()).toBe('old')
    expect(openBelow(pair.root.path)).toEqual([])
    await until(() => pair.client.pendingOperations === 0)
    await pipeline(Readable.from(['still works']), put(pair))
    expect(content(pair).toString()).toBe('still works')
  }

  /** A put that has started, and so has its temporary file. */
  async function begun(options: PutOptions = {}) {
    const pair = await fileServicePair()
    writeFileSync(pair.root.at('file'), 'old')
    const stream = put(pair, options)
    await told((callback) => stream.write(Buffer.alloc(100_000), callback))
    expect(pair.root.leftovers()).toHaveLength(1)
    return { pair, stream }
  }

  test('by an abort, with that very reason', async () => {
    const controller = new AbortController()
    const { pair, stream } = await begun({ signal: controller.signal })
    const errors: unknown[] = []
    stream.on('error', (error) => errors.push(error))
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(stream.result).rejects.toBe(reason)
    await closed(stream)
    expect(errors).toEqual([reason])
    await expectCleanedUp(pair)
  })

  test('before it began: nothing is sent', async () => {
    const pair = await fileServicePair()
    const stream = put(pair, { signal: AbortSignal.abort('early') })
    stream.end('x')
    await expect(stream.result).rejects.toBe('early')
    await turns(5)
    expect(pair.observed.told).toEqual([])
  })

  test('by destroy(), with or without an error', async () => {
    const first = await begun()
    first.stream.destroy()
    await expect(first.stream.result).rejects.toThrow(failing('ERR_FAKESSH_CLOSED'))
    await expectCleanedUp(first.pair)

    const second = await begun()
    const error = new Error('mine')
    second.stream.destroy(error)
    await expect(second.stream.result).rejects.toBe(error)
    await expectCleanedUp(second.pair)
  })

  test('by destroy() before the server has answered: the write is told', async () => {
    const pair = await fileServicePair({ serve: () => undefined })
    const stream = put(pair)
    const writing = told((callback) => stream.write('x', callback))
    stream.destroy()
    expect(await writing).toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
  })

  test('by a pipeline whose source fails', async () => {
    const { pair, stream } = await begun()
    const broken = new PassThrough()
    const piping = pipeline(broken, stream)
    broken.destroy(new Error('source broke'))
    await expect(piping).rejects.toThrow('source broke')
    await expectCleanedUp(pair)
  })

  test('by the timeout', async () => {
    const { pair, stream } = await begun({ timeoutMs: 100 })
    await expect(stream.result).rejects.toThrow(failing('ERR_FAKESSH_TIMEOUT'))
    await expectCleanedUp(pair)
  })

  test('while the server commits: the file is whole, old or new', async () => {
    const gate = new Gate()
    const pair = await fileServicePair({
      storage: (root) =>
        changedStorage(root, {
          staged: (staged) => ({ commit: (options) => gate.pass().then(() => staged.commit(options)) }),
        }),
    })
    const stream = put(pair)
    stream.end('new')
    await gate.reached
    stream.destroy()
    gate.open()
    await pair.served()
    expect(existsSync(pair.root.at('file')) ? content(pair).toString() : 'none').toMatch(/^(none|new)$/)
  })
})

test.each([true, false, undefined])('fsync: %j reaches the commit at the server', async (fsync) => {
  const told: unknown[] = []
  const storage = (root: string) =>
    changedStorage(root, {
      staged: (staged) => ({
        commit: (options) => {
          told.push(options?.fsync)
          return staged.commit(options)
        },
      }),
    })
  const pair = await fileServicePair({ storage })
  const stream = put(pair, { fsync })
  stream.end('x')
  await stream.result
  expect(told).toEqual([fsync === true])
})
