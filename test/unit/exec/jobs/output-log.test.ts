import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { OutputLog, type OutputReader } from '../../../../src/exec/jobs/output-log.js'
import { seededRandom } from '../../../../src/testing/seeded-random.js'
import { until } from '../../../helpers/until.js'
import { useTmpdir } from '../../../helpers/use-tmpdir.js'

/** Four blocks of 1 KiB in memory. */
const MEMORY = 4096

class Reader implements OutputReader {
  acknowledged = 0
  position = 0
  grown = 0
  onGrown(): void {
    this.grown += 1
  }
}

function made({ spillBytes = 0 } = {}) {
  const failures: unknown[] = []
  const log = new OutputLog({ memoryBytes: MEMORY, spillBytes }, (error) => failures.push(error))
  onTestFinished(() => log.dispose())
  let taken = 0
  const append = (bytes: Uint8Array) => log.append(bytes, () => (taken += 1))
  const contentFrom = async (offset: number): Promise<Buffer> => {
    const reader = new Reader()
    reader.acknowledged = offset
    log.attach(reader)
    const pieces: Uint8Array[] = []
    for (let at = offset; at < log.end; at += pieces.at(-1)?.length ?? 0) pieces.push(await log.read(at, 700))
    log.detach(reader)
    return Buffer.concat(pieces)
  }
  return { log, append, contentFrom, failures, taken: () => taken }
}

describe('in memory', () => {
  test('keeps what fits, from its start', async () => {
    const { log, append, contentFrom, taken } = made()
    append(Buffer.from('hello '))
    append(Buffer.from('world'))
    await turn()
    expect([log.start, log.end, taken()]).toEqual([0, 11, 2])
    expect(String(await contentFrom(0))).toBe('hello world')
    expect(String(await contentFrom(6))).toBe('world')
  })

  test('drops the oldest without a reader, and lets everything in', async () => {
    const { log, append, contentFrom, taken } = made()
    const bytes = randomBytes(10_000)
    for (let at = 0; at < bytes.length; at += 1000) append(bytes.subarray(at, at + 1000))
    await turn()
    expect([log.start, log.end, taken()]).toEqual([6144, 10_000, 10])
    expect((await contentFrom(log.start)).equals(bytes.subarray(6144))).toBe(true)
  })

  test('with a reader drops nothing that it has not taken, and whoever appends waits', async () => {
    const { log, append, contentFrom, taken } = made()
    const bytes = randomBytes(10_000)
    const reader = new Reader()
    log.attach(reader)
    append(bytes)
    await turn()
    expect([log.start, log.end, taken()]).toEqual([0, 4096, 0])
    reader.position = reader.acknowledged = 1023
    log.onReaderMoved()
    expect(log.end).toBe(4096)
    reader.position = reader.acknowledged = 2500
    log.onReaderMoved()
    expect([log.start, log.end]).toEqual([2048, 6144])
    expect((await contentFrom(2500)).equals(bytes.subarray(2500, 6144))).toBe(true)
    log.detach(reader)
    await turn()
    expect([log.start, log.end, taken()]).toEqual([6144, 10_000, 1])
  })

  test('is not held up by a reader that has read all of it and whose other end has not said so yet', async () => {
    const { log, append } = made()
    const reader = new Reader()
    log.attach(reader)
    append(Buffer.alloc(6000))
    expect(log.end).toBe(4096)
    reader.position = 4000
    log.onReaderMoved()
    expect(log.end).toBe(4096)
    reader.position = 4096
    log.onReaderMoved()
    expect(log.end).toBe(5120)
    reader.position = 5120
    log.onReaderMoved()
    expect(log.end).toBe(6000)
  })

  test('a reader that another has replaced changes nothing by leaving', async () => {
    const { log, append } = made()
    const [older, newer] = [new Reader(), new Reader()]
    log.attach(older)
    append(Buffer.alloc(6000))
    log.attach(newer)
    log.detach(older)
    expect([log.start, log.end]).toEqual([0, 4096])
    expect([older.grown, newer.grown]).toEqual([1, 0])
  })

  test('a reader that begins further on than the one before lets in what waited for that', async () => {
    const { log, append, taken } = made()
    log.attach(new Reader())
    append(Buffer.alloc(6000))
    expect(log.end).toBe(4096)
    const newer = new Reader()
    newer.acknowledged = newer.position = log.end
    log.attach(newer)
    await turn()
    expect([log.end, taken()]).toEqual([6000, 1])
  })

  test('ends once all that was appended is in', async () => {
    const { log, append } = made()
    const reader = new Reader()
    log.attach(reader)
    let hasEnded = false
    void log.ended.then(() => {
      hasEnded = true
    })
    append(Buffer.alloc(6000))
    log.finish()
    await turn()
    expect([log.isEnded, hasEnded]).toEqual([false, false])
    const before = reader.grown
    log.detach(reader)
    await turn()
    expect([log.isEnded, hasEnded, reader.grown]).toEqual([true, true, before])
  })

  test('one that ends empty ends', async () => {
    const { log } = made()
    const reader = new Reader()
    log.attach(reader)
    log.finish()
    await log.ended
    expect([log.isEnded, log.end, reader.grown]).toEqual([true, 0, 1])
  })
})

describe('with a file', () => {
  test('keeps what memory and file hold, and gives it back byte for byte', async () => {
    const { log, append, contentFrom, taken } = made({ spillBytes: 8192 })
    const bytes = randomBytes(50_000)
    const random = seededRandom(1)
    let parts = 0
    for (let at = 0; at < bytes.length; parts += 1) {
      const end = at + 1 + (random() % 3000)
      append(bytes.subarray(at, end))
      at = end
    }
    log.finish()
    await log.ended
    await turn()
    expect(taken()).toBe(parts)
    expect(log.end).toBe(50_000)
    expect(50_000 - log.start).toBeGreaterThan(8192)
    expect(50_000 - log.start).toBeLessThanOrEqual(8192 + MEMORY)
    const from = log.start + 1500
    expect((await contentFrom(from)).equals(bytes.subarray(from))).toBe(true)
  })

  test('that is smaller than memory, keeps no less than memory alone', async () => {
    const { log, append, contentFrom } = made({ spillBytes: 1024 })
    const bytes = randomBytes(20_000)
    append(bytes)
    log.finish()
    await log.ended
    expect(log.end - log.start).toBeGreaterThan(MEMORY - 1024)
    const { start } = log
    expect((await contentFrom(start)).equals(bytes.subarray(start))).toBe(true)
  })

  test('a reader holds what is in the file too', async () => {
    const { log, append, contentFrom } = made({ spillBytes: 8192 })
    const bytes = randomBytes(20_000)
    const reader = new Reader()
    log.attach(reader)
    append(bytes)
    await until(() => log.end === 8192 + MEMORY)
    expect(log.start).toBe(0)
    const pieces = [log.read(0, 1024), log.read(5000, 1024), log.read(12_000, 1024)]
    const expected = [bytes.subarray(0, 1024), bytes.subarray(5000, 5120), bytes.subarray(12_000, 12_288)]
    expect(await Promise.all(pieces)).toEqual(expected)
    reader.position = reader.acknowledged = 5000
    log.onReaderMoved()
    await until(() => log.end === 8192 + MEMORY + 4096)
    expect(log.start).toBe(4096)
    log.detach(reader)
    await until(() => log.end === 20_000)
    const { start } = log
    expect((await contentFrom(start)).equals(bytes.subarray(start))).toBe(true)
  })

  test('that cannot be made is said once, and memory is all there is', async () => {
    useTmpdir('/nonexistent')
    const { log, append, contentFrom, failures } = made({ spillBytes: 8192 })
    const bytes = randomBytes(20_000)
    append(bytes)
    log.finish()
    await log.ended
    expect(failures).toMatchObject([{ code: 'ENOENT' }])
    expect(log.end - log.start).toBeGreaterThan(MEMORY - 1024)
    const { start } = log
    expect((await contentFrom(start)).equals(bytes.subarray(start))).toBe(true)
  })

  test('is disposed of also while it is being written, and takes nothing more', async () => {
    const { log, append, taken, failures } = made({ spillBytes: 8192 })
    log.attach(new Reader())
    append(randomBytes(20_000))
    await log.dispose()
    append(randomBytes(10))
    await log.ended
    await turn()
    expect(taken()).toBe(2)
    expect(failures).toEqual([])
  })
})
