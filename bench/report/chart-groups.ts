/** What the chart shows: one group of bars for each measure that is asked about. */
import { median } from '../measure/statistics.js'
import type { ContenderKind, Measure } from '../row.js'
import type { RowResult, RunResult, Verdict } from './result.js'

export interface Bar {
  readonly name: string
  readonly kind: ContenderKind
  readonly value: number
}

export interface ChartGroup {
  readonly title: string
  readonly measure: Measure
  readonly bars: readonly Bar[]
  /** Values that the subject's bar has to reach, or to stay below. */
  readonly marks: readonly number[]
}

export function chartGroups({ rows }: RunResult): ChartGroup[] {
  return rows.flatMap((row) =>
    chartedMeasures(row).flatMap((name) => {
      const measure = row.measures[name]
      if (measure === undefined) return []
      const bars = barsOf(row, name)
      const verdicts = row.verdicts.filter((verdict) => verdict.measure === name)
      const marks = verdicts.flatMap((verdict) => markOf(verdict, bars))
      const title = `${row.name}: ${measure.label}`
      return bars.length === 0 ? [] : [{ title, measure, bars, marks }]
    }),
  )
}

/** Those that are compared with somebody; where none is, the first that is held to a value. */
function chartedMeasures({ verdicts }: RowResult): string[] {
  const compared = verdicts.filter(({ to }) => to !== undefined).map(({ measure }) => measure)
  return [...new Set(compared.length > 0 ? compared : verdicts.slice(0, 1).map(({ measure }) => measure))]
}

function barsOf({ contenders }: RowResult, name: string): Bar[] {
  return contenders.flatMap((contender) => {
    const values = contender.readings[name]
    if (values === undefined || values.length === 0 || contender.error !== undefined) return []
    return [{ name: contender.name, kind: contender.kind, value: median(values) }]
  })
}

function markOf({ to, atLeast, atMost, below }: Verdict, bars: readonly Bar[]): number[] {
  const factor = atLeast ?? atMost ?? below
  const unit = to === undefined ? 1 : bars.find(({ name }) => name === to)?.value
  return factor === undefined || unit === undefined ? [] : [factor * unit]
}
