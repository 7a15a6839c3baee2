/** Holds what a test saw against the row that promises it. */
import { expect } from 'vitest'
import { FakeSshError } from '../../src/index.js'
import type { Outcome as Settled } from '../helpers/operations.js'
import type { Outcome } from './outcomes.js'

/** What a machine that is busy with other tests may add to a bound. */
const SLACK_MS = 1_500
/** PINGs are sent after one interval of silence, the second after two; the peer is given up after three. */
const KEEPALIVE_INTERVALS = 3

export interface Seen {
  /** Of the caller's promise; undefined when it resolved. */
  readonly code: string | undefined
  /** From the fault to the settling. */
  readonly afterMs?: number
  /** Undefined for an operation that writes nothing. */
  readonly target?: 'old' | 'new' | 'broken' | undefined
  /** Temporary files; left out by who did not look. */
  readonly leftovers?: number
}

/** Milliseconds within which a failure has to be there. */
export function boundOf(outcome: Outcome, keepaliveIntervalMs: number): number {
  const waits = outcome.time === 'keepalive bound' ? KEEPALIVE_INTERVALS * keepaliveIntervalMs : 0
  return waits + SLACK_MS
}

export function expectOutcome(where: string, outcome: Outcome, seen: Seen, keepaliveIntervalMs = 0): void {
  const { code, afterMs, target, leftovers } = seen
  if (outcome.codes.length === 0) expect(code, where).toBe(undefined)
  else expect(outcome.codes, where).toContain(code)
  if (afterMs !== undefined) expect(afterMs, where).toBeLessThanOrEqual(boundOf(outcome, keepaliveIntervalMs))
  if (target !== undefined) expect(outcome.target.split(' or '), where).toContain(target)
  if (leftovers !== undefined) expect(leftovers > 0, where).toBe(outcome.remains !== 'nothing')
}

/** The stable code of a failure; undefined for a success. Anything but an error of this library fails the test. */
export function codeOf(settled: Settled): string | undefined {
  if (settled.isSuccess) return undefined
  const { error } = settled
  if (!FakeSshError.is(error)) throw error
  return error.code
}
