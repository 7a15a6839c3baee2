/**
 * Attempts to break operations at random points: which operations run together on one connection, and which faults meet them. Everything
 * about an attempt follows from the seed of the run and its number, so that a failure can be made again.
 */
import fc from 'fast-check'
import type { FaultPlan, FaultPoint, Faults } from '../../src/testing/index.js'
import { OPERATIONS, type Operation } from '../helpers/operations.js'
import { RECONNECTING_OPERATIONS } from './durable-operation.js'

export interface Attempt {
  readonly number: number
  readonly operations: readonly Part[]
  /** Whether the faults are there while the client connects, or from when it is connected. */
  readonly meetsConnecting: boolean
  /** The client gets its connection back; the link is whole from then on. */
  readonly reconnects: boolean
  readonly plan: FaultPlan
  /** Picks what the plan leaves open: which bit is flipped. */
  readonly seed: number
}

interface Part {
  readonly operation: Operation
  readonly bytes: number
  /** What the target holds before, if it writes one. */
  readonly oldBytes: number | undefined
}

export interface AttemptLimits {
  readonly maxBytes: number
  /** Bytes and frames that connecting takes, so that points lie in it as well. */
  readonly connectBytes: number
  /** A black hole that is met while connecting lasts as long as the time limit of that. */
  readonly canVanishConnecting: boolean
}

const MAX_OPERATIONS = 3
const MAX_FRAMES = 60
const MAX_DELAY_MS = 4

function arbitraryPart(maxBytes: number, operations: readonly Operation[]): fc.Arbitrary<Part> {
  // Empty and tiny ones have corners of their own; larger ones have points to be hit at.
  const size = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1_000, max: maxBytes }))
  return fc.record({
    operation: fc.constantFrom(...operations),
    bytes: size,
    oldBytes: fc.option(fc.integer({ min: 1, max: 500 }), { nil: undefined }),
  })
}

function arbitraryPoint(bytes: number): fc.Arbitrary<FaultPoint> {
  return fc.oneof(
    fc.record({ afterBytes: fc.integer({ min: 0, max: bytes }) }),
    fc.record({ afterFrames: fc.integer({ min: 0, max: MAX_FRAMES }) }),
  )
}

function arbitraryFaults(bytes: number): fc.Arbitrary<Faults> {
  const point = arbitraryPoint(bytes)
  const cut = fc.tuple(point, fc.constantFrom('reset' as const, 'end' as const))
  return fc.oneof(
    { weight: 3, arbitrary: cut.map(([at, how]) => ({ cut: { ...at, how } })) },
    point.map((halfClose) => ({ halfClose })),
    point.map((blackHole) => ({ blackHole })),
    point.map((corrupt) => ({ corrupt })),
    point.map((duplicate) => ({ duplicate })),
    fc.integer({ min: 1, max: MAX_DELAY_MS }).map((delayMs) => ({ delayMs })),
  )
}

function arbitraryPlan(bytes: number): fc.Arbitrary<FaultPlan> {
  const faults = arbitraryFaults(bytes)
  return fc.oneof(
    faults.map((up) => ({ up })),
    faults.map((down) => ({ down })),
    fc.record({ up: faults, down: faults }),
  )
}

/** The first `count` attempts of a seed. */
export function attemptsOf(seed: number, count: number, limits: AttemptLimits): Attempt[] {
  const { maxBytes, connectBytes, canVanishConnecting } = limits
  const attempt = fc.boolean().chain((reconnects) => {
    const part = arbitraryPart(maxBytes, reconnects ? RECONNECTING_OPERATIONS : OPERATIONS)
    return fc.array(part, { minLength: 1, maxLength: MAX_OPERATIONS }).chain((operations) => {
      const bytes = connectBytes + operations.reduce((sum, one) => sum + one.bytes, 0)
      return fc.record({
        operations: fc.constant(operations),
        meetsConnecting: fc.boolean(),
        reconnects: fc.constant(reconnects),
        plan: arbitraryPlan(bytes),
        seed: fc.integer({ min: 0, max: 0xffff_ffff }),
      })
    })
  })
  return fc.sample(attempt, { seed, numRuns: count }).map((one, number) => {
    const vanishes = [one.plan.up, one.plan.down].some((faults) => faults?.blackHole !== undefined)
    const meetsConnecting = one.meetsConnecting && (canVanishConnecting || !vanishes)
    return { ...one, meetsConnecting, number }
  })
}

/** One line, for whoever has to find out. */
export function describeAttempt({
  number,
  operations,
  meetsConnecting,
  reconnects,
  plan,
  seed,
}: Attempt): string {
  const what = operations.map(({ operation, bytes, oldBytes }) =>
    [operation.name, bytes, ...(oldBytes === undefined ? [] : ['over', oldBytes])].join(' '),
  )
  const when = meetsConnecting ? 'from the start' : 'once connected'
  const how = reconnects ? 'reconnecting' : 'one connection'
  return `attempt ${number}: ${what.join(', ')}; ${how}, ${when} ${JSON.stringify({ seed, ...plan })}`
}
