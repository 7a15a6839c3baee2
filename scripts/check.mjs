// Runs the named checks, or all of them, and ends with one line `N passed, N failed`. A script because that line must
// come from real counts: tests are counted from vitest's JSON report, every other check counts as one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const reports = `${root}/.reports`

/** @typedef {{ passed: number, failed: number }} Count */
/** @typedef {{ command: string, counted?: boolean }} Step */

const VITEST = 'vitest run --reporter=default --reporter=json'

/** In the order they run. `counted` steps write a vitest report. @type {Record<string, Step>} */
const STEPS = {
  lint: { command: 'npm run --silent lint' },
  typecheck: { command: 'npm run --silent typecheck' },
  knip: { command: 'knip' },
  build: { command: 'node scripts/build.mjs' },
  test: { command: VITEST, counted: true },
  types: { command: 'tsd' },
  api: { command: 'node scripts/api-report.mjs' },
  coverage: { command: 'npm run --silent test:coverage' },
  package: { command: 'npm run --silent package' },
  system: { command: `${VITEST} --config vitest.system.config.ts`, counted: true },
}

/** @param {string} command */
async function succeeds(command) {
  const env = { ...process.env, PATH: `${root}/node_modules/.bin:${process.env.PATH}` }
  const child = spawn('/bin/sh', ['-c', command], { cwd: root, env, stdio: 'inherit' })
  const [code] = await once(child, 'close')
  return code === 0
}

/** @param {string} name @param {Step} step @returns {Promise<Count>} */
async function run(name, step) {
  const report = `${reports}/${name}.json`
  await rm(report, { force: true })
  const ok = await succeeds(step.counted ? `${step.command} --outputFile.json=${report}` : step.command)
  if (!step.counted) return ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
  const {
    numPassedTests: passed,
    numFailedTests,
    numPendingTests,
  } = await readFile(report, 'utf8').then(
    (text) => JSON.parse(text),
    () => ({ numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 }),
  )
  if (numPendingTests > 0) console.log(`${name}: ${numPendingTests} skipped`)
  // A file that does not load, or a run without tests, fails although no single test did.
  return { passed, failed: ok ? numFailedTests : Math.max(numFailedTests, 1) }
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(STEPS)
const total = { passed: 0, failed: 0 }
/** @type {string[]} */
const failing = []

await mkdir(reports, { recursive: true })
for (const name of names) {
  const step = STEPS[name]
  if (!step) throw new RangeError(`unknown check '${name}', known are: ${Object.keys(STEPS).join(', ')}`)
  console.log(`\n== ${name}`)
  const count = await run(name, step)
  total.passed += count.passed
  total.failed += count.failed
  if (count.failed > 0) failing.push(name)
  // What follows would test an old build, or none.
  if (name === 'build' && count.failed > 0) break
}

if (failing.length > 0) console.log(`\nfailing: ${failing.join(', ')}`)
console.log(`\n${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
