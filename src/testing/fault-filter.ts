/**
 * One direction of a byte stream with its faults: bytes in, bytes and faults out, in order. Pure: what comes out depends on the bytes and
 * the points only, not on the pieces the bytes come in.
 */
import type { CutHow } from './fault-options.js'
import type { FaultKind, FixedPoint } from './fault-points.js'
import type { FrameFormat } from './frame-format.js'
import { FrameScanner } from './frame-scanner.js'

/** A fault at its place among the bytes. */
export interface ReachedFault {
  readonly kind: FaultKind
  /** What of this direction came before it, as it arrived: bytes that come twice count once. */
  readonly afterBytes: number
  readonly afterFrames: number
  readonly how: CutHow
}

export type FilterOutput = { readonly bytes: Buffer } | { readonly fault: ReachedFault }

/** A point whose time has not come. */
interface Pending extends FixedPoint {
  /** The frame it is at, where it is counted in frames. */
  readonly frame: number | undefined
  /** The byte it is at; undefined until that is known. */
  at: number | undefined
  /** Bytes from `at` on that come twice. */
  length: number
}

export class FaultFilter {
  readonly #scanner: FrameScanner
  #pending: Pending[] = []
  /** Bytes and whole frames that came out. */
  #offset = 0
  #frames = 0
  /** The header of a frame that is to be damaged or doubled, until it is whole: only then is it known where. */
  #held: Buffer[] = []
  /** What came out already of the bytes that come twice. */
  #copy: Buffer[] = []
  #isEnded = false
  #output: FilterOutput[] = []

  constructor(format: FrameFormat) {
    this.#scanner = new FrameScanner(format)
  }

  /** Nothing comes out any more. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Replaces the points that were not reached. The new ones are counted from here; returns what happens at once. */
  replan(points: readonly FixedPoint[]): FilterOutput[] {
    this.#emit(this.#held)
    this.#held = []
    this.#copy = []
    const firstFrame = this.#frames + (this.#scanner.isAtStart ? 0 : 1)
    this.#pending = points.map((point) => ({
      ...point,
      at: point.unit === 'bytes' ? this.#offset + point.after : undefined,
      frame: point.unit === 'frames' ? firstFrame + point.after : undefined,
    }))
    this.#reach()
    return this.#takeOutput()
  }

  push(bytes: Buffer): FilterOutput[] {
    let rest = bytes
    while (rest.length > 0 && !this.#isEnded) {
      const { taken, frameBytes } = this.#scanner.step(rest)
      this.#take(rest.subarray(0, taken), frameBytes)
      rest = rest.subarray(taken)
    }
    return this.#takeOutput()
  }

  /** The sender has ended: what was held back comes out. */
  end(): FilterOutput[] {
    this.#emit(this.#held)
    this.#held = []
    return this.#takeOutput()
  }

  /** Ends it here: nothing comes out any more. */
  stop(kind: 'halfClose'): ReachedFault {
    this.#isEnded = true
    return this.#reached(kind, 'end')
  }

  /** A part of one frame; the frame's length is known when its header has just become whole. */
  #take(part: Buffer, frameBytes: number | undefined): void {
    this.#held.push(part)
    const within = this.#pending.filter((one) => isWithinFrame(one) && one.frame === this.#frames)
    const isUnknown = within.some(({ at }) => at === undefined)
    if (isUnknown && frameBytes === undefined && this.#scanner.isInHeader) return
    if (isUnknown && frameBytes !== undefined) {
      for (const one of within) {
        one.at = this.#offset + (one.kind === 'corrupt' ? Math.floor(one.fraction * frameBytes) : 0)
        one.length = frameBytes
      }
    }
    this.#emit(this.#held)
    this.#held = []
    this.#frames = this.#scanner.frames
    this.#reach()
  }

  /** Lets bytes out, with what happens before each of them. */
  #emit(parts: readonly Buffer[]): void {
    for (const part of parts) {
      let rest = part
      while (rest.length > 0) {
        this.#reach()
        if (this.#isEnded) return
        const piece = this.#damaged(rest) ?? rest.subarray(0, this.#untilNext())
        this.#output.push({ bytes: piece })
        if (this.#pending.some(isDoubled(this.#offset))) this.#copy.push(piece)
        this.#offset += piece.length
        rest = rest.subarray(piece.length)
      }
    }
  }

  /** Bytes up to the next one at which something happens. */
  #untilNext(): number {
    const places = this.#pending.flatMap(({ kind, at, length }) =>
      at === undefined ? [] : kind === 'duplicate' ? [at, at + length] : [at],
    )
    return Math.min(...places.filter((place) => place > this.#offset)) - this.#offset
  }

  /** The first byte, if it is to be damaged. */
  #damaged(bytes: Buffer): Buffer | undefined {
    const point = this.#pending.find(({ kind, at }) => kind === 'corrupt' && at === this.#offset)
    if (point === undefined) return undefined
    this.#fire(point)
    return Buffer.of(bytes.readUInt8(0) ^ (1 << point.bit))
  }

  /** Makes everything happen that happens before the next byte, whether or not there is one. */
  #reach(): void {
    for (const point of this.#pending) {
      if (this.#isEnded) return
      const { kind, at = this.#startOf(point), length } = point
      if (at === undefined || kind === 'corrupt') continue
      if (this.#offset !== (kind === 'duplicate' ? at + length : at)) continue
      this.#fire(point)
      if (kind === 'duplicate') for (const bytes of this.#copy.splice(0)) this.#output.push({ bytes })
      this.#isEnded = kind === 'cut' || kind === 'halfClose'
    }
  }

  /** Where the frame begins that a point is before. */
  #startOf(point: Pending): number | undefined {
    const isHere = !isWithinFrame(point) && point.frame === this.#frames && this.#scanner.isAtStart
    return isHere ? this.#offset : undefined
  }

  #fire(point: Pending): void {
    this.#pending = this.#pending.filter((one) => one !== point)
    this.#output.push({ fault: this.#reached(point.kind, point.how) })
  }

  #reached(kind: FaultKind, how: CutHow): ReachedFault {
    return { kind, afterBytes: this.#offset, afterFrames: this.#frames, how }
  }

  #takeOutput(): FilterOutput[] {
    const output = this.#output
    this.#output = []
    return output
  }
}

/** True for what needs to know the length of its frame. */
function isWithinFrame({ kind, frame }: Pending): boolean {
  return frame !== undefined && (kind === 'corrupt' || kind === 'duplicate')
}

function isDoubled(offset: number) {
  return ({ kind, at, length }: Pending) =>
    kind === 'duplicate' && at !== undefined && at <= offset && offset < at + length
}
