/** Whether the event loop stayed responsive in every row: one verdict a side, about the worst row. */
import { median } from '../measure/statistics.js'
import type { RowResult, Verdict } from './result.js'
import { isWithin, subjectOf } from './verdicts.js'

/** The row that carries the summary. */
export const LOOP_ROW = 'event-loop'

export const LOOP_BOUND = { below: 20 } as const

const SIDES = { clientLoop: 'client', serverLoop: 'server' } as const

/** The rows, the summary added to the one it belongs to, in place of an older one; unchanged if that was not run. */
export function withLoopSummary(rows: readonly RowResult[]): RowResult[] {
  const others = rows.filter(({ name }) => name !== LOOP_ROW)
  return rows.map((row) =>
    row.name === LOOP_ROW && row.error === undefined
      ? {
          ...row,
          verdicts: [...row.verdicts.filter(({ measure }) => !isSummary(measure)), ...summarise(others)],
        }
      : row,
  )
}

function isSummary(measure: string): boolean {
  return Object.hasOwn(SIDES, measure)
}

function summarise(rows: readonly RowResult[]): Verdict[] {
  return Object.entries(SIDES).map(([measure, side]) => {
    const found = rows.flatMap(({ name, contenders }) => {
      const values = subjectOf(contenders)?.readings[measure] ?? []
      return values.length === 0 ? [] : [{ name, p99Ms: median(values) }]
    })
    const [worst] = found.sort((a, b) => b.p99Ms - a.p99Ms)
    if (worst === undefined)
      return { measure, ...LOOP_BOUND, outcome: 'not measured', note: `${side} loop p99 of the other rows` }
    const note = `${side} loop p99, worst of ${found.length} rows: ${worst.name}`
    const outcome = isWithin(worst.p99Ms, LOOP_BOUND) ? 'pass' : 'short'
    return { measure, ...LOOP_BOUND, measured: worst.p99Ms, outcome, note }
  })
}
