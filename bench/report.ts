/**
 * `npm run bench:report -- FILE...`: puts a run that `--json FILE` wrote into docs/benchmarks.md and docs/benchmarks.svg. Rows of further files
 * take the place of those of the first.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { chart } from './report/chart.js'
import { markdownSection, replaceSection } from './report/markdown.js'
import { mergedRuns } from './report/merged-runs.js'
import type { RunResult } from './report/result.js'

const documentFile = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url))
const chartFile = fileURLToPath(new URL('../docs/benchmarks.svg', import.meta.url))

const [file, ...more] = process.argv.slice(2)
if (file === undefined) throw new Error('which file? npm run bench:report -- FILE...')
const result = mergedRuns(await readRun(file), ...(await Promise.all(more.map(readRun))))
await writeFile(documentFile, replaceSection(await readFile(documentFile, 'utf8'), markdownSection(result)))
await writeFile(chartFile, chart(result))

async function readRun(path: string): Promise<RunResult> {
  const run = JSON.parse(await readFile(path, 'utf8')) as RunResult
  if (run.version !== 1) throw new Error(`'${path}' is not what 'npm run bench -- --json' writes`)
  return run
}
