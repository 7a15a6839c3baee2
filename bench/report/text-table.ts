/** The table for a terminal. */
import type { RunResult } from './result.js'
import { runSummary } from './summary.js'
import { COLUMNS, tableLines } from './table-lines.js'

const GAP = '  '

export function textTable(result: RunResult): string {
  const header = Object.fromEntries(COLUMNS.map((column) => [column, column]))
  const lines = tableLines(result)
  const widths = COLUMNS.map((column) =>
    Math.max(...[header, ...lines].map((line) => (line[column] ?? '').length)),
  )
  const draw = (line: { readonly [column: string]: string | undefined }) =>
    COLUMNS.map((column, index) => (line[column] ?? '').padEnd(widths[index] ?? 0))
      .join(GAP)
      .trimEnd()
  const rule = widths.map((width) => '-'.repeat(width)).join(GAP)
  const body = lines.flatMap((line) => (line.row === undefined ? [draw(line)] : ['', draw(line)]))
  return [...runSummary(result), '', draw(header), rule, ...body.slice(1), ''].join('\n')
}
