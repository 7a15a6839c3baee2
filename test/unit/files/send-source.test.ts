import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, utimesSync, writeFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import type { SourceFile } from '../../../src/files/file-system.js'
import { LocalDisk } from '../../../src/files/local-disk.js'
import { sendSource } from '../../../src/files/send-source.js'
import type { ChecksumAlgorithm } from '../../../src/options.js'
import { ScriptedChannel } from '../../helpers/scripted-channel.js'
import { changedStorage, Gate } from '../../helpers/storage.js'
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.js'

const PIECE_BYTES = 262_144

let directory: TemporaryDirectory
let channel: ScriptedChannel
let sentBytes: number

beforeEach(() => {
  directory = temporaryDirectory()
  channel = new ScriptedChannel()
  sentBytes = 0
})

const send = (source: SourceFile, algorithm: ChecksumAlgorithm = 'sha256') =>
  sendSource(source, channel, {
    algorithm,
    onSent: (bytes) => {
      sentBytes += bytes
    },
  })

async function sendContent(content: Buffer, algorithm?: ChecksumAlgorithm) {
  writeFileSync(directory.at('file'), content)
  const source = await new LocalDisk(directory.path).openSource('file')
  try {
    return await send(source, algorithm)
  } finally {
    await source.close()
  }
}

describe('a file to its end', () => {
  test.each([0, 1, 100, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, 3_000_000])(
    '%i bytes, then EOF, then the proof',
    async (size) => {
      const content = randomBytes(size)
      const proof = await sendContent(content)
      expect(channel.content.equals(content)).toBe(true)
      const digest = createHash('sha256').update(content).digest('hex')
      expect(proof).toEqual({ bytes: size, algorithm: 'sha256', digest })
      expect(channel.sent.slice(-2)).toEqual(['eof', proof])
      expect(sentBytes).toBe(size)
    },
  )

  test.each(['md5', 'sha1', 'sha512', 'blake2b512'] as const)('with %s', async (algorithm) => {
    const { digest } = await sendContent(Buffer.from('abc'), algorithm)
    expect(digest).toBe(createHash(algorithm).update('abc').digest('hex'))
  })

  test('a small file takes one small buffer and one piece', async () => {
    await sendContent(Buffer.alloc(100))
    expect(channel.buffers.map(({ length }) => length)).toEqual([100])
    expect(channel.buffers[0]?.buffer.byteLength).toBe(16 + 101)
  })

  test('a large file goes in whole pieces', async () => {
    await sendContent(Buffer.alloc(2 * PIECE_BYTES + 5))
    expect(channel.buffers.map(({ length }) => length)).toEqual([PIECE_BYTES, PIECE_BYTES, 5])
  })

  test('a virtual file that says it is empty', async () => {
    const source = await new LocalDisk().openSource('/proc/self/status')
    const { bytes } = await send(source)
    expect(bytes).toBeGreaterThan(100)
    expect(channel.content.toString()).toMatch(/^Name:/)
    await source.close()
  })
})

describe('backpressure', () => {
  test('three pieces wait for the transport, never a fourth; a buffer is used again only when it was taken', async () => {
    const takers: (() => void)[] = []
    const [third, fourth] = [new Gate(), new Gate()]
    channel.onSend = (taken) => {
      takers.push(taken)
      if (takers.length === 3) void third.pass()
      if (takers.length === 4) void fourth.pass()
    }
    writeFileSync(directory.at('file'), Buffer.alloc(5 * PIECE_BYTES))
    let reads = 0
    const disk = changedStorage(directory.path, {
      source: (source) => ({
        read: (into) => {
          reads++
          return source.read(into)
        },
      }),
    })
    const source = await disk.openSource('file')
    const sending = send(source)
    await third.reached
    // Whatever could follow of itself does so while the file is looked at.
    await source.verifyUnchanged().catch(() => undefined)
    expect([takers.length, reads, sentBytes]).toEqual([3, 3, 0])

    takers[0]?.()
    await fourth.reached
    expect(channel.buffers[3]?.buffer).toBe(channel.buffers[0]?.buffer)
    expect(sentBytes).toBe(PIECE_BYTES)
    channel.onSend = (taken) => setImmediate(taken)
    for (const taken of takers) taken()
    await sending
    expect(new Set(channel.buffers.map(({ buffer }) => buffer)).size).toBe(3)
    await source.close()
  })

  test('it settles only when the last byte was taken, but the proof does not wait for that', async () => {
    const last = new Gate()
    channel.onSend = (taken) => {
      void last.pass().then(taken)
    }
    let isSettled = false
    const sending = sendContent(Buffer.alloc(10)).finally(() => {
      isSettled = true
    })
    await last.reached
    while (channel.sent.length < 3) await new Promise((resolve) => setImmediate(resolve))
    expect(isSettled).toBe(false)
    last.open()
    await sending
    expect(sentBytes).toBe(10)
  })
})

describe('failures', () => {
  const hasProof = () => channel.sent.some((one) => typeof one === 'object' && 'digest' in one)

  test('a file that changed is not proved, and not ended', async () => {
    writeFileSync(directory.at('file'), 'abc')
    const source = await new LocalDisk(directory.path).openSource('file')
    appendFileSync(directory.at('file'), 'd')
    await expect(send(source)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_SOURCE_CHANGED' }),
    )
    expect(hasProof()).toBe(false)
    expect(channel.sent).not.toContain('eof')
    await source.close()
  })

  test('the change is looked for after the last byte was read', async () => {
    writeFileSync(directory.at('file'), Buffer.alloc(PIECE_BYTES * 2))
    // Well before now, or a coarse clock could give the change the same time.
    utimesSync(directory.at('file'), 5, 5)
    const source = await new LocalDisk(directory.path).openSource('file')
    channel.onSend = (taken) => {
      writeFileSync(directory.at('file'), Buffer.alloc(PIECE_BYTES * 2, 1))
      setImmediate(taken)
    }
    await expect(send(source)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_SOURCE_CHANGED' }),
    )
    expect(hasProof()).toBe(false)
    await source.close()
  })

  test.each([1, 2, 3])('a read that fails at call %i ends it with that error', async (call) => {
    writeFileSync(directory.at('file'), Buffer.alloc(PIECE_BYTES * 4))
    let reads = 0
    const disk = changedStorage(directory.path, {
      source: (source) => ({
        read: (into) => (++reads === call ? Promise.reject(new Error('broken')) : source.read(into)),
      }),
    })
    const source = await disk.openSource('file')
    await expect(send(source)).rejects.toThrow('broken')
    expect(hasProof()).toBe(false)
    await source.close()
  })

  test.each([1, 2, 3])('a channel that ends with piece %i ends it', async (piece) => {
    let pieces = 0
    channel.onSend = (taken) => {
      if (++pieces === piece) setImmediate(() => channel.end())
      else setImmediate(taken)
    }
    await expect(sendContent(Buffer.alloc(PIECE_BYTES * 5))).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_FAKESSH_(CLOSED|CANCELLED)$/) }),
    )
    expect(hasProof()).toBe(false)
  })

  test('a channel that has ended before ends it', async () => {
    channel.end()
    await expect(sendContent(Buffer.alloc(10))).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_CANCELLED' }),
    )
    expect(channel.sent).toEqual([])
  })
})
