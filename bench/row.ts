/** What the bench measures: a row of the table as it is declared, and what takes part in it. */
import type { Bench } from './bench.js'
import type { Cleanup } from './cleanup.js'
import type { Watchable } from './peers/worker.js'

export type Unit = 'MiB/s' | 'ms' | 'MiB' | 'KiB' | '1/s' | '× fair'

/** One thing that is read off a trial. */
export interface Measure {
  readonly label: string
  readonly unit: Unit
  readonly better: 'more' | 'less'
}

/** The numbers of one trial, by measure. A contender need not have a reading for every measure of its row. */
export type Readings = { readonly [measure: string]: number }

/** `subject`: what the thresholds are about, one a row. `ours`: this library in another way. `limit`: what nothing can beat by much. */
export type ContenderKind = 'subject' | 'ours' | 'peer' | 'limit'

export interface Contender {
  readonly name: string
  readonly kind: ContenderKind
  /** Does the work once, checks that it was done, and tells what it took. Rejects when the result was wrong. */
  trial(): Promise<Readings>
  /** Processes whose event-loop delay is watched during the trials. The client is killed when a trial hangs. */
  readonly client?: Watchable | undefined
  readonly server?: Watchable | undefined
}

/** What a measured number is held to. Exactly one of the three is given. */
export interface Bound {
  readonly atLeast?: number
  readonly atMost?: number
  readonly below?: number
}

/** What the issue at hand asks of the subject: a ratio to another contender, or without `to` a plain value. */
export interface Threshold extends Bound {
  readonly measure: string
  readonly to?: string
}

export interface Row {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  /** How it is measured, for the documentation: full sentences. */
  readonly what: string
  /** Counted rounds; each runs every contender once, in order. */
  readonly rounds: number
  /** Rounds before those, not counted. Default 1. */
  readonly warmups?: number
  readonly measures: { readonly [name: string]: Measure }
  readonly thresholds: readonly Threshold[]
  /** Starts what the row needs. What has to be undone goes into `cleanup`. */
  open(bench: Bench, cleanup: Cleanup): Promise<readonly Contender[]>
}
