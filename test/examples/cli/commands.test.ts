// examples/cli: serve, exec, get and put, as processes of their own.
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CliServer } from '../../helpers/cli-server.js'
import { ExampleSandbox } from '../../helpers/example-sandbox.js'
import { processesWith, sleepMarker, until } from '../../helpers/processes.js'

describe('exec', () => {
  test('passes stdout, stderr and the exit code through', async () => {
    const cli = await CliServer.start()
    const ended = await cli.run(['exec', 'echo out; echo err >&2; exit 3'])
    expect(ended).toEqual({ exitCode: 3, signal: null, stdout: 'out\n', stderr: 'err\n' })
  })

  test('passes a program its arguments as they are', async () => {
    const cli = await CliServer.start()
    const words = ['--url', '$HOME', 'a b', "it's", '*', '']
    const { stdout, exitCode } = await cli.run(['exec', 'printf', '%s\\n', ...words])
    expect(stdout).toBe(`${words.join('\n')}\n`)
    expect(exitCode).toBe(0)
  })

  test('pipes stdin through byte for byte, and its end', async () => {
    const cli = await CliServer.start()
    const input = randomBytes(3_000_000)
    const { stdout } = await cli.run(['exec', 'od -An -v -tx1 | tr -d " \\n"'], { input })
    expect(stdout === input.toString('hex')).toBe(true)
  })

  test('ends when the command does, though stdin is still open', async () => {
    const cli = await CliServer.start()
    const running = cli.start(['exec', 'head -n 1'])
    running.stdin.write('first\nsecond\n')
    expect(await running.ended).toMatchObject({ exitCode: 0, stdout: 'first\n' })
  })

  test('passes bytes that are no text, escape sequences too', async () => {
    const cli = await CliServer.start()
    const { stdout } = await cli.run(['exec', "printf '\\033[31mred\\007'"])
    expect(stdout).toBe('\x1b[31mred\x07')
  })

  test('starts in --cwd', async () => {
    const cli = await CliServer.start()
    mkdirSync(cli.sandbox.files.at('root', 'sub'))
    expect((await cli.run(['exec', '--cwd', 'sub', 'pwd'])).stdout).toBe(`${cli.sandbox.root}/sub\n`)
  })

  test('exits with 128 and the number of the signal that ended the command', async () => {
    const cli = await CliServer.start()
    expect(await cli.run(['exec', 'kill -KILL $$'])).toMatchObject({ exitCode: 137, stderr: '' })
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends the remote command', async (signal, exitCode) => {
    const cli = await CliServer.start()
    const marker = sleepMarker()
    const running = cli.start(['exec', `echo started; sleep ${marker}`])
    await running.seen(/started/)
    running.kill(signal)
    expect(await running.ended).toMatchObject({ exitCode, stderr: '' })
    expect(processesWith(marker)).toEqual([])
  })

  test('a second SIGINT is a SIGTERM for a command that ignored the first', async () => {
    const cli = await CliServer.start()
    const script = 'trap "echo ignored" INT; echo started; while :; do sleep 0.1; done'
    const running = cli.start(['exec', script])
    await running.seen(/started/)
    running.kill('SIGINT')
    await running.seen(/ignored/)
    running.kill('SIGINT')
    expect(await running.ended).toMatchObject({ exitCode: 143, stdout: 'started\nignored\n' })
  })

  test('--timeout ends the remote command', async () => {
    const cli = await CliServer.start()
    const marker = sleepMarker()
    const { exitCode, stderr } = await cli.run(['exec', '--timeout', '1', `sleep ${marker}`])
    expect(exitCode).toBe(255)
    expect(stderr).toMatch(/^fakessh: ERR_FAKESSH_TIMEOUT: .*\n$/)
    await cli.logged(/sleep .*: cancelled/)
    expect(processesWith(marker)).toEqual([])
  })

  test('ends quietly, and the remote command with it, when nobody reads its output any more', async () => {
    const cli = await CliServer.start()
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
    const cli = await CliServer.start()
    const { files } = cli.sandbox
    const content = randomBytes(1_500_000)
    writeFileSync(files.at('tool'), content)
    chmodSync(files.at('tool'), 0o750)
    const put = await cli.run(['put', files.at('tool')])
    expect(put).toMatchObject({ exitCode: 0, stderr: '' })
    expect(put.stdout).toMatch(/tool -> tool {2}1\.4 MiB in \d+\.\d\d s {2}sha256 [0-9a-f]{64}\n$/)
    expect(readFileSync(files.at('root', 'tool')).equals(content)).toBe(true)
    expect(statSync(files.at('root', 'tool')).mode & 0o777).toBe(0o750)
    const get = await cli.run(['get', 'tool', files.at('back')])
    expect(get).toMatchObject({ exitCode: 0, stderr: '' })
    expect(readFileSync(files.at('back')).equals(content)).toBe(true)
  })

  test('take names with spaces, and directories to put a file into', async () => {
    const cli = await CliServer.start()
    const { files } = cli.sandbox
    mkdirSync(files.at('root', 'sub'))
    mkdirSync(files.at('here'))
    writeFileSync(files.at('a b'), 'content')
    expect((await cli.run(['put', files.at('a b'), 'sub/'])).exitCode).toBe(0)
    expect((await cli.run(['get', 'sub/a b', files.at('here')])).exitCode).toBe(0)
    expect(files.list('root', 'sub')).toEqual(['a b'])
    expect(readFileSync(files.at('here', 'a b'), 'utf8')).toBe('content')
  })

  test('say in one line what failed, with what the name could do to a terminal escaped', async () => {
    const cli = await CliServer.start()
    const { exitCode, stdout, stderr } = await cli.run(['get', 'no\x1b[31m\nsuch', cli.sandbox.files.at('x')])
    expect({ exitCode, stdout }).toEqual({ exitCode: 255, stdout: '' })
    expect(stderr).toMatch(/^fakessh: ENOENT: [^\n\x1b]*no\\x1b\[31m\\x0asuch[^\n\x1b]*\n$/)
    expect(cli.sandbox.files.list()).toEqual(['root'])
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('%s cancels a download and leaves nothing of it', async (signal) => {
    const cli = await CliServer.start()
    const { files } = cli.sandbox
    writeFileSync(files.at('root', 'big'), '')
    truncateSync(files.at('root', 'big'), 64 * 1024 ** 3)
    const running = cli.start(['get', 'big', files.at('copy')])
    await until(() => files.leftovers().length > 0)
    running.kill(signal)
    expect(await running.ended).toMatchObject({
      exitCode: signal === 'SIGINT' ? 130 : 143,
      stderr: 'fakessh: interrupted\n',
    })
    expect(files.list()).toEqual(['root'])
  })
})

describe('the command line', () => {
  test.each([
    [['--nope'], "Unknown option '--nope'"],
    [['sing'], "'sing' is no command; --help lists them"],
    [['exec'], 'exec: which command?'],
    [['exec', '--timeout', 'x', 'ls'], '--timeout: expected a whole number'],
    [['get'], 'get: which file?'],
    [['get', '..'], "'..' names no file"],
    [['put', 'a', 'b', 'c'], "'c' is one argument too many"],
    [['serve', '--exec', 'all'], "--exec: expected shell, argv or none, got 'all'"],
    [['serve', '--port', '65536'], '--port: expected a whole number from 0 to 65535'],
  ])('%j is refused with exit code 2', async (args, message) => {
    const cli = await CliServer.start()
    const { exitCode, stdout, stderr } = await cli.run(args)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain(`fakessh: ${message}`)
    expect(stderr.trimEnd()).not.toContain('\n')
  })

  test('needs a server, from --url or the environment', async () => {
    const cli = await CliServer.start()
    const { sandbox, url } = cli
    const without = await sandbox.run('cli', ['exec', 'true'])
    expect(without).toMatchObject({ exitCode: 2, stderr: 'fakessh: no server: set FAKESSH_URL, or give --url\n' })
    expect(await sandbox.run('cli', ['--url', url, 'exec', 'echo hi'])).toMatchObject({ stdout: 'hi\n' })
  })

  test('shows no part of a connection string that is wrong', async () => {
    const { exitCode, stderr } = await new ExampleSandbox().run('cli', ['--url', 'fakessh://u:sekret@', 'exec', 'ls'])
    expect(exitCode).toBe(255)
    expect(stderr).toMatch(/^fakessh: ERR_FAKESSH_INVALID_ARG: .*\n$/)
    expect(stderr).not.toContain('sekret')
  })

  test('--help lists the commands', async () => {
    const { exitCode, stdout } = await new ExampleSandbox().run('cli', ['--help'])
    expect(exitCode).toBe(0)
    for (const command of ['serve', 'exec', 'get', 'put', 'shell']) expect(stdout).toContain(command)
  })
})

describe('serve', () => {
  test('takes the token from FAKESSH_TOKEN, and refuses a weak one', async () => {
    const sandbox = new ExampleSandbox()
    const args = ['serve', '--user', 'ann', '--root', sandbox.root]
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
    const cli = await CliServer.start(['--exec', 'none', '--read-only'])
    writeFileSync(cli.sandbox.files.at('root', 'x'), 'x')
    const exec = await cli.run(['exec', 'true'])
    const put = await cli.run(['put', 'package.json'])
    const get = await cli.run(['get', 'x', cli.sandbox.files.at('x')])
    expect([exec, put].map(({ exitCode }) => exitCode)).toEqual([255, 255])
    for (const { stderr } of [exec, put]) expect(stderr).toMatch(/^fakessh: ERR_FAKESSH_DENIED: .*\n$/)
    expect(get.exitCode).toBe(0)
  })

  test('logs one line an event, whatever the clients choose as names', async () => {
    const cli = await CliServer.start()
    await cli.run(['exec', 'true # \x1b[2J\nforged line'])
    await cli.run(['put', 'package.json'])
    const { stderr, exitCode } = await cli.stop()
    expect(exitCode).toBe(0)
    expect(stderr).not.toContain('\x1b')
    expect(stderr).toMatch(/user exec true # \\x1b\[2J\\x0aforged line: 0\n/)
    expect(stderr).toMatch(/user put package\.json: .*, sha256 [0-9a-f]{64}\n/)
    for (const line of stderr.trimEnd().split('\n')) expect(line).toMatch(/^\d{4}-\d\d-\d\dT/)
  })

  test('ends with what still runs, and leaves nothing', async () => {
    const cli = await CliServer.start()
    const running = cli.start(['exec', `echo started; sleep ${sleepMarker()}`])
    await running.seen(/started/)
    const server = cli.stop()
    running.kill('SIGTERM')
    expect((await server).exitCode).toBe(0)
    expect((await running.ended).exitCode).toBe(143)
    expect(cli.sandbox.survivors()).toEqual([])
    expect(cli.sandbox.leftovers()).toEqual([])
  })
})
