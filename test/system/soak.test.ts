// Half a minute of the soak: mixed load through every fault, nothing lost.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { describeNeeding } from './requirements.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const TIMEOUT_MS = 240_000

async function soak(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn('npm', ['run', '--silent', 'soak', '--', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code, output: stdout + stderr }
}

describeNeeding('npm run soak', { programs: ['npm', 'seq'] }, () => {
  test('half a minute: many operations and faults, no losses', { timeout: TIMEOUT_MS }, async () => {
    const { code, output } = await soak('--minutes', '0.5', '--seed', '20261123')
    expect(code, output).toBe(0)
    expect(output).toMatch(/^losses {6}0$/m)
    const count = (name: string) => Number(new RegExp(`^${name} +(\\d+)`, 'm').exec(output)?.[1])
    expect(count('operations'), output).toBeGreaterThan(200)
    expect(count('faults'), output).toBeGreaterThan(10)
    expect(count('failures'), output).toBeGreaterThan(5)
    for (const moment of ['start', 'end'])
      expect(output).toMatch(new RegExp(`^${moment} .*server \\d+ MiB \\d+ handles; client 0 \\d+ MiB`, 'm'))
  })

  test('what it cannot do it refuses', { timeout: TIMEOUT_MS }, async () => {
    expect(await soak('--minutes', 'long')).toMatchObject({
      code: 2,
      output: expect.stringContaining('--minutes'),
    })
  })
})
