/** Holds what was measured against what was asked for. */
import { median, pairedRatios } from '../measure/statistics.js'
import type { Bound, Threshold } from '../row.js'
import type { ContenderResult, Verdict } from './result.js'

export function verdictOf(threshold: Threshold, contenders: readonly ContenderResult[]): Verdict {
  const measured = measure(threshold, contenders)
  if (measured === undefined) return { ...threshold, outcome: 'not measured' }
  return { ...threshold, measured, outcome: isWithin(measured, threshold) ? 'pass' : 'short' }
}

/** The subject's readings divided by those of the same round; undefined where one of them has none. */
export function ratioTo(
  name: string,
  measureName: string,
  contenders: readonly ContenderResult[],
): number | undefined {
  const ours = readings(subjectOf(contenders), measureName)
  const theirs = readings(
    contenders.find((contender) => contender.name === name),
    measureName,
  )
  if (ours.length === 0 || theirs.length === 0) return undefined
  return median(pairedRatios(ours, theirs))
}

export function isWithin(value: number, { atLeast, atMost, below }: Bound): boolean {
  return (
    (atLeast === undefined || value >= atLeast) &&
    (atMost === undefined || value <= atMost) &&
    (below === undefined || value < below)
  )
}

export function subjectOf(contenders: readonly ContenderResult[]): ContenderResult | undefined {
  return contenders.find(({ kind }) => kind === 'subject')
}

function measure(threshold: Threshold, contenders: readonly ContenderResult[]): number | undefined {
  if (contenders.find(({ kind }) => kind === 'subject')?.error !== undefined) return undefined
  if (threshold.to !== undefined) return ratioTo(threshold.to, threshold.measure, contenders)
  const values = readings(subjectOf(contenders), threshold.measure)
  return values.length === 0 ? undefined : median(values)
}

function readings(contender: ContenderResult | undefined, measureName: string): readonly number[] {
  return contender?.readings[measureName] ?? []
}
