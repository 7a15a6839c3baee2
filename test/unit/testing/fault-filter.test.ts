// One direction of a byte stream with its faults: what comes out depends on the bytes and the points, never on the pieces.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FaultFilter, type FilterOutput } from '../../../src/testing/fault-filter.js'
import type { Faults } from '../../../src/testing/fault-options.js'
import { fixedPoints } from '../../../src/testing/fault-points.js'
import { FAKE_SSH_FRAMES, TLS_RECORDS } from '../../../src/testing/frame-format.js'
import { fakeSshFrame, tlsRecord } from './spelled-frames.js'

const SEED = 20_260_103
const FRAMES = [fakeSshFrame(4, 1), fakeSshFrame(0), fakeSshFrame(10, 2), fakeSshFrame(30, 3)]
const STREAM = Buffer.concat(FRAMES)
/** Where each frame begins, and the end. */
const STARTS = [0, 20, 36, 62, 108]

/** What comes out for a stream that comes in pieces of the given sizes (the last one has the rest). */
function filtered(faults: Faults, bytes = STREAM, sizes: readonly number[] = [], format = FAKE_SSH_FRAMES) {
  const filter = new FaultFilter(format)
  const output = filter.replan(fixedPoints(faults, SEED))
  let at = 0
  for (const size of [...sizes, bytes.length]) {
    output.push(...filter.push(bytes.subarray(at, at + size)))
    at += size
  }
  return [...output, ...filter.end()]
}

/** Bytes and faults, with neighbouring bytes put together. */
function summary(output: readonly FilterOutput[]): (string | object)[] {
  const found: (string | object)[] = []
  for (const item of output) {
    const last = found.at(-1)
    if (!('bytes' in item)) found.push(item.fault)
    else if (typeof last === 'string') found[found.length - 1] = last + item.bytes.toString('hex')
    else found.push(item.bytes.toString('hex'))
  }
  return found
}

const hex = (from: number, to?: number) => STREAM.subarray(from, to).toString('hex')

test('without faults everything passes as it came', () => {
  expect(summary(filtered({}))).toEqual([hex(0)])
})

describe.each(['cut', 'halfClose'] as const)('%s', (kind) => {
  test.each([
    [{ afterBytes: 0 }, 0, 0],
    [{ afterBytes: 7 }, 7, 0],
    [{ afterBytes: 108 }, 108, 4],
    [{ afterFrames: 0 }, 0, 0],
    [{ afterFrames: 2 }, 36, 2],
    [{ afterFrames: 4 }, 108, 4],
  ])('at %j: what is before it passes, and nothing after it', (point, afterBytes, afterFrames) => {
    const fault = { kind, afterBytes, afterFrames, how: 'reset' }
    const before = afterBytes === 0 ? [] : [hex(0, afterBytes)]
    expect(summary(filtered({ [kind]: point }))).toEqual([...before, fault])
  })

  test('happens when its point is reached, without waiting for another byte', () => {
    const filter = new FaultFilter(FAKE_SSH_FRAMES)
    filter.replan(fixedPoints({ [kind]: { afterFrames: 1 } }, SEED))
    expect(summary(filter.push(STREAM.subarray(0, 20)))).toHaveLength(2)
    expect(filter.isEnded).toBe(true)
  })

  test('past the end never happens', () => {
    expect(summary(filtered({ [kind]: { afterBytes: 109 } }))).toEqual([hex(0)])
    expect(summary(filtered({ [kind]: { afterFrames: 5 } }))).toEqual([hex(0)])
  })
})

test('the way of a cut is handed on', () => {
  expect(summary(filtered({ cut: { afterBytes: 1, how: 'end' } })).at(-1)).toMatchObject({ how: 'end' })
})

test('a black hole is only marked: what comes after it is for later', () => {
  const fault = { kind: 'blackHole', afterBytes: 36, afterFrames: 2, how: 'reset' }
  expect(summary(filtered({ blackHole: { afterFrames: 2 } }))).toEqual([hex(0, 36), fault, hex(36)])
})

describe('corrupt', () => {
  const differences = (bytes: Buffer) => [...bytes.keys()].filter((at) => bytes[at] !== STREAM[at])
  const joined = (output: readonly FilterOutput[]) =>
    Buffer.concat(output.map((item) => ('bytes' in item ? item.bytes : Buffer.alloc(0))))

  test('at a byte flips one bit of it', () => {
    const output = filtered({ corrupt: { afterBytes: 40 } })
    const bytes = joined(output)
    expect(differences(bytes)).toEqual([40])
    const bits = (bytes[40] ?? 0) ^ (STREAM[40] ?? 0)
    expect(Math.log2(bits) % 1).toBe(0)
    expect(summary(output)[1]).toMatchObject({ kind: 'corrupt', afterBytes: 40, afterFrames: 2 })
  })

  test('at a frame flips one bit anywhere in it, its header too', () => {
    const found = new Set<number>()
    for (let seed = 0; seed < 500; seed++) {
      const filter = new FaultFilter(FAKE_SSH_FRAMES)
      filter.replan(fixedPoints({ corrupt: { afterFrames: 2 } }, seed))
      // In single bytes: the header has to be held back for it.
      const output = [...STREAM].flatMap((byte) => filter.push(Buffer.of(byte)))
      const different = differences(joined(output))
      expect(different).toHaveLength(1)
      found.add(different[0] ?? -1)
    }
    expect([...found].sort((a, b) => a - b)).toEqual(Array.from({ length: 26 }, (_, index) => 36 + index))
  })
})

describe('duplicate', () => {
  test('at a frame sends the frame twice', () => {
    const fault = { kind: 'duplicate', afterBytes: 62, afterFrames: 3, how: 'reset' }
    expect(summary(filtered({ duplicate: { afterFrames: 2 } }))).toEqual([hex(0, 62), fault, hex(36)])
  })

  test('at a byte sends as many bytes twice as it is told', () => {
    const output = summary(filtered({ duplicate: { afterBytes: 10, bytes: 15 } }))
    expect(output).toMatchObject([hex(0, 25), { afterBytes: 25 }, hex(10, 25) + hex(25)])
    const one = summary(filtered({ duplicate: { afterBytes: 10 } }))
    expect(one).toMatchObject([hex(0, 11), { afterBytes: 11 }, hex(10)])
  })

  test('never happens when the bytes end before', () => {
    expect(summary(filtered({ duplicate: { afterBytes: 100, bytes: 9 } }))).toEqual([hex(0)])
  })

  test('sends damage twice, too', () => {
    const output = summary(filtered({ duplicate: { afterBytes: 10 }, corrupt: { afterBytes: 10 } }))
    const [, , damaged, , rest] = output
    expect(output).toMatchObject([hex(0, 10), { kind: 'corrupt' }, damaged, { kind: 'duplicate' }, rest])
    expect(damaged).not.toBe(hex(10, 11))
    expect(rest).toBe(`${damaged}${hex(11)}`)
  })
})

test('what comes out does not depend on the pieces it comes in', () => {
  const point = fc.oneof(
    fc.record({ afterBytes: fc.nat(120) }),
    fc.record({ afterFrames: fc.nat(5) }),
    fc.constant(undefined),
  )
  const faults = fc.record({
    cut: point,
    halfClose: point,
    blackHole: point,
    corrupt: point,
    duplicate: point,
  })
  fc.assert(
    fc.property(faults, fc.array(fc.nat(30)), (plan, sizes) => {
      expect(summary(filtered(plan, STREAM, sizes))).toEqual(summary(filtered(plan)))
    }),
    { numRuns: 1_000, seed: SEED },
  )
})

test('a header that is held back comes out when the sender ends in the middle of it', () => {
  const faults = { corrupt: { afterFrames: 1 } }
  expect(summary(filtered(faults, STREAM.subarray(0, 30)))).toEqual([hex(0, 30)])
})

test('bytes that are no frames pass, and faults at frames do not happen any more', () => {
  const bytes = Buffer.concat([tlsRecord(22, 5), Buffer.from('plain text'), tlsRecord(22, 5)])
  for (const kind of ['cut', 'corrupt', 'duplicate'] as const)
    expect(summary(filtered({ [kind]: { afterFrames: 2 } }, bytes, [], TLS_RECORDS))).toEqual([
      bytes.toString('hex'),
    ])
  const cut = summary(filtered({ cut: { afterFrames: 1 } }, bytes, [], TLS_RECORDS))
  expect(cut).toMatchObject([bytes.toString('hex', 0, 10), { afterFrames: 1 }])
})

describe('a new plan', () => {
  test('is counted from where it is made, and replaces the old one', () => {
    const filter = new FaultFilter(FAKE_SSH_FRAMES)
    filter.replan(fixedPoints({ halfClose: { afterBytes: 50 } }, SEED))
    filter.push(STREAM.subarray(0, 40))
    filter.replan(fixedPoints({ cut: { afterBytes: 20 } }, SEED))
    expect(summary(filter.push(STREAM.subarray(40)))).toMatchObject([
      hex(40, 60),
      { kind: 'cut', afterBytes: 60 },
    ])
  })

  test('in the middle of a frame counts from the next one', () => {
    for (const at of [37, 40, 56]) {
      const filter = new FaultFilter(FAKE_SSH_FRAMES)
      filter.push(STREAM.subarray(0, at))
      filter.replan(fixedPoints({ cut: { afterFrames: 0 } }, SEED))
      expect(summary(filter.push(STREAM.subarray(at)))).toMatchObject([
        hex(at, STARTS[3]),
        { kind: 'cut', afterFrames: 3 },
      ])
    }
  })

  test('gives out a header that was held for the old one', () => {
    const filter = new FaultFilter(FAKE_SSH_FRAMES)
    filter.replan(fixedPoints({ corrupt: { afterFrames: 2 } }, SEED))
    expect(summary(filter.push(STREAM.subarray(0, 45)))).toEqual([hex(0, 36)])
    expect(summary(filter.replan([]))).toEqual([hex(36, 45)])
    expect(summary(filter.push(STREAM.subarray(45)))).toEqual([hex(45)])
  })

  test('may happen at once', () => {
    const filter = new FaultFilter(FAKE_SSH_FRAMES)
    filter.push(STREAM.subarray(0, 20))
    for (const point of [{ afterBytes: 0 }, { afterFrames: 0 }])
      expect(filter.replan(fixedPoints({ blackHole: point }, SEED))).toMatchObject([
        { fault: { afterBytes: 20 } },
      ])
  })
})
