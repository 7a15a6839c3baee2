// The benchmark itself, at a hundredth of its size: every row is measured, with every peer, and nobody moves a wrong byte. What the figures
// are does not matter here.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunResult } from '../../bench/report/result.js'
import { describeNeeding } from './requirements.js'

const TIMEOUT_MS = 600_000
const ROUNDS = 1
const root = fileURLToPath(new URL('../..', import.meta.url))

const ONE_FILE = ['ssh2', 'ssh2, no delay', 'scp', 'sftp', 'rsync -W', 'tar | ssh', 'cp', 'TLS pump']
const EXEC = ['ssh2', 'ControlMaster', 'local spawn']

/** Whom each row has to show beside fake-ssh, and to how many thresholds it is held. */
const ROWS: { readonly [row: string]: { readonly peers: readonly string[]; readonly thresholds: number } } = {
  get: { peers: ['fake-ssh get()', ...ONE_FILE], thresholds: 3 },
  put: { peers: ['fake-ssh put()', ...ONE_FILE], thresholds: 3 },
  'exec-sequence': { peers: EXEC, thresholds: 2 },
  'exec-at-once': { peers: EXEC, thresholds: 2 },
  'exec-heap': { peers: EXEC, thresholds: 4 },
  'exec-stdout': { peers: ['fake-ssh, 1 GiB of stderr', 'ssh2', 'ssh2, no delay'], thresholds: 1 },
  'transfers-at-once': { peers: ['fake-ssh, one', 'ssh2', 'ssh2, one'], thresholds: 6 },
  'exec-under-load': { peers: ['ssh2', 'ControlMaster'], thresholds: 1 },
  'first-result': { peers: ['ssh2', 'cold ssh'], thresholds: 1 },
  'round-trip': { peers: ['ssh2', 'ssh2, at once', 'scp', 'TLS pump'], thresholds: 3 },
  memory: { peers: ['ssh2'], thresholds: 6 },
  'idle-connections': { peers: ['ssh2', 'bare TLS'], thresholds: 1 },
  'event-loop': { peers: ['ssh2'], thresholds: 10 },
}

describeNeeding('npm run bench', { root: true, programs: ['apt-get', 'useradd'] }, () => {
  let directory: string
  let output: string
  let code: number | null
  let result: RunResult
  /** Of another run that may be going on. */
  let tracesBefore: readonly string[]

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fake-ssh-bench-test-'))
    tracesBefore = await traces()
    const file = join(directory, 'result.json')
    const args = ['run', '--silent', 'bench', '--', '--scale', '0.01', '--rounds', String(ROUNDS)]
    ;({ code, output } = await run('npm', [...args, '--json', file]))
    result = JSON.parse(await readFile(file, 'utf8'))
  }, TIMEOUT_MS)
  afterAll(() => rm(directory, { recursive: true, force: true }))

  test('it succeeds, whatever the figures are', () => {
    expect(code, output).toBe(0)
    expect(result).toMatchObject({ version: 1, scale: 0.01 })
  })

  test('it has exactly the rows that are asked for, all of them measured', () => {
    expect(result.rows.map(({ name }) => name)).toEqual(Object.keys(ROWS))
    expect(result.rows.flatMap(({ name, error }) => (error === undefined ? [] : [name, error]))).toEqual([])
  })

  test.each(Object.entries(ROWS))('%s is measured beside every peer', (name, { peers, thresholds }) => {
    const row = result.rows.find((one) => one.name === name)
    expect(row?.contenders.map((contender) => contender.name).sort()).toEqual(['fake-ssh', ...peers].sort())
    for (const { error, readings } of row?.contenders ?? []) {
      expect(error).toBeUndefined()
      expect(Object.keys(readings).length).toBeGreaterThan(0)
      for (const values of Object.values(readings)) {
        expect(values).toHaveLength(ROUNDS)
        expect(values.every(Number.isFinite)).toBe(true)
      }
    }
    expect(row?.verdicts).toHaveLength(thresholds)
    expect(row?.verdicts.filter(({ outcome }) => outcome === 'not measured')).toEqual([])
  })

  test('both event loops are watched in every row', () => {
    for (const { name, contenders } of result.rows.filter((row) => row.name !== 'event-loop')) {
      const subject = contenders.find(({ kind }) => kind === 'subject')
      expect(Object.keys(subject?.readings ?? {}), name).toEqual(
        expect.arrayContaining(['clientLoop', 'serverLoop']),
      )
    }
  })

  test('the one table on stdout has every row', () => {
    for (const row of Object.keys(ROWS)) expect(output).toMatch(new RegExp(`^${row} `, 'm'))
    expect(output.match(/^row +measure/gm)).toHaveLength(1)
  })

  test('it leaves neither files nor users', async () => {
    const now = await traces()
    expect(now.filter((name) => !tracesBefore.includes(name))).toEqual([])
  })

  test('it says what it can do, and refuses what it cannot', { timeout: TIMEOUT_MS }, async () => {
    const list = await run('npm', ['run', '--silent', 'bench', '--', '--list'])
    for (const row of Object.keys(ROWS)) expect(list.output).toContain(row)
    const refused = await run('npm', ['run', '--silent', 'bench', '--', '--only', 'nothing'])
    expect(refused.code).not.toBe(0)
    expect(refused.output).toContain("no row is called 'nothing'")
  })
})

/** Directories and users that a run makes. */
async function traces(): Promise<string[]> {
  const directories = await Promise.all(['/dev/shm', tmpdir()].map((path) => readdir(path)))
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':')[0] ?? '')
  const isOurs = (name: string) => /^fake-ssh-bench-(?!test-)|^fakesshbench/.test(name)
  return [...directories.flat(), ...users].filter(isOurs)
}

async function run(
  command: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code, output: stdout + stderr }
}
