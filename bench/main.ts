/** `npm run bench`: measures every row in one run, prints one table, and writes everything to a file if asked. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type BenchArguments, HELP, parseBenchArguments } from './arguments.js'
import { Bench } from './bench.js'
import { Cleanup } from './cleanup.js'
import { findTmpfs } from './measure/tmpfs.js'
import { requirePrograms } from './peers/programs.js'
import { withLoopSummary } from './report/loop-summary.js'
import { describeMachine } from './report/machine.js'
import type { RowResult, RunResult } from './report/result.js'
import { textTable } from './report/text-table.js'
import { ROWS } from './rows/all.js'
import { runRow } from './run-row.js'

const cleanup = new Cleanup()
let isInterrupted = false

async function run(args: BenchArguments): Promise<RunResult> {
  await requirePrograms()
  const directory = await mkdtemp(join((await findTmpfs()) ?? tmpdir(), 'fake-ssh-bench-'))
  cleanup.add(() => rm(directory, { recursive: true, force: true }))
  // The user that the peers log in as has to get in.
  await chmod(directory, 0o755)
  const profiles = args.profiles === undefined ? undefined : resolve(args.profiles)
  const bench = new Bench(directory, args.scale, cleanup, { profiles })
  await bench.prepare()
  const rows: RowResult[] = []
  for (const row of ROWS.filter(({ name }) => args.only.length === 0 || args.only.includes(name))) {
    if (isInterrupted) break
    const startedAt = performance.now()
    rows.push(await runRow(row, bench, { rounds: args.rounds, against: args.against }))
    console.error(`bench: ${row.name} took ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  }
  return {
    version: 1,
    takenAt: new Date().toISOString(),
    scale: args.scale,
    machine: await describeMachine(),
    rows: withLoopSummary(rows),
  }
}

async function main(): Promise<void> {
  const names = ROWS.map(({ name }) => name)
  const args = parseBenchArguments(process.argv.slice(2), names)
  if (args.wants === 'help') process.stdout.write(HELP)
  if (args.wants === 'list') for (const { name, title } of ROWS) console.log(`${name.padEnd(20)}${title}`)
  if (args.wants !== 'run') return
  const result = await run(args)
  // Whose signal it was says when to exit, once everything is undone.
  if (isInterrupted) return
  process.stdout.write(textTable(result))
  if (args.jsonFile !== undefined) await writeFile(args.jsonFile, `${JSON.stringify(result, null, 2)}\n`)
  // A threshold that was missed is a finding; a result that was wrong is a failure.
  const isWrong = result.rows.some(
    ({ error, contenders }) => error !== undefined || contenders.some((one) => one.error !== undefined),
  )
  if (isWrong) process.exitCode = 1
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    isInterrupted = true
    await cleanup.run().catch((error) => console.error(error))
    process.exit(130)
  })
}

try {
  await main()
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 2
} finally {
  await cleanup.run()
}
