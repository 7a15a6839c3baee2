// The prompt of examples/cli: as a script reads it from a pipe, and as a person has it at a terminal.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { CliServer } from '../../helpers/cli-server.js'
import { exampleArguments, repository, sleepStarted } from '../../helpers/example-sandbox.js'
import { processesWith, sleepMarker, until } from '../../helpers/processes.js'
import { CTRL_C, CTRL_D, Terminal } from '../../helpers/terminal.js'

// Each starts several processes, which compile TypeScript first.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let cli: CliServer
beforeAll(async () => {
  cli = await CliServer.start()
})

describe('lines from a pipe', () => {
  const run = (...lines: string[]) => cli.run([], { input: lines.join('\n') })

  test('run one after the other, without a prompt; cd and export last; the last exit code is ours', async () => {
    const { remote, here } = cli.folder()
    const lines = [
      `cd ${remote}`,
      'export NAME=value',
      'sleep 0.1',
      '',
      'pwd; echo $NAME',
      'echo err >&2; exit 7',
    ]
    expect(await run(...lines)).toEqual({
      exitCode: 7,
      signal: null,
      stdout: `${here.path}\nvalue\n`,
      stderr: 'err\n',
    })
  })

  test('exit leaves, with the last exit code or its own; what follows is not run', async () => {
    expect(await run('false', 'exit', 'echo not reached')).toMatchObject({ exitCode: 1, stdout: '' })
    expect(await run('false', 'exit 5', 'echo not reached')).toMatchObject({ exitCode: 5, stdout: '' })
  })

  test('get and put are relative to where cd led, and take quoted names', async () => {
    const { remote, here } = cli.folder()
    const place = cli.sandbox.workplace()
    writeFileSync(place.at('a b'), 'content')
    const { exitCode, stderr, stdout } = await run(
      `mkdir ${remote}/sub`,
      `cd ${remote}/sub`,
      `put "${place.at('a b')}"`,
      'cd ..',
      `get 'sub/a b' "${place.at('back')}"`,
      `put "${place.at('back')}" other\\ name`,
      `get /${remote}/sub/a\\ b ${place.at('again')}`,
    )
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(here.list()).toEqual(['other name', 'sub', 'sub/a b'])
    expect(readFileSync(place.at('again'), 'utf8')).toBe('content')
    expect(stdout.match(/sha256 [0-9a-f]{64}$/gm)).toHaveLength(4)
  })

  test('getx is a command of the server, not `get x`', async () => {
    const { remote, here } = cli.folder()
    writeFileSync(here.at('x'), 'content')
    const { exitCode, stderr, stdout } = await run(`cd ${remote}`, 'getx')
    expect({ exitCode, stdout }).toEqual({ exitCode: 127, stdout: '' })
    expect(stderr).toContain('getx: not found')
  })

  test('a command has no input: it does not eat the lines that follow', async () => {
    expect(await run('cat', 'read x; echo "got $x"', 'echo next')).toMatchObject({
      exitCode: 0,
      stdout: 'got \nnext\n',
    })
  })

  test('one that fails says so in a line, and the next is run', async () => {
    const { exitCode, stdout, stderr } = await run('get', 'put "open', 'get no-such-file /tmp/x', 'echo next')
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'next\n' })
    const [first, second, third] = stderr.split('\n')
    expect(first).toBe('fakessh: get: which file?')
    expect(second).toBe('fakessh: a " is not closed')
    expect(third).toMatch(/^fakessh: ENOENT: .*no-such-file/)
  })

  test('many of them run without complaint', async () => {
    const numbers = Array.from({ length: 40 }, (_, index) => index)
    const { stdout, stderr } = await run(...numbers.map((number) => `echo ${number}`))
    expect({ stdout, stderr }).toEqual({
      stdout: numbers.map((number) => `${number}\n`).join(''),
      stderr: '',
    })
  })

  test('help says what there is', async () => {
    const { stdout } = await run('help')
    for (const word of ['get REMOTE', 'put LOCAL', 'exit', 'Ctrl-C']) expect(stdout).toContain(word)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends the command and the rest of the script', async (signal, exitCode) => {
    const marker = sleepMarker()
    const running = cli.start([], { input: `sleep ${marker}\necho not reached\n` })
    await sleepStarted(marker)
    running.kill(signal)
    expect(await running.ended).toMatchObject({ exitCode, stdout: '', stderr: '' })
    expect(processesWith(marker)).toEqual([])
  })

  test('a lost server ends it, with exit code 255', async () => {
    const own = await CliServer.start()
    const marker = sleepMarker()
    const busy = own.start([], { input: `sleep ${marker}\necho not reached\n` })
    const idle = own.start([])
    idle.stdin.write('echo ready\n')
    await idle.seen(/ready/)
    await sleepStarted(marker)
    own.kill()
    const ends = await Promise.all([busy.ended, idle.ended])
    expect(ends.map(({ exitCode, stdout }) => ({ exitCode, stdout }))).toEqual([
      { exitCode: 255, stdout: '' },
      { exitCode: 255, stdout: 'ready\n' },
    ])
    for (const { stderr } of ends) expect(stderr).toMatch(/^fakessh: ERR_FAKESSH_CONNECTION_LOST: .*\n$/)
    // Nobody is left to end what that server started.
    for (const pid of processesWith(marker)) process.kill(pid)
  })

  test('a server that is stopped says goodbye to an idle prompt', async () => {
    const own = await CliServer.start()
    const idle = own.start([])
    idle.stdin.write('echo ready\n')
    await idle.seen(/ready/)
    await own.stop()
    expect(await idle.ended).toMatchObject({
      exitCode: 255,
      stderr: 'fakessh: the server closed the connection\n',
    })
  })
})

describe('at a terminal', () => {
  function open(args: string[] = []): Terminal {
    const env = cli.sandbox.environment({ FAKESSH_URL: cli.url })
    return new Terminal(process.execPath, exampleArguments('cli', args), { cwd: repository, env })
  }

  test('it prompts with >>>, shows output and how a command ended', async () => {
    const terminal = open()
    await terminal.shows(/^>>> $/)
    terminal.type('echo "out" "put"; false\r')
    expect(await terminal.shows(/>>> $/)).toMatch(/\nout put\n\[exit code 1\]\n>>> $/)
    terminal.type('true\r')
    expect(await terminal.shows(/>>> $/)).not.toContain('exit code')
    terminal.type('false\r')
    await terminal.shows(/>>> $/)
    terminal.type(CTRL_D)
    expect(await terminal.ended).toMatchObject({ exitCode: 1 })
  })

  test('Ctrl-C ends the running command and not the prompt', async () => {
    const terminal = open()
    await terminal.shows(/>>> $/)
    const marker = sleepMarker()
    terminal.type(`sleep ${marker}\r`)
    await sleepStarted(marker)
    terminal.type(CTRL_C)
    expect(await terminal.shows(/>>> $/)).toContain('[ended by SIGINT]')
    expect(processesWith(marker)).toEqual([])
    terminal.type('echo still "here"\r')
    expect(await terminal.shows(/>>> $/)).toContain('\nstill here\n')
    terminal.type('exit\r')
    expect(await terminal.ended).toMatchObject({ exitCode: 0 })
  })

  test('a second Ctrl-C ends a command that ignored the first', async () => {
    const terminal = open()
    await terminal.shows(/>>> $/)
    terminal.type('trap "echo ign""ored" INT; echo star""ted; while :; do sleep 0.1; done\r')
    await terminal.shows(/started\n/)
    terminal.type(CTRL_C)
    await terminal.shows(/ignored\n/)
    terminal.type(CTRL_C)
    await terminal.shows(/\[ended by SIGTERM\]\n>>> $/)
    terminal.type(CTRL_D)
    expect(await terminal.ended).toMatchObject({ exitCode: 143 })
  })

  test('Ctrl-C with nothing running clears the line', async () => {
    const terminal = open()
    await terminal.shows(/>>> $/)
    terminal.type('echo unwanted')
    await terminal.shows(/unwanted$/)
    terminal.type(CTRL_C)
    await terminal.shows(/\^C\n>>> $/)
    terminal.type('echo wan""ted\r')
    expect(await terminal.shows(/>>> $/)).toContain('\nwanted\n')
    terminal.type(CTRL_D)
    expect(await terminal.ended).toMatchObject({ exitCode: 0 })
    expect(terminal.text).not.toContain('\nunwanted')
  })

  test('output whose last line is not ended is not drawn over', async () => {
    const terminal = open()
    await terminal.shows(/>>> $/)
    terminal.type('printf "no new%s" line\r')
    expect(await terminal.shows(/>>> $/)).toMatch(/\nno newline\n>>> $/)
  })

  test('what is typed while a command runs is the next line', async () => {
    const terminal = open()
    await terminal.shows(/>>> $/)
    const { remote, here } = cli.folder()
    terminal.type(`cd ${remote}; while ! test -e go; do sleep 0.05; done\rcat; pwd\r`)
    await terminal.shows(/cat; pwd\n/)
    writeFileSync(here.at('go'), '')
    await terminal.shows(/>>> /)
    expect(await terminal.shows(/>>> $/)).toContain(`${here.path}\n`)
  })

  test('a transfer has a progress bar, and Ctrl-C cancels it', async () => {
    const { remote, here } = cli.folder()
    const place = cli.sandbox.workplace()
    writeFileSync(place.at('small'), 'x'.repeat(100_000))
    const terminal = open()
    await terminal.shows(/>>> $/)
    terminal.type(`cd ${remote}; truncate -s 64G big\r`)
    await terminal.shows(/>>> $/)
    terminal.type(`put ${place.at('small')}\r`)
    const put = await terminal.shows(/>>> $/)
    expect(put).toMatch(/█+ +100% \| 97\.7 KiB of 97\.7 KiB/)
    expect(put).toMatch(/sha256 [0-9a-f]{64}\n/)
    terminal.type(`get big ${place.at('big')}\r`)
    await terminal.shows(/% \| .* of 64\.0 GiB/)
    terminal.type(CTRL_C)
    expect(await terminal.shows(/>>> $/)).toContain('fakessh: interrupted\n')
    // What had arrived is kept, to be gone on with.
    const [part, ...others] = place.list()
    expect([part, ...others]).toEqual([expect.stringMatching(/^\.fakessh-.*\.part$/), 'small'])
    rmSync(place.at(part ?? ''))
    expect(here.list()).toEqual(['big', 'small'])
    terminal.type(CTRL_D)
    expect(await terminal.ended).toMatchObject({ exitCode: 130 })
  })

  test('exec reads what is typed, and Ctrl-C reaches the remote command', async () => {
    const typing = open(['exec', 'read line; echo "got $line"'])
    typing.type('words\r')
    await typing.shows(/got words\n/)
    expect(await typing.ended).toMatchObject({ exitCode: 0 })
    const marker = sleepMarker()
    const sleeping = open(['exec', `sleep ${marker}`])
    await sleepStarted(marker)
    sleeping.type(CTRL_C)
    expect(await sleeping.ended).toMatchObject({ exitCode: 130 })
    await until(() => processesWith(marker).length === 0)
  })
})
