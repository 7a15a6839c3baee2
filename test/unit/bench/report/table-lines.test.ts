import { expect, test } from 'vitest'
import type { RowResult } from '../../../../bench/report/result.js'
import { type TableLine, tableLines } from '../../../../bench/report/table-lines.js'
import { textTable } from '../../../../bench/report/text-table.js'
import { LOOP_MEASURES } from '../../../../bench/run-row.js'
import { contenderResult, RATE, rowResult, runResult, TIME } from '../../../helpers/bench-results.js'

const ROW = rowResult({
  measures: { rate: RATE, time: TIME, ...LOOP_MEASURES },
  contenders: [
    contenderResult('fake-ssh', {
      rate: [300, 320],
      time: [2, 4],
      clientLoop: [1, 3],
      serverLoop: [0.5],
      clientLoopMax: [9],
    }),
    contenderResult('scp', { rate: [200, 160] }),
    contenderResult('rsync', {}, { error: 'exited with 1' }),
  ],
  verdicts: [
    { measure: 'rate', to: 'scp', atLeast: 1.5, measured: 1.75, outcome: 'pass' },
    { measure: 'time', below: 2, measured: 3, outcome: 'short' },
    { measure: 'rate', to: 'rsync', atLeast: 1, outcome: 'not measured' },
  ],
})

const linesOf = (row: RowResult) => tableLines(runResult([row]))

function find(lines: readonly TableLine[], contender: string, measure: string): TableLine | undefined {
  return lines.find((line) => line.contender === contender && line.measure === measure)
}

test('every contender has a line for each of its measures', () => {
  const lines = linesOf(ROW)
  expect(find(lines, 'fake-ssh', 'throughput')).toMatchObject({
    median: '310 MiB/s',
    range: '300 to 320',
    'fake-ssh / it': '',
  })
  expect(find(lines, 'fake-ssh', 'time')).toMatchObject({ median: '3.00 ms' })
  expect(find(lines, 'scp', 'time')).toBeUndefined()
})

test('a threshold stands beside whom it is about', () => {
  const lines = linesOf(ROW)
  expect(find(lines, 'scp', 'throughput')).toMatchObject({
    'fake-ssh / it': '1.75',
    asked: '≥ 1.5 × scp',
    verdict: 'pass',
  })
  expect(find(lines, 'fake-ssh', 'time')).toMatchObject({ asked: '< 2 ms', verdict: 'short' })
  expect(find(lines, 'fake-ssh', 'throughput')).toMatchObject({ asked: '', verdict: '' })
})

test('the event loop stands once for each contender', () => {
  const lines = linesOf(ROW)
  expect(find(lines, 'fake-ssh', 'throughput')?.['loop p99, client / server']).toBe('2.00 / 0.50 ms')
  expect(find(lines, 'fake-ssh', 'time')?.['loop p99, client / server']).toBe('')
  expect(find(lines, 'scp', 'throughput')?.['loop p99, client / server']).toBe('')
  expect(lines.some(({ measure }) => measure?.includes('loop'))).toBe(false)
})

test('who failed says why, and what was asked of it is not lost', () => {
  const lines = linesOf(ROW)
  expect(find(lines, 'rsync', 'failed: exited with 1')).toMatchObject({ verdict: 'failed' })
  expect(lines.find(({ asked }) => asked === '≥ 1 × rsync')).toMatchObject({ verdict: 'not measured' })
})

test('the name of the row stands on its first line only', () => {
  const lines = tableLines(runResult([ROW, { ...ROW, name: 'put' }]))
  expect(lines.flatMap(({ row }) => (row === undefined ? [] : [row]))).toEqual(['get', 'put'])
  expect(lines[0]?.row).toBe('get')
})

test('a row that could not be measured is one line', () => {
  const lines = linesOf(rowResult({ error: 'no space' }))
  expect(lines).toEqual([{ row: 'get', measure: 'not measured: no space', verdict: 'failed' }])
})

test('nothing divided by nothing is left out', () => {
  const zero = { rate: [0] }
  const lines = linesOf(
    rowResult({ contenders: [contenderResult('fake-ssh', zero), contenderResult('scp', zero)] }),
  )
  expect(find(lines, 'scp', 'throughput')?.['fake-ssh / it']).toBe('')
})

test('a verdict about other rows has a line of its own', () => {
  const note = 'client loop p99, worst of 3 rows: put'
  const verdict = { measure: 'clientLoop', below: 20, measured: 12, outcome: 'pass', note } as const
  const lines = linesOf({ ...ROW, verdicts: [verdict] })
  expect(lines.at(-1)).toMatchObject({ measure: note, median: '12.0 ms', asked: '< 20 ms', verdict: 'pass' })
  expect(lines.filter(({ verdict: outcome }) => outcome === 'pass')).toHaveLength(1)
})

test('the text has aligned columns and no trailing blanks', () => {
  const text = textTable(runResult([ROW, { ...ROW, name: 'put' }]))
  const lines = text.split('\n')
  const header = lines.findIndex((line) => line.startsWith('row '))
  const at = lines[header]?.indexOf('median') ?? -1
  const medians = lines.slice(header + 2).map((line) => line.slice(at, at + 4))
  expect(medians.filter((cell) => cell === '310 ')).toHaveLength(2)
  for (const line of lines) expect(line).toBe(line.trimEnd())
  expect(text.endsWith('\n')).toBe(true)
})
