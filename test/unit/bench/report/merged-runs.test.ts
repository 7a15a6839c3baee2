import { describe, expect, test } from 'vitest'
import { withLoopSummary } from '../../../../bench/report/loop-summary.js'
import { markdownSection } from '../../../../bench/report/markdown.js'
import { mergedRuns } from '../../../../bench/report/merged-runs.js'
import { contenderResult, rowResult, runResult } from '../../../helpers/bench-results.js'

const row = (name: string, rate: number, loopMs = 1) =>
  rowResult({
    name,
    contenders: [contenderResult('fake-ssh', { rate: [rate], clientLoop: [loopMs], serverLoop: [1] })],
  })
const first = runResult(
  withLoopSummary([row('get', 1, 30), row('put', 2), rowResult({ name: 'event-loop' })]),
)

describe('rows that were measured again', () => {
  const again = runResult([row('get', 7, 3)], { takenAt: '2026-01-03T00:00:00.000Z' })
  const merged = mergedRuns(first, again)

  test('take the place of what they were, and the others stay', () => {
    expect(merged.rows.map(({ name, contenders }) => [name, contenders[0]?.readings.rate?.[0]])).toEqual([
      ['get', 7],
      ['put', 2],
      ['event-loop', undefined],
    ])
  })

  test('count for what is said of all rows, once', () => {
    const verdictsOf = (run: typeof first) =>
      run.rows.at(-1)?.verdicts.map(({ outcome, note }) => [outcome, note])
    expect(verdictsOf(first)?.[0]).toEqual(['short', 'client loop p99, worst of 2 rows: get'])
    expect(verdictsOf(merged)).toEqual([
      ['pass', 'client loop p99, worst of 2 rows: get'],
      ['pass', 'server loop p99, worst of 2 rows: get'],
    ])
  })

  test('are named where the run is described', () => {
    expect(markdownSection(merged)).toContain('measured again, with their peers, on 2026-01-03: get.')
    expect(markdownSection(first)).not.toContain('again')
  })
})

test('nothing to merge changes nothing', () => {
  expect(mergedRuns(first)).toBe(first)
})

test.each([
  [
    { scale: 0.5 },
    [row('get', 1)],
    'the run of 2026-01-02T03:04:05.678Z was not made on the machine, or at the scale',
  ],
  [{ machine: { ...first.machine, cpus: 4 } }, [row('get', 1)], 'was not made on the machine'],
  [{}, [row('copy', 1)], "the first run has no row 'copy'"],
])('%j is refused', (more, rows, message) => {
  expect(() => mergedRuns(first, runResult(rows, more))).toThrow(message)
})
