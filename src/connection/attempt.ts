/**
 * Whose OPEN it is. An operation that outlives its connections asks again on each: as one holder, whose attempts count, so that the peer can tell
 * one that the network delivers late from the one that took its place.
 */
import { randomBytes } from 'node:crypto'
import * as v from 'valibot'

const HOLDER_BYTES = 16

/** As OPENs carry them. */
export const attemptFields = {
  holder: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, 'Expected 32 hex digits')),
  attempt: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
}

export interface Attempt {
  /** 32 hex digits, of the opener's choice. */
  readonly holder: string
  /** Counts the OPENs of the holder, from 1. */
  readonly attempt: number
}

/** For one operation, however many attempts it takes. 32 hex digits. */
export function newHolder(): string {
  return randomBytes(HOLDER_BYTES).toString('hex')
}
