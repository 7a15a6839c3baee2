import { expect, test } from 'vitest'
import { LOOP_ROW, withLoopSummary } from '../../../../bench/report/loop-summary.js'
import { contenderResult, rowResult } from '../../../helpers/bench-results.js'

const row = (name: string, clientLoop: number[], serverLoop: number[]) =>
  rowResult({
    name,
    contenders: [
      contenderResult('fake-ssh', { clientLoop, serverLoop }),
      contenderResult('ssh2', { clientLoop: [500] }),
    ],
  })

const loopRow = rowResult({ name: LOOP_ROW })

test('the worst median of the subject is held against the bound, on each side', () => {
  const rows = withLoopSummary([row('get', [1, 5, 900], [3]), row('put', [4], [25, 30]), loopRow])
  expect(rows.at(-1)?.verdicts).toEqual([
    {
      measure: 'clientLoop',
      below: 20,
      measured: 5,
      outcome: 'pass',
      note: 'client loop p99, worst of 2 rows: get',
    },
    {
      measure: 'serverLoop',
      below: 20,
      measured: 27.5,
      outcome: 'short',
      note: 'server loop p99, worst of 2 rows: put',
    },
  ])
})

test('other rows stay as they are, and so does a run without the loop row', () => {
  const rows = [row('get', [1], [1])]
  expect(withLoopSummary(rows)).toEqual(rows)
})

test('alone, the loop row says that the others were not measured', () => {
  const [alone] = withLoopSummary([loopRow])
  expect(alone?.verdicts.map(({ outcome }) => outcome)).toEqual(['not measured', 'not measured'])
})

test('verdicts of the loop row itself are kept', () => {
  const verdict = { measure: 'rate', below: 20, measured: 1, outcome: 'pass' } as const
  const [first] = withLoopSummary([rowResult({ name: LOOP_ROW, verdicts: [verdict] })])
  expect(first?.verdicts[0]).toEqual(verdict)
  expect(first?.verdicts).toHaveLength(3)
})

test('a loop row that could not be measured is left alone', () => {
  const failed = rowResult({ name: LOOP_ROW, error: 'no memory' })
  expect(withLoopSummary([failed])).toEqual([failed])
})
