/** What can go wrong with a connection, as a test asks for it, and the checks of that. */
import { invalidArgument } from '../errors.js'
import { MAX_TIMEOUT_MS } from '../options.js'

/** `up`: from who connected to who listened (the client to the server); `down`: back. @public */
export type FaultDirection = 'up' | 'down'

/** @internal */
export const FAULT_DIRECTIONS = ['up', 'down'] as const

/** A number, or one that the seed picks out of a range, both ends included; each connection gets another one. @public */
export type FaultRange = number | { readonly min: number; readonly max: number }

/**
 * Where a fault happens: after so many bytes, or after so many whole frames, of its direction; all before it passes untouched. Counted
 * from the start of the connection, or from `setFaults()`. Exactly one of the two is given.
 *
 * Under TLS a frame is a TLS record (those of the handshake are counted too), as nothing inside can be seen; on a unix socket and in
 * memory it is a frame of fake-ssh. Once something passes that is neither, no more frames are counted.
 *
 * @public
 */
export interface FaultPoint {
  /** Bytes. 0 is before the first one. */
  readonly afterBytes?: FaultRange | undefined
  /** Frames. 0 is before the first one. */
  readonly afterFrames?: FaultRange | undefined
}

/**
 * How a connection is cut. `reset`: as by a crash; the ends fail with ECONNRESET (a unix socket knows no reset: there it is `end`).
 * `end`: each end sees the other one close, without any goodbye.
 *
 * @public
 */
export type CutHow = 'reset' | 'end'

/** Cuts the connection, both directions of it. What passed before the point arrives first. @public */
export interface CutFault extends FaultPoint {
  /** Default `reset`. */
  readonly how?: CutHow | undefined
}

/** Sends something twice: the frame after the point, or the bytes. @public */
export interface DuplicateFault extends FaultPoint {
  /** With `afterBytes`: how many bytes come twice. Default 1, at most 1,048,576. */
  readonly bytes?: number | undefined
}

/** What becomes of one direction of a connection. Default: everything passes as it came. @public */
export interface Faults {
  /** Milliseconds that each byte takes. Keeps the order, and does not limit the rate. Default 0. */
  readonly delayMs?: number | undefined
  /** Bytes per second that pass; the sender is made to wait. At least 1. Default: as fast as it goes. */
  readonly bytesPerSecond?: number | undefined
  /** Cuts the connection. */
  readonly cut?: CutFault | undefined
  /** Ends this direction only: the receiver sees its end, and what the sender still sends is lost. The other direction lives on. */
  readonly halfClose?: FaultPoint | undefined
  /** From there on nothing passes and nobody is told, until `heal()`: the sender is made to wait, as when packets are lost. */
  readonly blackHole?: FaultPoint | undefined
  /** Flips one bit, which the seed picks: of the byte after the point, or of any byte of the frame after it. */
  readonly corrupt?: FaultPoint | undefined
  /** Sends something twice. */
  readonly duplicate?: DuplicateFault | undefined
}

/** The faults of both directions. @public */
export interface FaultPlan {
  /** From who connected to who listened: the client to the server. */
  readonly up?: Faults | undefined
  /** Back. */
  readonly down?: Faults | undefined
}

/** Options of everything that makes faults. @public */
export interface FaultOptions extends FaultPlan {
  /** Picks what is left open: numbers in ranges, and bits. An integer from 0 to 4,294,967,295. Default: a random one, see `seed`. */
  readonly seed?: number | undefined
}

/** What happens at a point, in the order in which it is done where several meet. @internal */
export const FAULT_KINDS = ['duplicate', 'corrupt', 'blackHole', 'halfClose', 'cut'] as const

/** Bounds what is kept of a stream to send it again. */
const MAX_DUPLICATE_BYTES = 1_048_576

const KNOWN_FAULTS: readonly (keyof Faults)[] = ['delayMs', 'bytesPerSecond', ...FAULT_KINDS]

/** Throws `ERR_FAKESSH_INVALID_ARG` unless it is a {@link FaultPlan} whose other keys are among `more`. @internal */
export function checkFaultPlan(where: string, plan: FaultPlan, more: readonly string[] = []): void {
  checkKeys(where, plan, ['up', 'down', ...more])
  for (const direction of FAULT_DIRECTIONS) {
    const faults = plan[direction]
    if (faults !== undefined) checkFaults(`${where} ${direction}`, faults)
  }
}

/** Throws `ERR_FAKESSH_INVALID_ARG`. @internal */
export function checkSeed(where: string, seed: unknown): void {
  if (seed !== undefined && !isInteger(seed, 0, 0xffff_ffff))
    throw invalidArgument(`${where} seed`, 'an integer from 0 to 4294967295', seed)
}

/** Throws `ERR_FAKESSH_INVALID_ARG`. @internal */
export function checkDirection(where: string, direction: unknown): void {
  if (direction !== 'up' && direction !== 'down') throw invalidArgument(where, "'up' or 'down'", direction)
}

/** Throws `ERR_FAKESSH_INVALID_ARG`. @internal */
export function checkCutHow(where: string, how: unknown): void {
  if (how !== undefined && how !== 'reset' && how !== 'end')
    throw invalidArgument(`${where} how`, "'reset' or 'end'", how)
}

function checkFaults(where: string, faults: Faults): void {
  checkKeys(where, faults, KNOWN_FAULTS)
  const { delayMs, bytesPerSecond, cut, duplicate } = faults
  if (delayMs !== undefined && !isNumber(delayMs, 0, MAX_TIMEOUT_MS))
    throw invalidArgument(`${where} delayMs`, `milliseconds from 0 to ${MAX_TIMEOUT_MS}`, delayMs)
  if (bytesPerSecond !== undefined && !isNumber(bytesPerSecond, 1, Number.MAX_SAFE_INTEGER))
    throw invalidArgument(`${where} bytesPerSecond`, 'a number of at least 1', bytesPerSecond)
  for (const kind of FAULT_KINDS) {
    const point = faults[kind]
    if (point !== undefined) checkPoint(`${where} ${kind}`, point, MORE_KEYS[kind] ?? [])
  }
  checkCutHow(`${where} cut`, cut?.how)
  if (duplicate?.bytes === undefined) return
  if (duplicate.afterBytes === undefined || !isInteger(duplicate.bytes, 1, MAX_DUPLICATE_BYTES)) {
    const expected = `an integer from 1 to ${MAX_DUPLICATE_BYTES}, with afterBytes`
    throw invalidArgument(`${where} duplicate bytes`, expected, duplicate.bytes)
  }
}

const MORE_KEYS: { readonly [kind: string]: readonly string[] } = { cut: ['how'], duplicate: ['bytes'] }

function checkPoint(where: string, point: FaultPoint, more: readonly string[]): void {
  checkKeys(where, point, ['afterBytes', 'afterFrames', ...more])
  const { afterBytes, afterFrames } = point
  if ((afterBytes === undefined) === (afterFrames === undefined))
    throw invalidArgument(
      where,
      'either afterBytes or afterFrames',
      afterBytes === undefined ? 'none' : 'both',
    )
  checkRange(where, afterBytes ?? afterFrames)
}

function checkRange(where: string, range: unknown): void {
  if (isInteger(range, 0, Number.MAX_SAFE_INTEGER)) return
  const { min, max } = (range ?? {}) as { min?: unknown; max?: unknown }
  if (isInteger(max, 0, Number.MAX_SAFE_INTEGER) && isInteger(min, 0, max as number)) return
  throw invalidArgument(where, 'a whole number of at least 0, or { min, max } of such', range)
}

/** A misspelt fault would never happen, and the test would pass. */
function checkKeys(where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw invalidArgument(where, 'an object', options)
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown !== undefined) throw invalidArgument(where, `only ${known.join(', ')}`, unknown)
}

function isNumber(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && value >= min && value <= max
}

function isInteger(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && isNumber(value, min, max)
}
