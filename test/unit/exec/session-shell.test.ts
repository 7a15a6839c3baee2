import { existsSync, mkdirSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { baseEnvironment } from '../../../src/exec/environment.js'
import { startProgram } from '../../../src/exec/process-group.js'
import { type SessionState, StateReport, sessionShellArguments } from '../../../src/exec/session-shell.js'
import type { ProgramExit } from '../../../src/exec/spawn/program.js'
import { processesWith, sleepMarker, until } from '../../helpers/processes.js'
import { temporaryDirectory } from '../../helpers/temporary-directory.js'

const env = baseEnvironment('/bin/sh')

interface Ended extends ProgramExit {
  readonly stdout: string
  readonly stderr: string
  readonly state: SessionState | undefined
}

async function runIn(
  shell: string,
  cwd: string,
  command: string,
  more: Record<string, string> = {},
): Promise<Ended> {
  const args = sessionShellArguments(command)
  const group = await startProgram({ file: shell, args, cwd, env: { ...env, ...more }, hasStatePipe: true })
  const report = new StateReport(group.state as NonNullable<typeof group.state>)
  group.stdin.end()
  const text = { stdout: '', stderr: '' }
  group.stdout.on('data', (chunk) => (text.stdout += chunk))
  group.stderr.on('data', (chunk) => (text.stderr += chunk))
  const exit = await group.exited
  await until(() => group.stderr.readableEnded || group.stderr.destroyed)
  const state = await report.finish(250)
  return { ...exit, ...text, state }
}

const shells = ['/bin/sh', '/bin/bash', '/bin/dash', '/bin/busybox'].filter(existsSync)

describe.each(shells)('%s', (shell) => {
  const run = (cwd: string, command: string, more?: Record<string, string>) =>
    runIn(shell, cwd, command, more)

  test('reports the directory and the exported variables it ended in', async () => {
    const root = temporaryDirectory()
    mkdirSync(root.at('sub dir'))
    const { state, exitCode } = await run(root.path, 'cd "sub dir"; export A="1\n=2"; B=hidden; unset LANG')
    expect(exitCode).toBe(0)
    expect(state?.cwd).toBe(root.at('sub dir'))
    expect(state?.env).toMatchObject({ A: '1\n=2', PATH: env.PATH })
    expect(state?.env).not.toHaveProperty('B')
    expect(state?.env).not.toHaveProperty('LANG')
  })

  test.each([
    ['exit', 'cd /usr; exit 3', 3],
    ['exit in a function', 'f() { cd /usr; exit 5; }; f', 5],
    ['a failed command under set -e', 'set -e; cd /usr; (exit 4); cd /tmp', 4],
    ['a failed last command', 'cd /usr; (exit 6)', 6],
    ['a missing program', 'cd /usr; no-such-program-here', 127],
    ['a PATH that leads nowhere', 'cd /usr; PATH=/none; export PATH', 0],
    ['descriptor 3 used by the command', 'exec 3>/dev/null; cd /usr; echo x >&3', 0],
  ])('reports after %s, and keeps the exit code', async (_name, command, exitCode) => {
    const ended = await run('/', command)
    expect(ended).toMatchObject({ exitCode, signal: null })
    expect(ended.state?.cwd).toBe('/usr')
  })

  test('a syntax error is an exit code, and nothing has moved', async () => {
    const ended = await run('/usr', 'cd /tmp; if then fi')
    expect(ended.exitCode).not.toBe(0)
    expect(ended.stderr).toMatch(/syntax/i)
    expect(ended.state?.cwd ?? '/usr').toBe('/usr')
  })

  test('one that was killed is known by its signal', async () => {
    expect(await run('/', 'cd /usr; kill -KILL $$')).toMatchObject({
      exitCode: null,
      signal: 'SIGKILL',
      state: undefined,
    })
    expect(await run('/', 'cd /usr; kill -TERM $$')).toMatchObject({ exitCode: null, signal: 'SIGTERM' })
  })

  test('one that is replaced reports nothing', async () => {
    expect(await run('/', 'cd /usr; exec true')).toMatchObject({ exitCode: 0, state: undefined })
  })

  test('the command line is text, never part of the source', async () => {
    const hostile = `echo '"; exit 9; $(exit 8) \`' "$#" "$0"`
    expect(await run('/', hostile)).toMatchObject({
      exitCode: 0,
      stdout: '"; exit 9; $(exit 8) ` 0 sh\n',
      stderr: '',
    })
  })

  test('the report is not part of the output', async () => {
    expect(await run('/', 'echo out; echo err >&2')).toMatchObject({ stdout: 'out\n', stderr: 'err\n' })
  })

  test('what the shell keeps for itself is left out, but cd - works on', async () => {
    const { state } = await run('/', 'cd /usr; cd /tmp', { SHLVL: '5' })
    for (const name of ['PWD', '_']) expect(state?.env).not.toHaveProperty(name)
    expect(state?.env.SHLVL).toBe('1')
    const back = await run('/tmp', 'cd - >/dev/null', { ...state?.env })
    expect(back.state?.cwd).toBe('/usr')
  })

  test('a directory that was removed leaves no report', async () => {
    const root = temporaryDirectory()
    mkdirSync(root.at('sub'))
    const { state, exitCode } = await run(root.path, 'cd sub; rmdir ../sub')
    expect(exitCode).toBe(0)
    // Some shells still know the name; then the next command is told that it is gone. Some report an empty name.
    expect([undefined, root.at('sub')]).toContain(state?.cwd)
  })

  test('an environment larger than a pipe holds is reported whole', async () => {
    const big = 'x'.repeat(100_000)
    const { state } = await run('/', `A=${big}; B=$A; C=$A; D=$A; export A B C D`)
    expect(['A', 'B', 'C', 'D'].map((name) => state?.env[name]?.length)).toEqual([1e5, 1e5, 1e5, 1e5])
  })

  test('a background process that inherits the pipe is not waited for', async () => {
    const marker = sleepMarker()
    const { state } = await run(
      '/',
      `cd /usr; sleep ${marker} >/dev/null 2>&1 &
      cd /usr`,
    )
    expect(state?.cwd).toBe('/usr')
    const [pid] = processesWith(`sleep\0${marker}`)
    process.kill(pid as number)
  })
})

describe('StateReport', () => {
  const report = () => {
    const pipe = new PassThrough()
    return { pipe, report: new StateReport(pipe) }
  }

  test.each([1, 2, 3, 7, 1000])('is read in pieces of %i bytes', async (size) => {
    const { pipe, report: read } = report()
    const bytes = Buffer.from('/höme\n\0A=ü\0B=x=y\0end\0')
    for (let at = 0; at < bytes.length; at += size) pipe.write(bytes.subarray(at, at + size))
    expect(await read.finish(1000)).toMatchObject({ cwd: '/höme', env: { A: 'ü', B: 'x=y' } })
  })

  test.each(['', '/usr\n\0A=1\0', '/usr\n\0A=1\0en', 'end\0', '/usr\n\0end'])(
    '%j is no report',
    async (text) => {
      const { pipe, report: read } = report()
      pipe.end(text)
      expect(await read.finish(1000)).toBeUndefined()
    },
  )

  test('a pipe that stays open and silent is given up', async () => {
    const { pipe, report: read } = report()
    pipe.write('/usr\n\0A=1')
    expect(await read.finish(10)).toBeUndefined()
    expect(pipe.destroyed).toBe(true)
  })

  test('one above 1 MiB is read to its end and dropped', async () => {
    const { pipe, report: read } = report()
    const piece = Buffer.alloc(65_536, 'x')
    for (let i = 0; i < 20; i += 1) {
      if (!pipe.write(piece)) await new Promise((resolve) => pipe.once('drain', resolve))
    }
    pipe.end('\0end\0')
    expect(await read.finish(1000)).toBeUndefined()
  })

  test('what is not UTF-8 is left out; a directory that is not makes the report useless', async () => {
    const first = report()
    first.pipe.end(
      Buffer.concat([Buffer.from('/usr\n\0A='), Buffer.from([0xff]), Buffer.from('\0B=1\0end\0')]),
    )
    expect((await first.report.finish(1000))?.env).toEqual({ B: '1', SHLVL: '1' })
    const second = report()
    second.pipe.end(Buffer.concat([Buffer.from('/'), Buffer.from([0xff]), Buffer.from('\n\0end\0')]))
    expect(await second.report.finish(1000)).toBeUndefined()
  })

  test('names that are no names do no harm', async () => {
    const { pipe, report: read } = report()
    pipe.end('/usr\n\0__proto__=x\0=y\0noequals\0A=1\0end\0')
    const state = await read.finish(1000)
    expect(Object.keys(state?.env ?? {}).sort()).toEqual(['A', 'SHLVL', '__proto__'])
    expect(Object.getPrototypeOf(state?.env)).toBeNull()
  })
})
