import { expect, test } from 'vitest'
import { runSummary } from '../../../../bench/report/summary.js'
import { rowResult, runResult } from '../../../helpers/bench-results.js'

const PASS = { measure: 'rate', atLeast: 1, measured: 2, outcome: 'pass' } as const
const SHORT = { ...PASS, outcome: 'short' } as const
const UNMEASURED = { measure: 'rate', atLeast: 1, outcome: 'not measured' } as const

test('a run says on what, with what, and how much was met', () => {
  const run = runResult([rowResult({ verdicts: [PASS, SHORT] }), rowResult({ verdicts: [PASS] })])
  expect(runSummary(run)).toEqual([
    '2026-01-02, 2 CPUs (Abacus), 8 GiB, Linux 6.1, Node v20.19.0',
    'OpenSSH 9.2p1, ssh2 1.17.0',
    '2 of 3 thresholds met, 1 short',
  ])
})

test('what was not measured is not passed over', () => {
  const [, , met] = runSummary(runResult([rowResult({ verdicts: [PASS, UNMEASURED] })]))
  expect(met).toBe('1 of 2 thresholds met, 0 short, 1 not measured')
})

test('a scaled run says that it means nothing', () => {
  const lines = runSummary(runResult([], { scale: 0.01 }))
  expect(lines.at(-1)).toContain('at scale 0.01')
})
