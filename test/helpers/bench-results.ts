// Results of the bench as they would come of a run, for what reads them.
import type { ContenderResult, RowResult, RunResult } from '../../bench/report/result.js'

export const RATE = { label: 'throughput', unit: 'MiB/s', better: 'more' } as const
export const TIME = { label: 'time', unit: 'ms', better: 'less' } as const

export function contenderResult(
  name: string,
  readings: ContenderResult['readings'],
  more: Partial<ContenderResult> = {},
): ContenderResult {
  return { name, kind: name === 'fake-ssh' ? 'subject' : 'peer', readings, ...more }
}

export function rowResult(more: Partial<RowResult> = {}): RowResult {
  return {
    name: 'get',
    title: 'get a file',
    what: 'Gets a file.',
    measures: { rate: RATE },
    contenders: [],
    verdicts: [],
    ...more,
  }
}

export function runResult(rows: readonly RowResult[], more: Partial<RunResult> = {}): RunResult {
  return {
    version: 1,
    takenAt: '2026-01-02T03:04:05.678Z',
    scale: 1,
    machine: {
      cpu: 'Abacus',
      cpus: 2,
      memoryBytes: 8 * 2 ** 30,
      system: 'Linux 6.1',
      node: 'v20.19.0',
      versions: { OpenSSH: '9.2p1', ssh2: '1.17.0' },
    },
    rows,
    ...more,
  }
}
