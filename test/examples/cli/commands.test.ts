// examples/cli: serve, exec, get and put, as processes of their own.
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { execCommand, getCommand, putCommand } from '../../../examples/cli/commands.js'
import { UsageError } from '../../../examples/cli/failure.js'
import { promptCommand } from '../../../examples/cli/prompt.js'
import { serveCommand } from '../../../examples/cli/serve.js'
import { CliServer } from '../../helpers/cli-server.js'
import { ExampleSandbox, sleepStarted } from '../../helpers/example-sandbox.js'
import { processesWith, sleepMarker, until } from '../../helpers/processes.js'

// Each starts several processes, which compile TypeScript first.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let cli: CliServer
beforeAll(async () => {
  cli = await CliServer.start()
})

describe('exec', () => {
  test('passes stdout, stderr and the exit code through', async () => {
    const ended = await cli.run(['exec', 'echo out; echo err >&2; exit 3'])
    expect(ended).toEqual({ exitCode: 3, signal: null, stdout: 'out\n', stderr: 'err\n' })
  })

  test('passes a program its arguments as they are, and starts it in --cwd', async () => {
    const { remote, here } = cli.folder()
    const words = ['--url', '$HOME', 'a b', "it's", '*', '']
    const script = 'pwd; printf "%s\\n" "$@"'
    const ended = await cli.run(['exec', '--cwd', remote, 'sh', '-c', script, 'sh', ...words])
    expect(ended).toMatchObject({ exitCode: 0, stdout: [here.path, ...words, ''].join('\n') })
  })

  test('pipes stdin through byte for byte, and its end', async () => {
    const input = randomBytes(1_000_000)
    const { stdout } = await cli.run(['exec', 'od -An -v -tx1 | tr -d " \\n"'], { input })
    expect(stdout === input.toString('hex')).toBe(true)
  })

  test('ends when the command does, though stdin is still open; passes bytes that are no text', async () => {
    const running = cli.start(['exec', "head -n 1; printf '\\033[31mred\\007'"])
    running.stdin.write('first\nsecond\n')
    expect(await running.ended).toMatchObject({ exitCode: 0, stdout: 'first\n\x1b[31mred\x07' })
  })

  test('exits with 128 and the number of the signal that ended the command', async () => {
    expect(await cli.run(['exec', 'kill -KILL $$'])).toMatchObject({ exitCode: 137, stderr: '' })
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends the remote command', async (signal, exitCode) => {
    const marker = sleepMarker()
    const running = cli.start(['exec', `sleep ${marker}`])
    await sleepStarted(marker)
    running.kill(signal)
    expect(await running.ended).toMatchObject({ exitCode, stderr: '' })
    expect(processesWith(marker)).toEqual([])
  })

  test('a second SIGINT is a SIGTERM for a command that ignored the first', async () => {
    const script = 'trap "echo ignored" INT; echo started; while :; do sleep 0.1; done'
    const running = cli.start(['exec', script])
    await running.seen(/started/)
    running.kill('SIGINT')
    await running.seen(/ignored/)
    running.kill('SIGINT')
    expect(await running.ended).toMatchObject({ exitCode: 143, stdout: 'started\nignored\n' })
  })

  test('--timeout ends the remote command', async () => {
    const marker = sleepMarker()
    const { exitCode, stderr } = await cli.run(['exec', '--timeout', '1', `sleep ${marker}`])
    expect(exitCode).toBe(255)
    expect(stderr).toMatch(/^fakessh: ERR_FAKESSH_TIMEOUT: .*\n$/)
    await cli.logged(new RegExp(`sleep ${marker}: cancelled`))
    expect(processesWith(marker)).toEqual([])
  })

  test('ends quietly, and the remote command with it, when nobody reads its output any more', async () => {
    const marker = sleepMarker()
    const running = cli.start(['exec', `while :; do echo ${marker}; done`])
    await running.seen(/\n/)
    running.stdout.destroy()
    expect(await running.ended).toMatchObject({ exitCode: 141, stderr: '' })
    await until(() => processesWith(marker).length === 0)
  })
})

describe('get and put', () => {
  test('copy a file there and back, and say what was proved', async () => {
    const { remote, here } = cli.folder()
    const place = cli.sandbox.workplace()
    const content = randomBytes(1_500_000)
    writeFileSync(place.at('a tool'), content)
    chmodSync(place.at('a tool'), 0o750)
    mkdirSync(place.at('back'))
    const put = await cli.run(['put', place.at('a tool'), `${remote}/`])
    expect(put).toMatchObject({ exitCode: 0, stderr: '' })
    expect(put.stdout).toMatch(/ -> folder-\d+\/a tool {2}1\.4 MiB in \d+\.\d\d s {2}sha256 [0-9a-f]{64}\n$/)
    expect(here.list()).toEqual(['a tool'])
    expect(readFileSync(here.at('a tool')).equals(content)).toBe(true)
    expect(statSync(here.at('a tool')).mode & 0o777).toBe(0o750)
    const get = await cli.run(['get', `${remote}/a tool`, place.at('back')])
    expect(get).toMatchObject({ exitCode: 0, stderr: '' })
    expect(readFileSync(place.at('back', 'a tool')).equals(content)).toBe(true)
  })

  test('say in one line what failed, with what the name could do to a terminal escaped', async () => {
    const place = cli.sandbox.workplace()
    const { exitCode, stdout, stderr } = await cli.run(['get', 'no\x1b[31m\nsuch', place.at('x')])
    expect({ exitCode, stdout }).toEqual({ exitCode: 255, stdout: '' })
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(stderr).toMatch(/^fakessh: ENOENT: .*no\\x1b\[31m\\x0asuch/)
    expect(stderr).not.toContain('\x1b')
    expect(place.list()).toEqual([])
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s cancels a download and leaves at most what it can go on from', async (signal, exitCode) => {
    const { remote, here } = cli.folder()
    const place = cli.sandbox.workplace()
    writeFileSync(here.at('big'), '')
    truncateSync(here.at('big'), 64 * 1024 ** 3)
    const running = cli.start(['get', `${remote}/big`, place.at('copy')])
    await until(() => place.list().length > 0)
    running.kill(signal)
    expect(await running.ended).toMatchObject({ exitCode, stderr: 'fakessh: interrupted\n' })
    expect(place.list().filter((name) => !/^\.fakessh-.*\.part$/.test(name))).toEqual([])
    expect(place.list().length).toBeLessThanOrEqual(1)
    for (const name of place.list()) rmSync(place.at(name))
  })
})

describe('the command line', () => {
  test.each<[understand: (args: string[]) => unknown, args: string[], message: string]>([
    [execCommand, [], 'exec: which command?'],
    [execCommand, [''], 'exec: which command?'],
    [execCommand, ['--timeout', 'x', 'ls'], '--timeout: expected a whole number'],
    [execCommand, ['--nope', 'ls'], "Unknown option '--nope'"],
    [getCommand, [], 'get: which file?'],
    [putCommand, ['a', 'b', 'c'], "'c' is one argument too many"],
    [putCommand, ['..'], "'..' names no file"],
    [putCommand, ['/', 'x/'], "'/' names no file"],
    [promptCommand, ['x'], "'x' is one argument too many"],
  ])('%o of %j is refused', (understand, args, message) => {
    expect(() => understand(args)).toThrow(UsageError)
    expect(() => understand(args)).toThrow(message)
  })

  test.each([
    [['--exec', 'all'], "--exec: expected shell, argv or none, got 'all'"],
    [['--port', '65536'], '--port: expected a whole number from 0 to 65535'],
    [['x'], "'x' is one argument too many"],
  ])('serve of %j is refused', async (args, message) => {
    await expect(serveCommand(args)).rejects.toThrow(message)
  })

  test('is refused in one line, with exit code 2', async () => {
    const ended = await cli.run(['sing'])
    expect(ended).toMatchObject({ exitCode: 2, stdout: '' })
    expect(ended.stderr).toBe("fakessh: 'sing' is no command; --help lists them\n")
  })

  test('needs a server, from --url or the environment', async () => {
    const { sandbox, url } = cli
    const without = await sandbox.run('cli', ['exec', 'true'])
    expect(without).toMatchObject({
      exitCode: 2,
      stderr: 'fakessh: no server: set FAKESSH_URL, or give --url\n',
    })
    expect(await sandbox.run('cli', ['--url', url, 'exec', 'echo hi'])).toMatchObject({ stdout: 'hi\n' })
  })

  test('shows no part of a connection string that is wrong', async () => {
    const { exitCode, stderr } = await cli.run(['--url', 'fakessh://u:sekret@', 'exec', 'ls'])
    expect(exitCode).toBe(255)
    expect(stderr).toMatch(/^fakessh: ERR_FAKESSH_INVALID_ARG: .*\n$/)
    expect(stderr).not.toContain('sekret')
  })

  test('--help lists the commands', async () => {
    const { exitCode, stdout } = await cli.run(['--help'])
    expect(exitCode).toBe(0)
    for (const command of ['serve', 'exec', 'get', 'put', 'shell']) expect(stdout).toContain(command)
  })
})

describe('serve', () => {
  test('takes the token from FAKESSH_TOKEN, and refuses a weak one', async () => {
    const sandbox = new ExampleSandbox()
    const args = ['serve', '--user', 'ann', '--root', sandbox.workplace().path]
    const token = 'a-token-of-more-than-32-characters-here'
    const server = sandbox.start('cli', args, { env: { FAKESSH_TOKEN: token } })
    await server.seen(new RegExp(`^fakessh://ann:${token}@127\\.0\\.0\\.1:\\d+\\n`))
    server.kill('SIGTERM')
    expect(await server.ended).toMatchObject({ exitCode: 0 })
    const weak = await sandbox.run('cli', args, { env: { FAKESSH_TOKEN: 'short' } })
    expect(weak).toMatchObject({ exitCode: 255, stdout: '' })
    expect(weak.stderr).toMatch(/^fakessh: ERR_FAKESSH_WEAK_TOKEN: .*\n$/)
  })

  test('refuses what its options take away', async () => {
    const strict = await CliServer.start(['--exec', 'none', '--read-only'])
    const { remote, here } = strict.folder()
    const place = strict.sandbox.workplace()
    writeFileSync(here.at('x'), 'x')
    for (const args of [
      ['exec', 'true'],
      ['put', 'package.json'],
    ]) {
      const { exitCode, stderr } = await strict.run(args)
      expect(exitCode).toBe(255)
      expect(stderr).toMatch(/^fakessh: ERR_FAKESSH_DENIED: .*\n$/)
    }
    expect((await strict.run(['get', `${remote}/x`, place.at('x')])).exitCode).toBe(0)
    // Copying files is possible without being allowed to run anything, at the prompt too.
    const input = `get ${remote}/x ${place.at('y')}\nls\n`
    const prompt = await strict.run([], { input })
    expect(prompt.exitCode).toBe(255)
    expect(prompt.stderr).toMatch(/^fakessh: ERR_FAKESSH_DENIED: .*\n$/)
    expect(place.list()).toEqual(['x', 'y'])
  })

  test('logs one line an event whatever clients choose as names, and ends leaving nothing', async () => {
    const server = await CliServer.start()
    await server.run(['exec', 'true # \x1b[2J\n# forged line'])
    await server.run(['put', 'package.json'])
    const marker = sleepMarker()
    const running = server.start(['exec', `sleep ${marker}`])
    await sleepStarted(marker)
    const stopped = server.stop()
    running.kill('SIGTERM')
    const { stderr, exitCode } = await stopped
    expect(exitCode).toBe(0)
    expect((await running.ended).exitCode).toBe(143)
    expect(stderr).not.toContain('\x1b')
    expect(stderr).toContain('user exec true # \\x1b[2J\\x0a# forged line: 0\n')
    expect(stderr).toMatch(/user put package\.json: .*, sha256 [0-9a-f]{64}\n/)
    for (const line of stderr.trimEnd().split('\n')) expect(line).toMatch(/^\d{4}-\d\d-\d\dT/)
    expect(server.sandbox.survivors()).toEqual([])
    expect(server.sandbox.leftovers()).toEqual([])
  })
})
