/** `npm run bench:report -- FILE`: puts a run that `--json FILE` wrote into docs/benchmarks.md and docs/benchmarks.svg. */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { chart } from './report/chart.js'
import { markdownSection, replaceSection } from './report/markdown.js'
import type { RunResult } from './report/result.js'

const documentFile = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url))
const chartFile = fileURLToPath(new URL('../docs/benchmarks.svg', import.meta.url))

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('which file? npm run bench:report -- FILE')
const result = JSON.parse(await readFile(file, 'utf8')) as RunResult
if (result.version !== 1) throw new Error(`'${file}' is not what 'npm run bench -- --json' writes`)
await writeFile(documentFile, replaceSection(await readFile(documentFile, 'utf8'), markdownSection(result)))
await writeFile(chartFile, chart(result))
