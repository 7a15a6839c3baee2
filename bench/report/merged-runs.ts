/** Several runs as one: rows that were measured again take the place of what they were. */
import { isDeepStrictEqual } from 'node:util'
import { withLoopSummary } from './loop-summary.js'
import type { RunResult } from './result.js'

/**
 * The first run, with the rows of the later ones in place of its own of the same name. A row is never put together from two runs, so
 * every figure still stands beside its peers. Throws when the runs are not of one machine and one scale, or a later one has a row that
 * the first one lacks.
 */
export function mergedRuns(first: RunResult, ...later: readonly RunResult[]): RunResult {
  let merged = first
  for (const run of later) merged = withRowsOf(run, merged)
  return merged
}

function withRowsOf(run: RunResult, merged: RunResult): RunResult {
  if (run.scale !== merged.scale || !isDeepStrictEqual(run.machine, merged.machine))
    throw new Error(
      `the run of ${run.takenAt} was not made on the machine, or at the scale, of the first one`,
    )
  const names = run.rows.map(({ name }) => name)
  const unknown = names.find((name) => !merged.rows.some((row) => row.name === name))
  if (unknown !== undefined) throw new Error(`the first run has no row '${unknown}'`)
  const rows = merged.rows.map((row) => run.rows.find(({ name }) => name === row.name) ?? row)
  const again = [...(merged.again ?? []), { takenAt: run.takenAt, rows: names }]
  return { ...merged, rows: withLoopSummary(rows), again }
}
