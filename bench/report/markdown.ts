/** The part of docs/benchmarks.md that comes from a run. */
import type { RunResult } from './result.js'
import { runSummary } from './summary.js'
import { COLUMNS, type TableLine, tableLines } from './table-lines.js'

const BEGIN = '<!-- results: begin -->'
const END = '<!-- results: end -->'

/** What the document says between its markers: the run, the table, and what the rows mean. */
export function markdownSection(result: RunResult): string {
  const rule = COLUMNS.map(() => '---')
  const header = Object.fromEntries(COLUMNS.map((column) => [column, column]))
  const table = [header, Object.fromEntries(COLUMNS.map((column, at) => [column, rule[at]]))]
    .concat(tableLines(result).map(emphasised))
    .map((line) => `| ${COLUMNS.map((column) => escapeCell(line[column] ?? '')).join(' | ')} |`)
  const meanings = result.rows.map(({ name, title, what }) => `- **${name}**: ${title}. ${what}`)
  return [
    ...runSummary(result).map((line) => `${line}.  `),
    '',
    ...table,
    '',
    '### What each row is',
    '',
    ...meanings,
  ].join('\n')
}

/** The document with the section between its markers replaced. Throws when they are not there. */
export function replaceSection(document: string, section: string): string {
  const begin = document.indexOf(BEGIN)
  const end = document.indexOf(END)
  if (begin === -1 || end < begin) throw new Error(`the document has no '${BEGIN}' before '${END}'`)
  return `${document.slice(0, begin + BEGIN.length)}\n\n${section}\n\n${document.slice(end)}`
}

/** Names of rows, and what falls short, are what the eye should find. */
function emphasised(line: TableLine): TableLine {
  const { row, verdict } = line
  return {
    ...line,
    ...(row === undefined ? {} : { row: `**${row}**` }),
    ...(verdict === undefined ? {} : { verdict: verdict.replace(/short|failed/g, '**$&**') }),
  }
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|')
}
