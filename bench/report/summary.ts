/** A run in a few lines: on what, with what, and how much of what was asked for was met. */
import type { RunResult } from './result.js'

export function runSummary({ takenAt, scale, machine, rows, again = [] }: RunResult): string[] {
  const { cpus, cpu, memoryBytes, system, node, versions } = machine
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`
  const outcomes = rows.flatMap(({ verdicts }) => verdicts.map(({ outcome }) => outcome))
  const count = (wanted: string) => outcomes.filter((outcome) => outcome === wanted).length
  const unmeasured = count('not measured')
  return [
    `${takenAt.slice(0, 10)}, ${cpus} CPUs (${cpu}), ${memory}, ${system}, Node ${node}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `${count('pass')} of ${outcomes.length} thresholds met, ${count('short')} short${unmeasured > 0 ? `, ${unmeasured} not measured` : ''}`,
    ...again.map(
      (later) =>
        `measured again, with their peers, on ${later.takenAt.slice(0, 10)}: ${later.rows.join(', ')}`,
    ),
    ...(scale === 1 ? [] : [`at scale ${scale}: this run tries the bench, its figures mean nothing`]),
  ]
}
