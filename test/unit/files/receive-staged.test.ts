import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import type { FileSystem, StagedFile } from '../../../src/files/file-system.js'
import { LocalDisk } from '../../../src/files/local-disk.js'
import { StagedReceiver } from '../../../src/files/receive-staged.js'
import { changedStorage, fullStorage, Gate } from '../../helpers/storage.js'
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.js'
import { turns, until } from '../../helpers/until.js'

const WINDOW_BYTES = 1_048_576
const WRITE_BYTES = WINDOW_BYTES / 4

let directory: TemporaryDirectory
let takenBytes: number
let failures: unknown[]

beforeEach(() => {
  directory = temporaryDirectory()
  takenBytes = 0
  failures = []
})

async function receiverOn(
  disk: FileSystem,
  windowBytes = WINDOW_BYTES,
): Promise<[StagedReceiver, StagedFile]> {
  const staged = await disk.createStaged('target')
  const receiver = new StagedReceiver({
    staged,
    algorithm: 'sha256',
    windowBytes,
    onTaken: (bytes) => {
      takenBytes += bytes
    },
    onFailed: (error) => failures.push(error),
  })
  return [receiver, staged]
}

/** Feeds content in slices, as a transport delivers it. */
function feed(receiver: StagedReceiver, content: Buffer, sliceBytes = 16_384): void {
  for (let at = 0; at < content.length; at += sliceBytes)
    receiver.receive(content.subarray(at, at + sliceBytes))
}

/** Counts writes, and lets each wait. */
function slowStorage(gates: Gate[] = []) {
  const writes: number[] = []
  const disk = changedStorage(directory.path, {
    staged: (staged) => ({
      write: async (bytes) => {
        writes.push(bytes.length)
        await gates[writes.length - 1]?.pass()
        await staged.write(bytes)
      },
    }),
  })
  return { disk, writes }
}

describe('everything that arrives gets into the file', () => {
  test.each([0, 1, 16_383, 16_384, 16_385, WRITE_BYTES - 1, WRITE_BYTES, WRITE_BYTES + 1, 3_000_000])(
    '%i bytes',
    async (size) => {
      const content = randomBytes(size)
      const [receiver, staged] = await receiverOn(new LocalDisk(directory.path))
      feed(receiver, content)
      receiver.end()
      const proof = await receiver.finish()
      expect(proof).toEqual({
        bytes: size,
        algorithm: 'sha256',
        digest: createHash('sha256').update(content).digest('hex'),
      })
      expect([takenBytes, receiver.receivedBytes]).toEqual([size, size])
      await staged.commit()
      expect(readFileSync(directory.at('target')).equals(content)).toBe(true)
    },
  )

  test('byte by byte', async () => {
    const content = randomBytes(5000)
    const [receiver, staged] = await receiverOn(new LocalDisk(directory.path))
    feed(receiver, content, 1)
    receiver.end()
    await receiver.finish()
    await staged.commit()
    expect(readFileSync(directory.at('target')).equals(content)).toBe(true)
  })
})

describe('writes', () => {
  test('slices are collected into large writes, in buffers that are used again', async () => {
    const { disk, writes } = slowStorage()
    const [receiver, staged] = await receiverOn(disk)
    feed(receiver, Buffer.alloc(WRITE_BYTES - 1))
    expect(writes).toEqual([])
    feed(receiver, Buffer.alloc(WINDOW_BYTES * 4 + 1))
    receiver.end()
    await receiver.finish()
    expect(writes.reduce((sum, bytes) => sum + bytes, 0)).toBe(WRITE_BYTES + WINDOW_BYTES * 4)
    expect(writes.filter((bytes) => bytes === WRITE_BYTES).length).toBeGreaterThan(14)
    expect(writes.length).toBeLessThan(24)
    await staged.discard()
  })

  test('what was received may be used again at once', async () => {
    const [receiver, staged] = await receiverOn(new LocalDisk(directory.path))
    const shared = Buffer.alloc(16_384)
    for (let i = 0; i < 100; i += 1) receiver.receive(shared.fill(i))
    receiver.end()
    shared.fill(255)
    const { digest } = await receiver.finish()
    const whole = Buffer.concat(Array.from({ length: 100 }, (_, i) => Buffer.alloc(16_384, i)))
    expect(digest).toBe(createHash('sha256').update(whole).digest('hex'))
    await staged.commit()
    expect(readFileSync(directory.at('target')).equals(whole)).toBe(true)
  })

  test('one at a time: what arrives meanwhile waits', async () => {
    const gates = [new Gate(), new Gate()]
    const { disk, writes } = slowStorage(gates)
    const [receiver, staged] = await receiverOn(disk)
    feed(receiver, Buffer.alloc(WINDOW_BYTES))
    receiver.end()
    expect(writes).toHaveLength(1)
    gates[0]?.open()
    await gates[1]?.reached
    expect(writes).toHaveLength(2)
    gates[1]?.open()
    await receiver.finish()
    expect(writes.reduce((sum, bytes) => sum + bytes, 0)).toBe(WINDOW_BYTES)
    await staged.discard()
  })

  test('credit comes when the bytes are in the file, not before', async () => {
    const gate = new Gate()
    const { disk } = slowStorage([gate])
    const [receiver, staged] = await receiverOn(disk)
    feed(receiver, Buffer.alloc(WRITE_BYTES))
    await gate.reached
    expect(takenBytes).toBe(0)
    gate.open()
    receiver.end()
    await receiver.finish()
    expect(takenBytes).toBe(WRITE_BYTES)
    await staged.discard()
  })

  test.each([1, 3, 4, 1000])('a window of %i bytes never stalls', async (windowBytes) => {
    const { disk, writes } = slowStorage()
    const [receiver, staged] = await receiverOn(disk, windowBytes)
    receiver.receive(Buffer.alloc(windowBytes))
    expect(writes).toHaveLength(1)
    receiver.end()
    await receiver.finish()
    await staged.discard()
  })

  test('one-byte views of distinct chunks that wait for the disk keep none of the chunks', async () => {
    const gate = new Gate()
    const buffers = new Set<ArrayBufferLike>()
    const disk = changedStorage(directory.path, {
      staged: (staged) => ({
        write: async (bytes) => {
          buffers.add(bytes.buffer)
          await gate.pass()
          await staged.write(bytes)
        },
      }),
    })
    const [receiver, staged] = await receiverOn(disk)
    for (let i = 0; i < 20_000; i += 1) receiver.receive(new Uint8Array(65_536).subarray(i, i + 1))
    receiver.end()
    gate.open()
    await receiver.finish()
    expect([...buffers].map(({ byteLength }) => byteLength)).toEqual([1, 16_384, 32_770])
    await staged.discard()
  })

  test('a small file is one write', async () => {
    const { disk, writes } = slowStorage()
    const [receiver, staged] = await receiverOn(disk)
    receiver.receive(Buffer.alloc(5))
    receiver.end()
    await receiver.finish()
    expect(writes).toEqual([5])
    await staged.discard()
  })
})

describe('failures', () => {
  test('a full disk is told once, at once, and everything after it is thrown away', async () => {
    const [receiver, staged] = await receiverOn(fullStorage(directory.path, WRITE_BYTES))
    feed(receiver, Buffer.alloc(WINDOW_BYTES))
    receiver.end()
    await expect(receiver.finish()).rejects.toThrow("ENOSPC: no space left on device, 'target'")
    expect(failures).toEqual([expect.objectContaining({ code: 'ENOSPC' })])
    feed(receiver, Buffer.alloc(WINDOW_BYTES))
    await expect(receiver.finish()).rejects.toThrow('ENOSPC')
    expect(failures).toHaveLength(1)
    await staged.discard()
  })

  test('a proof before the end is a broken protocol', async () => {
    const [receiver, staged] = await receiverOn(new LocalDisk(directory.path))
    receiver.receive(Buffer.alloc(5))
    await expect(receiver.finish()).rejects.toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_PROTOCOL' }))
    await staged.discard()
  })

  test('credit for what is thrown away comes only when the sender has been told', async () => {
    const [receiver, staged] = await receiverOn(fullStorage(directory.path, 0))
    feed(receiver, Buffer.alloc(WINDOW_BYTES))
    await until(() => failures.length > 0)
    expect(takenBytes).toBe(0)
    receiver.release()
    expect(takenBytes).toBe(WINDOW_BYTES)
    receiver.receive(Buffer.alloc(5))
    expect(takenBytes).toBe(WINDOW_BYTES + 5)
    await staged.discard()
  })

  test('stop ends the wait with its reason', async () => {
    const gate = new Gate()
    const { disk, writes } = slowStorage([gate])
    const [receiver, staged] = await receiverOn(disk)
    feed(receiver, Buffer.alloc(WRITE_BYTES * 2))
    receiver.end()
    const finishing = receiver.finish()
    await gate.reached
    receiver.stop('reason')
    receiver.stop('another')
    await expect(finishing).rejects.toBe('reason')
    gate.open()
    await staged.discard()
    // The write that was running is finished, and no other follows.
    await turns(3)
    expect([writes.length, failures.length]).toEqual([1, 0])
    expect(directory.list()).toEqual([])
  })

  test('after a stop nothing more is written', async () => {
    const { disk, writes } = slowStorage()
    const [receiver, staged] = await receiverOn(disk)
    receiver.stop('reason')
    feed(receiver, Buffer.alloc(WRITE_BYTES * 2))
    receiver.end()
    await expect(receiver.finish()).rejects.toBe('reason')
    expect([takenBytes, writes.length]).toEqual([0, 0])
    await staged.discard()
  })

  test('a write that fails after a stop is not told', async () => {
    const gate = new Gate()
    const disk = changedStorage(directory.path, {
      staged: () => ({ write: () => gate.pass().then(() => Promise.reject(new Error('late'))) }),
    })
    const [receiver, staged] = await receiverOn(disk)
    feed(receiver, Buffer.alloc(WRITE_BYTES))
    receiver.stop('reason')
    gate.open()
    await turns(3)
    expect(failures).toEqual([])
    await expect(receiver.finish()).rejects.toBe('reason')
    await staged.discard()
  })
})

describe('interrupted', () => {
  test('flush brings all that arrived into the file, and it goes on from there', async () => {
    const [receiver, staged] = await receiverOn(new LocalDisk(directory.path))
    const content = randomBytes(900_000)
    feed(receiver, content.subarray(0, 500_001))
    await receiver.flush()
    expect(staged.bytes).toBe(500_001)
    expect(receiver.receivedBytes).toBe(500_001)
    expect(receiver.digestSoFar).toBe(createHash('sha256').update(content.subarray(0, 500_001)).digest('hex'))
    feed(receiver, content.subarray(500_001))
    receiver.end()
    expect(await receiver.finish()).toMatchObject({
      bytes: 900_000,
      digest: createHash('sha256').update(content).digest('hex'),
    })
    await staged.commit()
    expect(readFileSync(directory.at('target')).equals(content)).toBe(true)
  })

  test('what comes during a flush is thrown away', async () => {
    const gate = new Gate()
    const { disk } = slowStorage([gate])
    const [receiver, staged] = await receiverOn(disk)
    feed(receiver, randomBytes(10_000))
    const flushed = receiver.flush()
    await gate.reached
    feed(receiver, randomBytes(5_000))
    gate.open()
    await flushed
    expect([staged.bytes, receiver.receivedBytes]).toEqual([10_000, 10_000])
    await staged.discard()
  })

  test('a flush that fails says so', async () => {
    const [receiver, staged] = await receiverOn(fullStorage(directory.path, 5_000))
    feed(receiver, randomBytes(10_000))
    await expect(receiver.flush()).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(failures).toHaveLength(1)
    await staged.discard()
  })

  test('restart throws away what was there, and not what comes meanwhile', async () => {
    const [receiver, staged] = await receiverOn(new LocalDisk(directory.path))
    feed(receiver, randomBytes(300_000))
    await receiver.flush()
    const content = randomBytes(300_000)
    const restarted = receiver.restart()
    feed(receiver, content)
    receiver.end()
    await restarted
    expect(await receiver.finish()).toMatchObject({
      bytes: 300_000,
      digest: createHash('sha256').update(content).digest('hex'),
    })
    await staged.commit()
    expect(readFileSync(directory.at('target')).equals(content)).toBe(true)
  })

  test('a restart that fails is a failure of the transfer', async () => {
    const full = Object.assign(new Error('no'), { code: 'EIO' })
    const disk = changedStorage(directory.path, { staged: () => ({ restart: () => Promise.reject(full) }) })
    const [receiver, staged] = await receiverOn(disk)
    await expect(receiver.restart()).rejects.toBe(full)
    expect(failures).toEqual([full])
    await expect(receiver.finish()).rejects.toBe(full)
    await staged.discard()
  })
})
