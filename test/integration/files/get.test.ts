import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { PassThrough, type Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import type { ChannelHandler } from '../../../src/connection/channel-handler.js'
import type { ChannelOpener } from '../../../src/connection/channel-opener.js'
import { GetReadable } from '../../../src/files/get-readable.js'
import type { GetStream } from '../../../src/files/get-stream.js'
import type { TransferProgress } from '../../../src/files/progress.js'
import { RECEIVE_WINDOW_BYTES } from '../../../src/files/receive-window.js'
import type { GetOptions } from '../../../src/files/transfer.js'
import { CHECKSUM_ALGORITHMS } from '../../../src/options.js'
import type { JsonObject } from '../../../src/protocol/messages.js'
import { READABLE_HIGH_WATER_MARK } from '../../../src/streams/inbound.js'
import {
  type FileServiceOptions,
  type FileServicePair,
  fileServicePair,
  recordingObserver,
} from '../../helpers/file-service-pair.js'
import { changedStorage, Gate } from '../../helpers/storage.js'
import { openBelow } from '../../helpers/temporary-directory.js'
import { turns, until } from '../../helpers/until.js'

/** The largest piece that is handed over at once. */
const FRAME_BYTES = 262_144

async function serving(content: Buffer | string, options?: FileServiceOptions): Promise<FileServicePair> {
  const pair = await fileServicePair(options)
  writeFileSync(pair.root.at('file'), content)
  return pair
}

const get = (pair: FileServicePair, options?: GetOptions, path = 'file'): GetStream =>
  new GetReadable(pair.client, path, options)

async function collected(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** 'close' without listening to 'error', as `once()` would. */
const closed = (stream: Readable) => new Promise<void>((resolve) => stream.on('close', resolve))

const failing = (code: string) => expect.objectContaining({ code })

describe('a file', () => {
  test.each([0, 1, 65_535, 65_536, 65_537, 262_144, 1_048_576, 5_000_001])('of %i bytes', async (size) => {
    const content = randomBytes(size)
    const pair = await serving(content)
    const stream = get(pair)
    expect((await collected(stream)).equals(content)).toBe(true)
    expect(await stream.result).toMatchObject({
      bytes: size,
      algorithm: 'sha256',
      digest: createHash('sha256').update(content).digest('hex'),
      resumedFrom: 0,
      path: 'file',
    })
  })

  test.each(CHECKSUM_ALGORITHMS)('with %s', async (algorithm) => {
    const pair = await serving('abc')
    const stream = get(pair, { algorithm })
    const [checksum] = await Promise.all([once(stream, 'checksum'), collected(stream)])
    const digest = createHash(algorithm).update('abc').digest('hex')
    expect(checksum).toEqual([{ algorithm, local: digest, remote: digest, match: true }])
    expect((await stream.result).digest).toBe(digest)
  })

  test('into a pipeline', async () => {
    const content = randomBytes(3_000_000)
    const pair = await serving(content)
    await pipeline(get(pair), createWriteStream(pair.local.at('copy')))
    expect(readFileSync(pair.local.at('copy')).equals(content)).toBe(true)
  })

  test('by pipe(), by data events, by read()', async () => {
    const content = randomBytes(300_000)
    const pair = await serving(content)
    const through = get(pair).pipe(new PassThrough())
    expect((await collected(through)).equals(content)).toBe(true)

    const chunks: Buffer[] = []
    const flowing = get(pair).on('data', (chunk) => chunks.push(chunk))
    await once(flowing, 'end')
    expect(Buffer.concat(chunks).equals(content)).toBe(true)

    const pulled: Buffer[] = []
    const paused = get(pair)
    paused.on('readable', () => {
      for (let chunk = paused.read(); chunk !== null; chunk = paused.read()) pulled.push(chunk as Buffer)
    })
    await once(paused, 'end')
    expect(Buffer.concat(pulled).equals(content)).toBe(true)
  })

  test('as text, where a character crosses every edge', async () => {
    const text = 'héllo 你好 😀 '.repeat(20_000)
    const pair = await serving(text)
    let read = ''
    for await (const part of get(pair).setEncoding('utf8')) read += part
    expect(read).toBe(text)
  })

  test('of a size that lies', async () => {
    const pair = await fileServicePair({ storage: () => changedStorage(undefined, {}) })
    const stream = get(pair, {}, '/proc/self/status')
    expect((await collected(stream)).toString()).toMatch(/^Name:/)
    expect(stream.metadata?.size).toBe(0)
  })

  test.each(['a b', "it's", 'a\nb', '😀', '"; rm -rf *', '-rf', '€'.repeat(85)])('named %j', async (name) => {
    const pair = await fileServicePair()
    writeFileSync(pair.root.at(name), name)
    expect((await collected(get(pair, {}, name))).toString()).toBe(name)
  })

  test('250 at once, more than the server takes', async () => {
    const pair = await serving('x')
    const all = Array.from({ length: 250 }, () => collected(get(pair)))
    expect(Buffer.concat(await Promise.all(all)).toString()).toBe('x'.repeat(250))
    await pair.served()
    expect(openBelow(pair.root.path)).toEqual([])
  })
})

describe('what is told', () => {
  test('metadata first, then bytes, progress, checksum, end', async () => {
    const pair = await serving(Buffer.alloc(1000))
    utimesSync(pair.root.at('file'), 5, 1_700_000_000)
    const stream = get(pair)
    const order: string[] = []
    stream.on('metadata', ({ size, mtimeMs }) => order.push(`metadata ${size} ${mtimeMs}`))
    stream.on('checksum', ({ match }) => order.push(`checksum ${match}`))
    stream.on('progress', ({ percent, transferred }) => order.push(`progress ${percent} ${transferred}`))
    stream.on('data', ({ length }) => order.push(`data ${length}`))
    stream.on('end', () => order.push('end'))
    stream.on('close', () => order.push('close'))
    await once(stream, 'close')
    // A slow machine has an earlier report as well.
    expect(order.filter((one, i) => !one.startsWith('progress') || i === order.lastIndexOf(one))).toEqual([
      'metadata 1000 1700000000000',
      'data 1000',
      'checksum true',
      'progress 100 1000',
      'end',
      'close',
    ])
    expect(stream.metadata).toEqual({ size: 1000, mode: expect.any(Number), mtimeMs: 1_700_000_000_000 })
    expect(await stream.result).toMatchObject({ bytes: 1000, mtimeMs: 1_700_000_000_000 })
  })

  test('an empty file has its one progress report', async () => {
    const pair = await serving('')
    const stream = get(pair).resume()
    const [progress] = (await once(stream, 'progress')) as [TransferProgress]
    expect(progress).toMatchObject({ transferred: 0, acknowledged: 0, total: 0, percent: 100 })
  })

  test('the observers at both ends', async () => {
    const pair = await serving('abc')
    const observer = recordingObserver()
    const stream = new GetReadable(pair.client, 'file', {}, observer)
    await collected(stream)
    await pair.served()
    const receipt = await stream.result
    expect(observer.order()).toEqual(['start', 'metadata', 'checksum', 'progress', 'end'])
    expect(observer.of('end')).toEqual([receipt])
    expect(pair.observed.order()).toEqual(['start', 'progress', 'end'])
    expect(pair.observed.of('end')).toMatchObject([{ bytes: 3, digest: receipt.digest, path: 'file' }])
    expect(pair.observed.told[0]?.transfer).toEqual({ op: 'get', path: 'file' })
  })
})

describe('a reader that stops', () => {
  /** Counts what arrives at the client. */
  function counting(pair: FileServicePair) {
    const arrived = { bytes: 0 }
    const opener: ChannelOpener = {
      open: (kind, params, windows, handler) => {
        const counted: ChannelHandler = Object.assign(Object.create(handler), {
          onData: (stream: number, bytes: Uint8Array) => {
            arrived.bytes += bytes.length
            handler.onData(stream, bytes)
          },
        })
        // The handler has private fields, so it must be called as itself.
        for (const name of ['onOpened', 'onEof', 'onAcknowledged', 'onCommit', 'onClosed'] as const) {
          const method = handler[name]
          if (method) Object.assign(counted, { [name]: method.bind(handler) })
        }
        return pair.client.open(kind, params, windows, counted)
      },
    }
    return { arrived, opener }
  }

  test('stops the server within the window, costs nobody else, and goes on where it was', async () => {
    const content = randomBytes(8 * RECEIVE_WINDOW_BYTES)
    let readBytes = 0
    const pair = await serving(content, {
      storage: (root) =>
        changedStorage(root, {
          source: (source) => ({
            read: async (into) => {
              const bytes = await source.read(into)
              readBytes += bytes
              return bytes
            },
          }),
        }),
    })
    const { arrived, opener } = counting(pair)
    const stalled = new GetReadable(opener, 'file')
    await until(() => arrived.bytes === RECEIVE_WINDOW_BYTES)
    writeFileSync(pair.root.at('other'), 'quick')
    expect((await collected(get(pair, {}, 'other'))).toString()).toBe('quick')
    await turns(20)
    expect(arrived.bytes).toBe(RECEIVE_WINDOW_BYTES)
    expect(readBytes).toBeLessThanOrEqual(RECEIVE_WINDOW_BYTES + 4 * FRAME_BYTES)

    expect((await collected(stalled)).equals(content)).toBe(true)
  })

  test('in the middle: what is ahead of it is bounded', async () => {
    const pair = await serving(Buffer.alloc(8 * RECEIVE_WINDOW_BYTES))
    const { arrived, opener } = counting(pair)
    const stream = new GetReadable(opener, 'file')
    let taken = 0
    stream.on('data', ({ length }) => {
      taken += length
    })
    stream.once('data', () => stream.pause())
    await until(() => arrived.bytes >= RECEIVE_WINDOW_BYTES)
    await turns(20)
    expect(arrived.bytes - taken).toBeLessThanOrEqual(
      RECEIVE_WINDOW_BYTES + READABLE_HIGH_WATER_MARK + FRAME_BYTES,
    )
    stream.resume()
    await finished(stream)
    expect(taken).toBe(8 * RECEIVE_WINDOW_BYTES)
  })

  test('nobody reads and nobody asked for the result: it waits', async () => {
    const pair = await serving(Buffer.alloc(3 * RECEIVE_WINDOW_BYTES))
    const { arrived, opener } = counting(pair)
    const stream = new GetReadable(opener, 'file')
    await until(() => arrived.bytes === RECEIVE_WINDOW_BYTES)
    await turns(20)
    expect(arrived.bytes).toBe(RECEIVE_WINDOW_BYTES)
    stream.destroy()
  })
})

describe('only the result', () => {
  test('of a large file: the bytes are verified and thrown away', async () => {
    const content = randomBytes(5 * RECEIVE_WINDOW_BYTES)
    const pair = await serving(content)
    const stream = get(pair)
    const { bytes, digest } = await stream.result
    expect(bytes).toBe(content.length)
    expect(digest).toBe(createHash('sha256').update(content).digest('hex'))
    await finished(stream).catch(() => undefined)
    expect(stream.destroyed).toBe(true)
  })

  test('asked for only when the window is full', async () => {
    const pair = await serving(Buffer.alloc(3 * RECEIVE_WINDOW_BYTES))
    const observer = recordingObserver()
    let transferred = 0
    const stream = new GetReadable(pair.client, 'file', {}, observer)
    stream.on('progress', (progress) => {
      transferred = progress.transferred
    })
    await until(() => observer.of('start').length === 1)
    await turns(50)
    expect((await stream.result).bytes).toBe(3 * RECEIVE_WINDOW_BYTES)
    expect(transferred).toBe(3 * RECEIVE_WINDOW_BYTES)
  })

  test('of a small file: the bytes are still there for a late reader', async () => {
    const content = randomBytes(RECEIVE_WINDOW_BYTES / 2 - 1)
    const pair = await serving(content)
    const stream = get(pair)
    await stream.result
    expect((await collected(stream)).equals(content)).toBe(true)
  })

  test('a reader attached in the same turn loses nothing', async () => {
    const content = randomBytes(3 * RECEIVE_WINDOW_BYTES)
    const pair = await serving(content)
    const stream = get(pair)
    await turns(100)
    const { result } = stream
    expect((await collected(stream)).equals(content)).toBe(true)
    await result
  })

  test('a reader that comes while bytes are thrown away gets an error, not a part of the file', async () => {
    const gate = new Gate()
    let reads = 0
    const pair = await serving(Buffer.alloc(3 * RECEIVE_WINDOW_BYTES), {
      storage: (root) =>
        changedStorage(root, {
          source: (source) => ({
            read: async (into) => {
              if (++reads === 6) await gate.pass()
              return source.read(into)
            },
          }),
        }),
    })
    const stream = get(pair)
    const failed = expect(stream.result).rejects.toThrow(failing('ERR_FAKESSH_CLOSED'))
    await gate.reached
    await turns(20)
    await expect(collected(stream)).rejects.toThrow(/thrown away/)
    await failed
    gate.open()
  })

  test('a failure rejects it', async () => {
    const pair = await fileServicePair()
    await expect(get(pair).result).rejects.toThrow(failing('ENOENT'))
  })
})

describe('a refusal', () => {
  test('carries all that is known', async () => {
    const pair = await fileServicePair()
    const error = await get(pair, {}, 'none/x').result.catch((reason) => reason)
    expect(error).toMatchObject({
      name: 'TransferError',
      code: 'ENOENT',
      op: 'get',
      path: 'none/x',
      host: 'memory',
      bytesTransferred: 0,
      message: "get 'none/x': ENOENT: no such file or directory, 'none/x'",
    })
    expect(pair.observed.of('end')).toMatchObject([{ error: { code: 'ENOENT' } }])
  })

  test.each([
    ['EISDIR', 'dir'],
    ['ENOTDIR', 'file/x'],
    ['ENAMETOOLONG', 'x'.repeat(300)],
    ['ERR_FAKESSH_OUTSIDE_ROOT', '../../etc/passwd'],
    ['ERR_FAKESSH_NOT_A_FILE', '/dev/null'],
  ])('%s', async (code, path) => {
    const storage = code === 'ERR_FAKESSH_NOT_A_FILE' ? () => changedStorage(undefined, {}) : undefined
    const pair = await serving('x', storage && { storage })
    mkdirSync(pair.root.at('dir'))
    const stream = get(pair, {}, path)
    await expect(collected(stream)).rejects.toThrow(failing(code))
    await expect(stream.result).rejects.toThrow(failing(code))
  })

  test('nobody listens: the stream closes and nothing is thrown', async () => {
    const pair = await fileServicePair()
    const stream = get(pair)
    await closed(stream)
    expect([stream.destroyed, stream.errored]).toEqual([true, expect.objectContaining({ code: 'ENOENT' })])
  })

  test('whoever listens gets it', async () => {
    const pair = await fileServicePair()
    const stream = get(pair)
    const errors: unknown[] = []
    stream.on('error', (error) => errors.push(error))
    await closed(stream)
    expect(errors).toEqual([expect.objectContaining({ code: 'ENOENT' })])
  })

  test('a result that was asked for and dropped is no unhandled rejection when the stream told', async () => {
    const pair = await fileServicePair()
    const stream = get(pair)
    void stream.result
    await expect(pipeline(stream, new PassThrough().resume())).rejects.toThrow(failing('ENOENT'))
    await turns(3)
  })
})

describe('arguments', () => {
  test.each([
    ['ERR_FAKESSH_INVALID_PATH', '', {}],
    ['ERR_FAKESSH_INVALID_PATH', 'a\0', {}],
    ['ERR_FAKESSH_INVALID_ARG', 5, {}],
    ['ERR_FAKESSH_INVALID_ARG', 'a', { algorithm: 'crc32' }],
    ['ERR_FAKESSH_INVALID_ARG', 'a', { timeoutMs: 0 }],
    ['ERR_FAKESSH_INVALID_ARG', 'a', { signal: {} }],
  ])('%s is thrown for %j %j, before anything is sent', async (code, path, options) => {
    const pair = await fileServicePair()
    expect(() => new GetReadable(pair.client, path as string, options as GetOptions)).toThrow(failing(code))
    await turns(3)
    expect(pair.observed.told).toEqual([])
  })
})

describe('stopping', () => {
  /** A server that gives the first pieces and then waits. */
  async function stuck() {
    const gate = new Gate()
    let reads = 0
    const pair = await serving(Buffer.alloc(2_000_000), {
      storage: (root) =>
        changedStorage(root, {
          source: (source) => ({
            read: async (into) => {
              if (++reads === 3) await gate.pass()
              return source.read(into)
            },
          }),
        }),
    })
    return { pair, gate }
  }

  async function expectCleanedUp(pair: FileServicePair, gate: Gate) {
    gate.open()
    await pair.served()
    expect(pair.observed.of('end')).toMatchObject([{ error: { code: 'ERR_FAKESSH_CANCELLED' } }])
    expect(openBelow(pair.root.path)).toEqual([])
    await until(() => pair.client.pendingOperations === 0)
    writeFileSync(pair.root.at('next'), 'still works')
    expect((await collected(get(pair, {}, 'next'))).toString()).toBe('still works')
  }

  test('by an abort: rejects with that very reason, and the server stops', async () => {
    const { pair, gate } = await stuck()
    const controller = new AbortController()
    const stream = get(pair, { signal: controller.signal })
    const reading = collected(stream)
    reading.catch(() => undefined)
    await gate.reached
    const reason = { just: 'because' }
    controller.abort(reason)
    await expect(stream.result).rejects.toBe(reason)
    await expect(reading).rejects.toBe(reason)
    await expectCleanedUp(pair, gate)
  })

  test('by an abort with no reason: an AbortError', async () => {
    const { pair, gate } = await stuck()
    const controller = new AbortController()
    const stream = get(pair, { signal: controller.signal }).resume()
    await gate.reached
    controller.abort()
    await expect(stream.result).rejects.toMatchObject({ name: 'AbortError' })
    await expectCleanedUp(pair, gate)
  })

  test('before it began: nothing is sent', async () => {
    const pair = await serving('abc')
    const observer = recordingObserver()
    const stream = new GetReadable(pair.client, 'file', { signal: AbortSignal.abort('early') }, observer)
    await expect(stream.result).rejects.toBe('early')
    await turns(5)
    expect(pair.observed.told).toEqual([])
    expect(observer.of('end')).toEqual([{ error: 'early' }])
    expect(stream.destroyed).toBe(true)
  })

  test('by destroy()', async () => {
    const { pair, gate } = await stuck()
    const stream = get(pair).resume()
    await gate.reached
    stream.destroy()
    await expect(stream.result).rejects.toThrow(failing('ERR_FAKESSH_CLOSED'))
    await expectCleanedUp(pair, gate)
  })

  test('by destroy() with an error of the caller', async () => {
    const { pair, gate } = await stuck()
    const stream = get(pair).resume()
    await gate.reached
    const error = new Error('mine')
    stream.destroy(error)
    await expect(stream.result).rejects.toBe(error)
    await expectCleanedUp(pair, gate)
  })

  test('by leaving a for await loop', async () => {
    const { pair, gate } = await stuck()
    for await (const _chunk of get(pair)) break
    await expectCleanedUp(pair, gate)
  })

  test('by a pipeline whose other end fails', async () => {
    const { pair, gate } = await stuck()
    const broken = new PassThrough()
    const piping = pipeline(get(pair), broken)
    await gate.reached
    broken.destroy(new Error('disk full here'))
    await expect(piping).rejects.toThrow('disk full here')
    await expectCleanedUp(pair, gate)
  })

  test('by the timeout', async () => {
    const { pair, gate } = await stuck()
    const stream = get(pair, { timeoutMs: 30 }).resume()
    const error = await stream.result.catch((reason) => reason)
    expect(error).toMatchObject({ code: 'ERR_FAKESSH_TIMEOUT', op: 'get', path: 'file' })
    expect(error.message).toBe("get 'file': took longer than 30 ms")
    await expectCleanedUp(pair, gate)
  })

  test('the timeout also holds while a server does not answer', async () => {
    const pair = await fileServicePair({ serve: () => undefined })
    await expect(get(pair, { timeoutMs: 20 }).result).rejects.toThrow(failing('ERR_FAKESSH_TIMEOUT'))
  })

  test('a success leaves no timer and no listener', async () => {
    const pair = await serving('abc')
    const { signal } = new AbortController()
    const stream = get(pair, { signal, timeoutMs: 2_000_000 })
    await collected(stream)
    await stream.result
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBeLessThanOrEqual(
      4,
    )
  })

  test('an abort after the proof changes nothing, even while bytes are unread', async () => {
    const pair = await serving('abc')
    const controller = new AbortController()
    const stream = get(pair, { signal: controller.signal })
    await stream.result
    controller.abort()
    expect((await collected(stream)).toString()).toBe('abc')
  })
})

describe('a file that changes while it is sent', () => {
  test.each<[string, (path: string) => void]>([
    ['grows', (path) => writeFileSync(path, Buffer.alloc(10), { flag: 'a' })],
    ['shrinks', (path) => writeFileSync(path, Buffer.alloc(10))],
    ['is rewritten', (path) => writeFileSync(path, Buffer.alloc(2_000_000, 1))],
  ])('%s: an error, never an end', async (_name, change) => {
    let reads = 0
    const pair = await serving(Buffer.alloc(2_000_000), {
      storage: (root) =>
        changedStorage(root, {
          source: (source) => ({
            read: (into) => {
              if (++reads === 3) change(`${root}/file`)
              return source.read(into)
            },
          }),
        }),
    })
    utimesSync(pair.root.at('file'), 5, 5)
    const stream = get(pair)
    let hasEnded = false
    stream.on('end', () => {
      hasEnded = true
    })
    await expect(pipeline(stream, createWriteStream(pair.local.at('copy')))).rejects.toThrow(
      failing('ERR_FAKESSH_SOURCE_CHANGED'),
    )
    await expect(stream.result).rejects.toThrow(failing('ERR_FAKESSH_SOURCE_CHANGED'))
    expect(hasEnded).toBe(false)
    await pair.served()
    expect(pair.observed.of('end')).toMatchObject([{ error: { code: 'ERR_FAKESSH_SOURCE_CHANGED' } }])
  })
})

describe('a part of a file', () => {
  const content = randomBytes(2_000_000)

  test.each([
    [{ offset: 0 }, 0, 2_000_000],
    [{ length: 0 }, 0, 0],
    [{ length: 1 }, 0, 1],
    [{ offset: 1_999_999 }, 1_999_999, 2_000_000],
    [{ offset: 2_000_000 }, 0, 0],
    [{ offset: Number.MAX_SAFE_INTEGER, length: Number.MAX_SAFE_INTEGER }, 0, 0],
    [{ offset: 262_143, length: 262_146 }, 262_143, 524_289],
    [{ offset: 1_500_000, length: 1_000_000 }, 1_500_000, 2_000_000],
  ])('%j', async (options, start, end) => {
    const pair = await serving(content)
    const seen: TransferProgress[] = []
    const stream = get(pair, options).on('progress', (progress) => seen.push(progress))
    const part = content.subarray(start, end)
    expect((await collected(stream)).equals(part)).toBe(true)
    expect(await stream.result).toMatchObject({
      bytes: part.length,
      digest: createHash('sha256').update(part).digest('hex'),
      resumedFrom: 0,
    })
    expect(stream.metadata?.size).toBe(2_000_000)
    expect(seen.at(-1)).toMatchObject({ transferred: part.length, total: part.length, percent: 100 })
  })

  test.each([
    [{ offset: -1 }, 'get: offset: expected an integer from 0 to 9007199254740991'],
    [{ offset: 0.5 }, 'get: offset: expected an integer'],
    [{ length: '5' }, 'get: length: expected an integer'],
    [{ length: Number.NaN }, 'get: length: expected an integer'],
  ])('%j is refused before anything is sent', async (options, message) => {
    const pair = await serving(content)
    expect(() => get(pair, options as GetOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG', message: expect.stringContaining(message) }),
    )
  })
})

describe('what the opener has', () => {
  const content = randomBytes(1_000_000)
  const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

  /** Opens a get as a client would that has something, and takes everything. */
  async function asking(params: object) {
    const pair = await serving(content)
    const pieces: Buffer[] = []
    const told: { info?: unknown; commit?: unknown } = {}
    await new Promise<void>((resolve) => {
      const channel = pair.client.open('get', { path: 'file', ...params }, [RECEIVE_WINDOW_BYTES], {
        onOpened: (info) => {
          told.info = info
        },
        onData: (_stream, bytes) => {
          pieces.push(Buffer.from(bytes))
        },
        onEof: () => undefined,
        onCommit: (commit) => {
          told.commit = commit
          channel.close()
        },
        onClosed: () => resolve(),
      })
    })
    await pair.served()
    return { ...told, sent: Buffer.concat(pieces), receipts: pair.observed.of('end') }
  }

  test.each([1, 300_000, 999_999, 1_000_000])('the first %i bytes are not sent again', async (bytes) => {
    const have = { bytes, digest: digestOf(content.subarray(0, bytes)) }
    const { info, commit, sent, receipts } = await asking({ have })
    expect(info).toMatchObject({ size: 1_000_000, start: bytes })
    expect(sent.equals(content.subarray(bytes))).toBe(true)
    expect(commit).toEqual({ bytes: 1_000_000, algorithm: 'sha256', digest: digestOf(content) })
    expect(receipts).toMatchObject([{ bytes: 1_000_000, resumedFrom: bytes }])
  })

  test('counts from the beginning of the part', async () => {
    const part = content.subarray(100_000, 600_000)
    const have = { bytes: 7, digest: digestOf(part.subarray(0, 7)) }
    const { info, commit, sent } = await asking({ offset: 100_000, length: 500_000, have })
    expect(info).toMatchObject({ start: 7 })
    expect(sent.equals(part.subarray(7))).toBe(true)
    expect(commit).toEqual({ bytes: 500_000, algorithm: 'sha256', digest: digestOf(part) })
  })

  test.each([
    ['another digest', 300_000, digestOf(Buffer.from('x'))],
    ['more than there is', 1_000_001, digestOf(content)],
    ['a digest of other length', 300_000, 'ab'.repeat(16)],
  ])('%s: all of it is sent', async (_what, bytes, digest) => {
    const { info, commit, sent } = await asking({ have: { bytes, digest } })
    expect(info).toMatchObject({ start: 0 })
    expect(sent.equals(content)).toBe(true)
    expect(commit).toMatchObject({ bytes: 1_000_000, digest: digestOf(content) })
  })

  /** A server at which nothing is read before the gate is open, and what a get of the file with `have` is answered. */
  async function reading(have: JsonObject, count: number) {
    const gate = new Gate()
    let begun = 0
    const storage = (root: string) =>
      changedStorage(root, {
        source: (source) => ({
          read: async (into) => {
            begun += 1
            await gate.pass()
            return source.read(into)
          },
        }),
      })
    const pair = await fileServicePair({ storage })
    writeFileSync(pair.root.at('file'), content)
    const open = (params: JsonObject) =>
      new Promise<JsonObject>((resolve, reject) => {
        const channel = pair.client.open('get', { path: 'file', ...params }, [RECEIVE_WINDOW_BYTES], {
          onOpened: (info) => {
            resolve(info)
            channel.abort()
          },
          onData: () => undefined,
          onEof: () => undefined,
          onClosed: reject,
        })
      })
    const answers = Array.from({ length: count }, () => open({ have }))
    return { gate, answers, open, begun: () => begun }
  }

  test('more than there is costs no reading', async () => {
    const { gate, answers } = await reading({ bytes: 2 ** 50, digest: digestOf(content) }, 1)
    expect(await answers[0]).toMatchObject({ start: 0 })
    gate.open()
  })

  test('is read for two at once, and for the others after that', async () => {
    const have = { bytes: 1_000_000, digest: digestOf(content) }
    const { gate, answers, open, begun } = await reading(have, 6)
    await gate.reached
    // Of a file that is asked for after all the others.
    await open({ have: { bytes: 2_000_000, digest: have.digest } })
    await until(() => begun() >= 2)
    await turns(20)
    // One that has nothing reads at once, too.
    expect(begun()).toBeLessThanOrEqual(3)
    gate.open()
    for (const answer of answers) expect(await answer).toMatchObject({ start: 1_000_000 })
  })
})
