// `npm run demo` without its build: the whole of it, from a pipe, at a terminal, and cut short.
import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { ExampleSandbox, exampleArguments, repository } from '../helpers/example-sandbox.js'
import { CTRL_C, Terminal } from '../helpers/terminal.js'

const sandbox = new ExampleSandbox()
const TIMEOUT_MS = 60_000

afterEach(() => {
  expect(sandbox.leftovers()).toEqual([])
  expect(sandbox.survivors()).toEqual([])
})

test('it shows everything it promises, and leaves nothing behind', { timeout: TIMEOUT_MS }, async () => {
  const { exitCode, stdout, stderr } = await sandbox.run('demo')
  expect({ exitCode, stderr }, stdout).toEqual({ exitCode: 0, stderr: '' })
  const sections = stdout.split(/\n\n(?=\d\. )/)
  const [, server, upload, run, download, directory, missing, damage, end] = sections
  expect(sections).toHaveLength(9)
  expect(server).toMatch(
    /process \d+ serves an empty directory; process \d+ is connected to 127\.0\.0\.1:\d+/,
  )

  expect(upload).toContain(`put ${process.execPath} node\n`)
  expect(upload).toMatch(/ 100 % {2}\d.* MiB, .*\/s\n/)
  expect(run).toMatch(new RegExp(`\\d ms {2}stdout {2}${process.version}\n`))
  expect(run).toMatch(/\d ms {2}stderr {2}this line came over stderr\n/)
  expect(run).toContain('exit code 7\n')
  const [, proved] = download?.match(/checksum event +([0-9a-f]{64})\n/) ?? []
  expect(proved).toBeDefined()
  expect(download).toContain(`$ sha256sum node        ${proved}\n`)

  expect(directory).toMatch(/\$ cd \.\.\n {3}\$ find \.\n {5}\.\n {5}\.\/today\n/)
  expect(missing).toMatch(/\n {3}ENOENT: .*no-such-file/)
  expect(damage).toMatch(/\n {3}ERR_FAKESSH_PROTOCOL: put 'report\.txt': /)
  expect(damage).toMatch(/\n {3}ERR_FAKESSH_DIGEST_MISMATCH: download 'report\.txt': /)
  const digests = [...(damage ?? '').matchAll(/sha256 of what [\w ]+ ([0-9a-f]{64})/g)].map(
    ([, digest]) => digest,
  )
  expect(new Set(digests).size).toBe(2)
  expect(stdout.match(/✓/g)).toHaveLength(13)
  expect(end).toMatch(/\n13 checks passed, 0 failed\n$/)
})

test('at a terminal it has progress bars', { timeout: TIMEOUT_MS }, async () => {
  const terminal = new Terminal(process.execPath, exampleArguments('demo'), {
    cwd: repository,
    env: sandbox.environment(),
  })
  await terminal.shows(/node +█+░* +\d+% \| .*iB of .*iB \| .*iB\/s/)
  await terminal.shows(/13 checks passed, 0 failed\n/)
  expect(await terminal.ended).toMatchObject({ exitCode: 0 })
  // The cursor is shown again.
  expect(terminal.raw.lastIndexOf('\x1b[?25h')).toBeGreaterThan(terminal.raw.lastIndexOf('\x1b[?25l'))
})

test.each([
  ['before the server is up', /fake-ssh between two processes/],
  ['in the middle of the upload', /% \|/],
  ['while the program runs', /this line came over stderr/],
])('Ctrl-C %s clears everything up', { timeout: TIMEOUT_MS }, async (_when, pattern) => {
  const terminal = new Terminal(process.execPath, exampleArguments('demo'), {
    cwd: repository,
    env: sandbox.environment(),
  })
  await terminal.shows(pattern)
  terminal.type(CTRL_C)
  await terminal.shows(/interrupted; everything was cleared up\n/)
  expect(await terminal.ended).toMatchObject({ exitCode: 130 })
})

test('SIGTERM does too', { timeout: TIMEOUT_MS }, async () => {
  const running = sandbox.start('demo')
  await running.seen(/2\. Upload/)
  running.kill('SIGTERM')
  expect((await running.ended).exitCode).toBe(143)
})

test('npm run demo builds, and runs it', () => {
  const { scripts } = JSON.parse(readFileSync(`${repository}/package.json`, 'utf8'))
  expect(scripts.demo).toBe(`npm run build && node ${exampleArguments('demo').join(' ')}`)
})
