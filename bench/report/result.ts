/** What a run found out: what `--json` writes, and what the table and the chart are made from. */
import type { Bound, ContenderKind, Measure } from '../row.js'

export interface RunResult {
  readonly version: 1
  readonly takenAt: string
  /** 1, unless the run was a trial of the bench itself: then no number means anything. */
  readonly scale: number
  readonly machine: Machine
  readonly rows: readonly RowResult[]
  /** Rows that were measured again later, and took the place of what they were. */
  readonly again?: readonly { readonly takenAt: string; readonly rows: readonly string[] }[]
}

/** What the numbers depend on. */
export interface Machine {
  readonly cpu: string
  readonly cpus: number
  readonly memoryBytes: number
  readonly system: string
  readonly node: string
  /** Of every program and package that was measured, by name. */
  readonly versions: { readonly [name: string]: string }
}

export interface RowResult {
  readonly name: string
  readonly title: string
  readonly what: string
  readonly measures: { readonly [name: string]: Measure }
  readonly contenders: readonly ContenderResult[]
  readonly verdicts: readonly Verdict[]
  /** Why the row could not be measured at all. */
  readonly error?: string
}

export interface ContenderResult {
  readonly name: string
  readonly kind: ContenderKind
  /** One reading a round, by measure. */
  readonly readings: { readonly [measure: string]: readonly number[] }
  /** What went wrong, after which it was measured no more. */
  readonly error?: string
}

type Outcome = 'pass' | 'short' | 'not measured'

/** A threshold, and what became of it. */
export interface Verdict extends Bound {
  readonly measure: string
  /** The contender that it is a ratio to; without it, it is about the value itself. */
  readonly to?: string
  /** The median of the ratios within each round, or the median of the values. */
  readonly measured?: number
  readonly outcome: Outcome
  /** Further facts, such as which row was the worst. */
  readonly note?: string
}
