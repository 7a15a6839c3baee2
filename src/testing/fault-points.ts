/** Turns the faults that were asked for into points at fixed positions: everything that is left to the seed is drawn here, at once. */
import { type CutHow, FAULT_KINDS, type FaultRange, type Faults } from './fault-options.js'
import { between, seededRandom } from './seeded-random.js'

export type FaultKind = (typeof FAULT_KINDS)[number]

/** One fault, with nothing left open but where frames begin. */
export interface FixedPoint {
  readonly kind: FaultKind
  readonly unit: 'bytes' | 'frames'
  /** How many of that unit pass first. */
  readonly after: number
  /** For a cut. */
  readonly how: CutHow
  /** For a duplicate at a byte: how many come twice. */
  readonly length: number
  /** For damage: where in its frame, from 0 to just below 1. */
  readonly fraction: number
  /** For damage: which bit of the byte, 0 to 7. */
  readonly bit: number
}

/** The points of one direction of one connection. `salts` tell them from those of other directions and connections. */
export function fixedPoints(faults: Faults, seed: number, ...salts: readonly number[]): FixedPoint[] {
  return FAULT_KINDS.flatMap((kind, index) => {
    const point = faults[kind]
    if (point === undefined) return []
    const random = seededRandom(seed, ...salts, index)
    const { afterBytes, afterFrames = 0 } = point
    return {
      kind,
      unit: afterBytes === undefined ? 'frames' : 'bytes',
      after: numberIn(afterBytes ?? afterFrames, random()),
      how: faults.cut?.how ?? 'reset',
      length: faults.duplicate?.bytes ?? 1,
      fraction: random() / 2 ** 32,
      bit: between(0, 7, random()),
    }
  })
}

function numberIn(range: FaultRange, bits: number): number {
  return typeof range === 'number' ? range : between(range.min, range.max, bits)
}
