// Sessions: `cd` and `export` last, whatever way a command line ends.
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConnectionError } from '../../../src/errors.js'
import { SessionRegistry, serveSession } from '../../../src/exec/session-server.js'
import { type ExecPair, execPair } from '../../helpers/exec-pair.js'
import { until } from '../../helpers/processes.js'
import { recordUncaught } from '../../helpers/uncaught.js'

async function inRoot(options?: Parameters<typeof execPair>[0]): Promise<ExecPair> {
  const pair = await execPair(options)
  mkdirSync(join(pair.root, 'a/b'), { recursive: true })
  return pair
}

describe('a session', () => {
  test('starts in the root with the base environment', async () => {
    const { session, root } = await inRoot()
    const opened = await session()
    expect([opened.cwd, opened.refusedEnv]).toEqual(['/', []])
    expect((await opened.run('pwd; echo "$HOME"')).stdout).toContain(`${root}\n`)
  })

  test('starts where and with what it is asked to', async () => {
    const { session, root } = await inRoot()
    const opened = await session({ cwd: 'a', env: { MINE: '1', LD_PRELOAD: 'x' } })
    expect([opened.cwd, opened.refusedEnv]).toEqual(['/a', ['LD_PRELOAD']])
    expect((await opened.run('pwd; echo $MINE')).stdout).toBe(`${root}/a\n1\n`)
  })

  test('keeps directory and exported variables', async () => {
    const { session, root } = await inRoot()
    const opened = await session()
    const { cwd } = await opened.run('cd a; export ONE="1 2"; TWO=2')
    expect([cwd, opened.cwd]).toEqual(['/a', '/a'])
    await opened.run('cd b; export ONE="$ONE 3"')
    expect((await opened.run('pwd; echo "$ONE|$TWO"')).stdout).toBe(`${root}/a/b\n1 2 3|\n`)
    expect((await opened.run('cd -; unset ONE')).cwd).toBe('/a')
    expect((await opened.run('echo "[$ONE]"')).stdout).toBe('[]\n')
  })

  test.each([
    ['exit 3', 'cd a; export X=1; exit 3', 3],
    ['set -e', 'set -e; cd a; export X=1; (exit 4); cd b', 4],
    ['a failing last command', 'cd a; export X=1; (exit 5)', 5],
  ])('keeps both after %s, and the exit code', async (_name, command, exitCode) => {
    const { session } = await inRoot()
    const opened = await session()
    expect(await opened.run(command, { reject: false })).toMatchObject({ exitCode, cwd: '/a' })
    expect((await opened.run('echo $X')).stdout).toBe('1\n')
  })

  test('a syntax error changes nothing', async () => {
    const { session } = await inRoot()
    const opened = await session({ cwd: 'a' })
    const result = await opened.run('cd b; if then fi', { reject: false })
    expect(result.exitCode).not.toBe(0)
    expect(result.stderr).toMatch(/syntax/i)
    expect(opened.cwd).toBe('/a')
  })

  test.each(['SIGKILL', 'SIGTERM'] as const)('a command line ended by %s changes nothing', async (signal) => {
    const { session } = await inRoot()
    const opened = await session()
    const proc = opened.exec('cd a; export X=1; echo up; sleep 60')
    await once(proc, 'data')
    await proc.kill(signal)
    proc.resume()
    expect(await proc.result).toMatchObject({ signal, cwd: '/' })
    expect((await opened.run('echo "[$X]"')).stdout).toBe('[]\n')
    expect(opened.cwd).toBe('/')
  })

  test('a command line that replaces its shell changes nothing', async () => {
    const { session } = await inRoot()
    const opened = await session()
    expect((await opened.run('cd a; exec echo x')).stdout).toBe('x\n')
    expect(opened.cwd).toBe('/')
  })

  test('a cancelled command line changes nothing', async () => {
    const { session, untilEnded, sessions } = await inRoot()
    const opened = await session()
    const proc = opened.exec('cd a; echo up; sleep 60')
    await once(proc, 'data')
    proc.destroy()
    await untilEnded(1)
    expect((await opened.run('true')).cwd).toBe('/')
    expect(sessions.size).toBe(1)
  })

  test('a forged report with a path that no directory has changes nothing, and ends nobody', async () => {
    const uncaught = recordUncaught()
    const { session } = await inRoot()
    const opened = await session({ cwd: 'a' })
    const forge = (bytes: number) =>
      opened.run(`x=$(head -c ${bytes} /dev/zero | tr '\\0' x); printf '/%s\\0end\\0' "$x" >&8; trap - EXIT`)
    expect(await forge(300_000)).toMatchObject({ exitCode: 0, cwd: '/a' })
    expect(await forge(4_095)).toMatchObject({ exitCode: 0, cwd: '/a' })
    expect([opened.cwd, (await opened.run('echo up')).stdout]).toEqual(['/a', 'up\n'])
    await forge(4_094)
    expect(opened.cwd).toHaveLength(4_095)
    expect(uncaught).toEqual([])
  })

  test('its own report is nowhere to be seen', async () => {
    const { session } = await inRoot()
    const opened = await session()
    const result = await opened.run('echo out; echo err >&2; echo "$#$1"')
    expect(result).toMatchObject({ stdout: 'out\n0\n', stderr: 'err\n', stdioLeaked: false })
  })

  test('a background process does not hold it up', async () => {
    const { session } = await inRoot()
    const opened = await session()
    const { stdout, stdioLeaked } = await opened.run('cd a; sleep 60 >/dev/null 2>&1 & cd a; echo $!')
    expect([opened.cwd, stdioLeaked]).toEqual(['/a', false])
    process.kill(Number(stdout))
  })

  test('stdin goes to the command line', async () => {
    const { session } = await inRoot()
    const opened = await session()
    expect((await opened.run('read X; export X', { input: 'typed\n' })).exitCode).toBe(0)
    expect((await opened.run('cat; echo $X', { input: 'in ' })).stdout).toBe('in typed\n')
  })

  test('PATH that was exported is used, also for programs', async () => {
    const { session, root } = await inRoot()
    writeFileSync(join(root, 'a/mine'), '#!/bin/sh\necho mine "$@"', { mode: 0o755 })
    const opened = await session()
    await opened.run('export PATH="$PWD/a:$PATH"')
    expect((await opened.run('mine x')).stdout).toBe('mine x\n')
    expect((await opened.run('mine', ['y'])).stdout).toBe('mine y\n')
  })

  test('programs with arguments use it and do not change it', async () => {
    const { session, root } = await inRoot()
    const opened = await session({ cwd: 'a', env: { X: '1' } })
    expect(await opened.run('sh', ['-c', 'pwd; echo $X; cd b'])).toMatchObject({ stdout: `${root}/a\n1\n` })
    expect(opened.cwd).toBe('/a')
  })

  test('cwd and env of one command line stay', async () => {
    const { session } = await inRoot()
    const opened = await session()
    await opened.run('true', { cwd: 'a', env: { X: '1' } })
    expect((await opened.run('echo $X')).stdout).toBe('1\n')
    expect(opened.cwd).toBe('/a')
  })

  test('names that are refused to clients can be exported by a shell', async () => {
    const { session } = await inRoot()
    const opened = await session()
    await opened.run('export NODE_OPTIONS=--no-warnings')
    expect((await opened.run('echo $NODE_OPTIONS')).stdout).toBe('--no-warnings\n')
    const { refusedEnv } = await opened.run('true', { env: { NODE_OPTIONS: 'x' } })
    expect(refusedEnv).toEqual(['NODE_OPTIONS'])
  })

  test('outside the root it shows the path of the server', async () => {
    const { session } = await inRoot()
    const opened = await session()
    await opened.run('cd /usr')
    expect(opened.cwd).toBe('/usr')
    expect((await opened.run('pwd')).stdout).toBe('/usr\n')
  })

  test('in-process commands see its directory and environment', async () => {
    const commands = {
      where: ({ cwd, env, stdout }: { cwd: string; env: { X?: string }; stdout: NodeJS.WritableStream }) =>
        void stdout.write(`${cwd} ${env.X}`),
    }
    const { session, root } = await inRoot({ commands: commands as never })
    const opened = await session()
    await opened.run('cd a; export X=7')
    expect((await opened.run('where')).stdout).toBe(`${root}/a 7`)
    expect(opened.cwd).toBe('/a')
    // One command elsewhere does not move the session.
    expect(await opened.run('where', { cwd: 'a/b' })).toMatchObject({ stdout: `${root}/a/b 7`, cwd: '/a/b' })
    expect([opened.cwd, (await opened.run('where')).stdout]).toEqual(['/a', `${root}/a 7`])
  })
})

describe('several at once', () => {
  test('sessions do not see each other', async () => {
    const { session } = await inRoot()
    const [one, two] = await Promise.all([session(), session()])
    await Promise.all([one.run('cd a; export X=one'), two.run('cd a/b; export X=two')])
    expect([one.cwd, two.cwd]).toEqual(['/a', '/a/b'])
    expect((await one.run('echo $X')).stdout + (await two.run('echo $X')).stdout).toBe('one\ntwo\n')
  })

  test('of command lines at the same time the last to end decides', async () => {
    const { session } = await inRoot()
    const opened = await session()
    const slow = opened.exec('cd a; read x')
    await once(slow, 'spawn')
    await opened.run('cd a/b')
    expect(opened.cwd).toBe('/a/b')
    slow.end()
    await slow.result
    expect(opened.cwd).toBe('/a')
  })
})

describe('when it cannot be used', () => {
  test('a missing directory is refused', async () => {
    const { session, sessions } = await inRoot()
    await expect(session({ cwd: 'gone' })).rejects.toMatchObject({ code: 'ENOENT' })
    expect(sessions.size).toBe(0)
  })

  test('one that cannot be confirmed is not kept', async () => {
    const registry = new SessionRegistry()
    const { session } = await execPair({
      onOpen: (open) => {
        const params = { resolveCwd: async () => '/', toShownPath: () => 'x'.repeat(300_000) }
        void serveSession(open, { sessions: registry, baseEnvironment: {}, ...params })
      },
    })
    await expect(session()).rejects.toMatchObject({ code: 'ERR_FAKESSH_LIMIT' })
    expect(registry.size).toBe(0)
  })

  test('mistakes are told before anything is sent', async () => {
    const { session } = await inRoot()
    await expect(session({ cwd: 1 as never })).rejects.toMatchObject({ code: 'ERR_FAKESSH_INVALID_ARG' })
    await expect(session({ env: { A: 'x'.repeat(300_000) } })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_LIMIT',
    })
    await expect(session({ signal: AbortSignal.abort('no') })).rejects.toBe('no')
  })

  test('a directory that was removed is a hard error, under the name it had', async () => {
    const { session, root } = await inRoot()
    const opened = await session({ cwd: 'a/b' })
    rmSync(join(root, 'a/b'), { recursive: true })
    await expect(opened.run('ls')).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining("'/a/b'"),
    })
    expect((await opened.run('pwd', { cwd: 'a' })).cwd).toBe('/a')
  })

  test('closed, its commands run on and new ones are refused', async () => {
    const { session, sessions } = await inRoot()
    const opened = await session()
    const proc = opened.exec('read x; cd a; echo "got $x"')
    await once(proc, 'spawn')
    await opened.close()
    await opened.close()
    expect(sessions.size).toBe(0)
    await expect(opened.run('ls')).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    proc.end('it\n')
    const [chunk] = await once(proc, 'data')
    expect([String(chunk), (await proc.result).exitCode, sessions.size]).toEqual(['got it\n', 0, 0])
  })

  test('a session that never was is refused', async () => {
    const pair = await inRoot()
    const { ExecChannelProcess } = await import('../../../src/exec/exec-channel-process.js')
    const { parseExecArguments } = await import('../../../src/exec/exec-arguments.js')
    const proc = new ExecChannelProcess(pair.pair.client, parseExecArguments(['ls'], 99))
    await expect(proc.result).rejects.toMatchObject({
      code: 'ERR_FAKESSH_CLOSED',
      message: expect.stringContaining('not open'),
    })
  })

  test('await using closes it', async () => {
    const { session, sessions } = await inRoot()
    {
      await using opened = await session()
      expect([opened.cwd, sessions.size]).toEqual(['/', 1])
    }
    expect(sessions.size).toBe(0)
  })

  test('a lost connection ends it, and close() still settles', async () => {
    const uncaught = recordUncaught()
    const { session, sessions, pair } = await inRoot()
    const opened = await session()
    pair.client.destroy(new ConnectionError('ERR_FAKESSH_CONNECTION_LOST', 'cut'))
    await opened.close()
    await until(() => sessions.size === 0)
    await expect(opened.run('ls')).rejects.toMatchObject({ code: 'ERR_FAKESSH_NOT_STARTED' })
    expect(uncaught).toEqual([])
  })

  test('a connection that is lost while it opens rejects', async () => {
    const { session, pair } = await inRoot()
    const opening = session()
    pair.client.destroy(new ConnectionError('ERR_FAKESSH_CONNECTION_LOST', 'cut'))
    await expect(opening).rejects.toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
  })

  test('the time to open it is bounded, and the server is told', async () => {
    let release: () => void = () => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    const deps = { resolveCwd: () => released.then(() => '/') }
    const { session, sessions } = await inRoot({ deps })
    await expect(session({ timeoutMs: 30 })).rejects.toMatchObject({ code: 'ERR_FAKESSH_TIMEOUT' })
    const controller = new AbortController()
    const opening = session({ signal: controller.signal })
    controller.abort('enough')
    await expect(opening).rejects.toBe('enough')
    release()
    await until(() => sessions.size === 0)
  })

  test('it does not keep a closing connection waiting', async () => {
    const { session, pair } = await inRoot()
    await session()
    const startedAt = performance.now()
    await pair.client.close(60_000)
    expect(performance.now() - startedAt).toBeLessThan(10_000)
  })
})
