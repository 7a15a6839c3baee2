// The unit and integration tests once more under every newer Node version we promise; the oldest one is what the
// developer or CI runs. Each version arrives through npx, so none has to be installed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeNeeding } from './requirements.js'

const VERSIONS = [22, 24, 26]
const TIMEOUT_MS = 600_000
/** What they show of a version does not need all of it again. */
const SMALLER = { TEST_SHARE: '0.1' }
const root = fileURLToPath(new URL('../..', import.meta.url))

describeNeeding('Node versions', { programs: ['npx'] }, () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fake-ssh-matrix-'))
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  test.each(VERSIONS)(
    'unit and integration tests pass on Node %i',
    { timeout: TIMEOUT_MS },
    async (version) => {
      const report = join(directory, `node-${version}.json`)
      const vitest = `node node_modules/vitest/vitest.mjs run --project unit --project integration --reporter=json --outputFile=${report}`
      const { code, output } = await run('npx', [
        '-y',
        '-p',
        `node@${version}`,
        '-c',
        `node -p process.version && ${vitest}`,
      ])
      expect(output).toMatch(new RegExp(`^v${version}\\.`, 'm'))
      const results = await readFile(report, 'utf8').then(JSON.parse, () => undefined)
      expect(results, output).toBeDefined()
      expect(failures(results), output).toEqual([])
      expect(results.numPassedTests).toBeGreaterThan(0)
      expect(code, output).toBe(0)
    },
  )
})

interface Assertion {
  status: string
  fullName: string
  failureMessages: string[]
}

interface Report {
  testResults: { name: string; message: string; assertionResults: Assertion[] }[]
}

function failures({ testResults }: Report): string[] {
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join('\n')}`)
    return message ? [`${name}: ${message}`, ...failed] : failed
  })
}

async function run(command: string, args: string[]): Promise<{ code: number | null; output: string }> {
  // The outer vitest marks its workers by environment variables that would confuse the inner one.
  const isOurs = (name: string) => !/^(VITEST|TEST$|NODE_ENV$|NODE_OPTIONS$|npm_)/.test(name)
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => isOurs(name))),
    ...SMALLER,
  }
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code, output: stdout + stderr }
}
