// The output of a job under random traffic: whatever comes, is read, is acknowledged or leaves, each byte that is kept is the one that
// came, nothing that a reader has not read is dropped, and whoever appends is let in at last.
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OutputLog, type OutputLogLimits, type OutputReader } from '../../src/exec/jobs/output-log.js'
import { useTmpdir } from '../helpers/use-tmpdir.js'

/** The byte at an offset: neighbours differ, and so do those that lie a block apart. */
const byteAt = (offset: number) => (Math.imul(offset, 0x9e3779b1) >>> 13) & 0xff

const bytesFrom = (offset: number, length: number) =>
  Buffer.from(Array.from({ length }, (_, i) => byteAt(offset + i)))

class Reader implements OutputReader {
  acknowledged: number
  position: number
  constructor(offset: number) {
    this.acknowledged = offset
    this.position = offset
  }
  onGrown(): void {}
}

type Step =
  | { readonly do: 'append' | 'read' | 'acknowledge'; readonly bytes: number }
  | { readonly do: 'attach'; readonly from: 'where it was' | 'the start' | 'the end' }
  | { readonly do: 'detach' | 'turn' | 'look' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('append' as const, 'read' as const, 'acknowledge' as const),
    bytes: fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 9_000 })),
  }),
  fc.record({
    do: fc.constant('attach' as const),
    from: fc.constantFrom('where it was' as const, 'the start' as const, 'the end' as const),
  }),
  fc.record({ do: fc.constantFrom('detach' as const, 'turn' as const, 'look' as const) }),
)

/** A log, whoever reads it, and what is known about both. */
class Model {
  readonly log: OutputLog
  readonly failures: unknown[] = []
  appended = 0
  appends = 0
  taken = 0
  reader: Reader | undefined

  constructor(limits: OutputLogLimits) {
    this.log = new OutputLog(limits, (error) => this.failures.push(error))
  }

  async apply(one: Step): Promise<void> {
    const { log, reader } = this
    if (one.do === 'append') this.append(one.bytes)
    else if (one.do === 'read') await this.read(one.bytes)
    else if (one.do === 'attach') {
      const offsets = { 'where it was': reader?.acknowledged ?? 0, 'the start': 0, 'the end': log.end }
      this.reader = new Reader(Math.max(offsets[one.from], log.start))
      log.attach(this.reader)
    } else if (one.do === 'turn') await turn()
    else if (one.do === 'look') await this.look()
    else if (reader !== undefined && one.do === 'acknowledge') {
      if (reader.acknowledged === reader.position) return
      reader.acknowledged = Math.min(reader.position, reader.acknowledged + one.bytes)
      log.onReaderMoved()
    } else if (reader !== undefined && one.do === 'detach') {
      log.detach(reader)
      this.reader = undefined
    }
    this.check()
  }

  append(bytes: number): void {
    this.log.append(bytesFrom(this.appended, bytes), () => {
      this.taken += 1
    })
    this.appended += bytes
    this.appends += 1
  }

  async read(maxBytes: number): Promise<void> {
    const { log, reader } = this
    if (reader === undefined || reader.position === log.end) return
    const piece = await log.read(reader.position, maxBytes)
    expect(piece.length).toBeGreaterThan(0)
    expect(Buffer.compare(piece, bytesFrom(reader.position, piece.length))).toBe(0)
    reader.position += piece.length
    log.onReaderMoved()
  }

  /** Reads all that is kept, as whoever attaches now. */
  async look(): Promise<void> {
    const { log } = this
    this.reader = new Reader(log.start)
    log.attach(this.reader)
    const { end } = log
    while (this.reader.position < end) await this.read(4_000)
  }

  check(): void {
    const { log, reader } = this
    expect(log.start).toBeLessThanOrEqual(log.end)
    expect(log.end).toBeLessThanOrEqual(this.appended)
    if (reader !== undefined) expect(log.start).toBeLessThanOrEqual(reader.position)
  }
}

interface Run extends OutputLogLimits {
  /** The reader stays to the end. */
  readonly isReadToEnd: boolean
  readonly steps: readonly Step[]
}

const runs: fc.Arbitrary<Run> = fc.record({
  isReadToEnd: fc.boolean(),
  memoryBytes: fc.integer({ min: 4_096, max: 12_000 }),
  spillBytes: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 1_000, max: 6_000 }),
    fc.integer({ min: 1, max: 40_000 }),
  ),
  steps: fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
})

/** Returns what was told of the file. */
async function expectKept({ isReadToEnd, memoryBytes, spillBytes, steps }: Run): Promise<unknown[]> {
  const model = new Model({ memoryBytes, spillBytes })
  const { log } = model
  try {
    for (const one of steps) await model.apply(one)
    log.finish()
    if (!isReadToEnd && model.reader !== undefined) await model.apply({ do: 'detach' })
    while (model.reader !== undefined && !(log.isEnded && model.reader.position === log.end)) {
      await model.apply({ do: 'read', bytes: 3_000 })
      await model.apply({ do: 'acknowledge', bytes: 9_000 })
      await turn()
    }
    await log.ended
    await turn()
    expect([log.end, model.taken]).toEqual([model.appended, model.appends])

    const block = Math.floor(memoryBytes / 4)
    const bound = model.failures.length > 0 ? memoryBytes : Math.max(memoryBytes, spillBytes)
    if (model.reader === undefined)
      expect(log.end - log.start).toBeGreaterThanOrEqual(Math.min(model.appended, bound - 2 * block))
    await model.look()
  } finally {
    await log.dispose()
  }
  return model.failures
}

test('with a file and without', async () => {
  await fc.assert(
    fc.asyncProperty(runs, async (run) => {
      expect(await expectKept(run)).toEqual([])
    }),
    { numRuns: 800 },
  )
})

test('with a file that cannot be made', async () => {
  useTmpdir('/nonexistent')
  await fc.assert(
    fc.asyncProperty(runs, async (run) => {
      expect((await expectKept(run)).length).toBeLessThanOrEqual(1)
    }),
    { numRuns: 200 },
  )
})
