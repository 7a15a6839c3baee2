/** The one table, as lines of cells: what the text on the terminal and the one in the documentation have in common. */
import { median } from '../measure/statistics.js'
import type { Measure } from '../row.js'
import { formatBound, formatNumber, formatRange, formatValue } from './format.js'
import type { ContenderResult, RowResult, RunResult, Verdict } from './result.js'
import { ratioTo } from './verdicts.js'

export const COLUMNS = [
  'row',
  'measure',
  'contender',
  'median',
  'range',
  'fake-ssh / it',
  'loop p99, client / server',
  'asked',
  'verdict',
] as const

type Column = (typeof COLUMNS)[number]

/** Cells that are not named are empty. */
export type TableLine = { readonly [column in Column]?: string }

/** Readings with a column of their own rather than a line. */
const LOOPS = ['clientLoop', 'serverLoop', 'clientLoopMax', 'serverLoopMax']

export function tableLines({ rows }: RunResult): TableLine[] {
  return rows.flatMap((row) => {
    const [first, ...rest] = linesOf(row)
    // The name stands once, on the first line of its row.
    return first === undefined ? [] : [{ row: row.name, ...first }, ...rest]
  })
}

function linesOf(row: RowResult): TableLine[] {
  if (row.error !== undefined) return [{ measure: `not measured: ${row.error}`, verdict: 'failed' }]
  const measures = Object.entries(row.measures).filter(([name]) => !LOOPS.includes(name))
  const lines = measures.flatMap(([name, measure]) =>
    row.contenders
      .filter(({ readings, error }) => error === undefined && readings[name] !== undefined)
      .map((contender) => measuredLine(row, name, measure, contender)),
  )
  const failures = row.contenders
    .filter(({ error }) => error !== undefined)
    .map(({ name, error }) => ({ measure: `failed: ${error}`, contender: name, verdict: 'failed' }))
  return [...lines, ...failures, ...orphans(row)]
}

function measuredLine(row: RowResult, name: string, measure: Measure, contender: ContenderResult): TableLine {
  const values = contender.readings[name] ?? []
  const isSubject = contender.kind === 'subject'
  const ratio = isSubject ? undefined : ratioTo(contender.name, name, row.contenders)
  const verdicts = row.verdicts.filter(
    (verdict) => verdict.measure === name && (isSubject ? isPlain(verdict) : verdict.to === contender.name),
  )
  return {
    measure: measure.label,
    contender: contender.name,
    median: formatValue(median(values), measure.unit),
    range: formatRange(values),
    // Nothing divided by nothing says nothing.
    'fake-ssh / it': ratio === undefined || !Number.isFinite(ratio) ? '' : formatNumber(ratio),
    'loop p99, client / server': loopsOf(row, name, contender),
    ...asked(verdicts, measure),
  }
}

/** A summary over other rows is not about a contender's own readings. */
function isPlain({ to, note }: Verdict): boolean {
  return to === undefined && note === undefined
}

function asked(verdicts: readonly Verdict[], { unit }: Measure): TableLine {
  return {
    asked: verdicts.map((verdict) => formatBound(verdict, unit, verdict.to)).join('; '),
    verdict: verdicts.map(({ outcome }) => outcome).join('; '),
  }
}

/** Stands once for each contender, beside its first measure: it is one trial, however much is read off it. */
function loopsOf({ measures }: RowResult, name: string, { readings }: ContenderResult): string {
  if (Object.keys(measures).find((one) => readings[one] !== undefined) !== name) return ''
  const [client, server] = [readings.clientLoop, readings.serverLoop].map((values) =>
    values === undefined ? '–' : formatNumber(median(values)),
  )
  return client === '–' && server === '–' ? '' : `${client} / ${server} ms`
}

/** Verdicts that belong to no line above: of what could not be measured, and of the run as a whole. */
function orphans(row: RowResult): TableLine[] {
  return row.verdicts
    .filter((verdict) => verdict.note !== undefined || verdict.outcome === 'not measured')
    .filter((verdict) => verdict.note !== undefined || !hasLine(row, verdict))
    .map((verdict) => {
      const measure = row.measures[verdict.measure]
      const { measured, note } = verdict
      return {
        measure: note ?? measure?.label ?? verdict.measure,
        contender: 'fake-ssh',
        median: measured === undefined || measure === undefined ? '' : formatValue(measured, measure.unit),
        ...(measure === undefined ? {} : asked([verdict], measure)),
      }
    })
}

function hasLine({ contenders }: RowResult, { measure, to }: Verdict): boolean {
  return contenders.some(
    ({ name, kind, error, readings }) =>
      error === undefined &&
      readings[measure] !== undefined &&
      (to === undefined ? kind === 'subject' : name === to),
  )
}
