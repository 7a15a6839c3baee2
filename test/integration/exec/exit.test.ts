// How commands end, and that only the server's word for it counts.
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { execPair } from '../../helpers/exec-pair.js'
import { openFiles, until } from '../../helpers/processes.js'

describe('exit codes', () => {
  test.each([0, 1, 2, 3, 64, 126, 127, 128, 129, 143, 200, 254, 255])('%i', async (code) => {
    const { exec } = await execPair()
    expect(await exec(`exit ${code}`).result).toMatchObject({ exitCode: code, signal: null, timedOut: false })
  })

  test('of a program without a shell', async () => {
    const { exec } = await execPair()
    expect(await exec('sh', ['-c', 'exit 9']).result).toMatchObject({
      exitCode: 9,
      command: "sh -c 'exit 9'",
    })
  })

  test('a program that the shell does not find is an exit code', async () => {
    const { run } = await execPair()
    const { exitCode, stderr } = await run('no-such-program-here', { reject: false })
    expect([exitCode, stderr]).toEqual([127, expect.stringContaining('not found')])
  })
})

describe('signals', () => {
  test.each(['SIGTERM', 'SIGKILL', 'SIGHUP', 'SIGUSR1', 'SIGSEGV', 'SIGABRT'])('%s', async (signal) => {
    const { exec } = await execPair()
    expect(await exec(`kill -${signal.slice(3)} $$`).result).toMatchObject({ exitCode: null, signal })
  })
})

describe('the result', () => {
  test('counts both outputs and what stdin took', async () => {
    const { run } = await execPair()
    const result = await run('cat >/dev/null; printf 12345; printf 123 >&2', { input: 'four' })
    expect(result).toMatchObject({
      stdinBytes: 4,
      stdoutBytes: 5,
      stderrBytes: 3,
      stdioLeaked: false,
      cwd: '/',
    })
    expect(result.durationMs).toBeGreaterThan(0)
  })

  test('arrives without a reader, and the output can be read afterwards', async () => {
    const { exec } = await execPair()
    const proc = exec('echo out; echo err >&2')
    await proc.result
    expect([String(proc.read()), String(proc.stderr.read())]).toEqual(['out\n', 'err\n'])
  })

  test('comes with the events of the process', async () => {
    const { exec, started, ended, untilEnded } = await execPair()
    const proc = exec('exit 3')
    const [[info], [result]] = await Promise.all([once(proc, 'spawn'), once(proc, 'exit')])
    expect(info).toEqual({ pid: expect.any(Number), cwd: '/', shell: '/bin/sh', refusedEnv: [] })
    expect(proc.pid).toBe(info.pid)
    expect(await proc.result).toBe(result)
    await untilEnded(1)
    expect(started).toEqual([{ target: { command: 'exit 3' }, run: 'shell', pid: info.pid, cwd: '/' }])
    expect(ended[0]?.end).toMatchObject({ exitCode: 3, signal: null, isCancelled: false })
  })
})

describe('what cannot start', () => {
  test('a missing program is ENOENT and named', async () => {
    const { exec, failed } = await execPair()
    const proc = exec('no-such-program', ['x'])
    await expect(proc.result).rejects.toMatchObject({
      name: 'ExecError',
      code: 'ENOENT',
      op: 'exec',
      host: 'memory',
      exitCode: null,
      message:
        "exec 'no-such-program x': cannot run 'no-such-program': no such program, or its interpreter is missing",
    })
    expect(failed).toMatchObject([{ code: 'ENOENT' }])
  })

  test('a file that is no program is EACCES', async () => {
    const { exec, root } = await execPair()
    writeFileSync(join(root, 'data'), 'x')
    await expect(exec('./data', []).result).rejects.toMatchObject({ code: 'EACCES' })
    await expect(exec('./', []).result).rejects.toMatchObject({ code: 'EACCES' })
  })

  test('a missing interpreter is ENOENT of the program', async () => {
    const { exec, root } = await execPair()
    writeFileSync(join(root, 'script'), '#!/no/such/interpreter\n', { mode: 0o755 })
    await expect(exec('./script', []).result).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining('its interpreter is missing'),
    })
  })

  test('a command line above what the operating system takes is E2BIG', async () => {
    const { exec } = await execPair()
    await expect(exec(`: ${'x'.repeat(200_000)}`).result).rejects.toMatchObject({ code: 'E2BIG' })
  })

  test('a server without its shell says so', async () => {
    const { exec } = await execPair({ deps: { shell: '/no/such/shell' } })
    await expect(exec('ls').result).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('errors name no path that the client did not write', async () => {
    const { exec, root } = await execPair()
    writeFileSync(join(root, 'data'), 'x')
    for (const proc of [exec('./data', []), exec('ls', { cwd: 'gone' }), exec('gone', [])]) {
      const error = await proc.result.catch((thrown: Error) => thrown)
      expect(JSON.stringify([String(error), error])).not.toContain(root)
    }
  })

  test('a failure of the server itself is told without details', async () => {
    const deps = { resolveCwd: () => Promise.reject(new Error('secret /srv/path')) }
    const { exec, failed } = await execPair({ deps })
    await expect(exec('ls').result).rejects.toMatchObject({
      code: 'ERR_FAKESSH_INTERNAL',
      message: "exec 'ls': the server failed to start the operation",
    })
    expect(failed).toMatchObject([{ message: 'secret /srv/path' }])
  })

  test('leaves nothing open', async () => {
    const { exec } = await execPair()
    const fail = () => exec('no-such-program', []).result.catch(() => {})
    await fail()
    const before = openFiles()
    for (let i = 0; i < 20; i += 1) await fail()
    await until(() => openFiles() <= before)
  })
})

describe('the working directory', () => {
  test('is the root by default, and any directory below it', async () => {
    const { run, root } = await execPair()
    mkdirSync(join(root, 'a/b c'), { recursive: true })
    expect(await run('pwd')).toMatchObject({ stdout: `${root}\n`, cwd: '/' })
    expect(await run('pwd', { cwd: 'a/b c' })).toMatchObject({ stdout: `${root}/a/b c\n`, cwd: '/a/b c' })
    expect(await run('pwd', [], { cwd: '/a' })).toMatchObject({ stdout: `${root}/a\n`, cwd: '/a' })
  })

  test.each([
    ['ENOENT', 'missing'],
    ['ENOTDIR', 'file'],
  ])('is a hard %s, not a missing program', async (code, cwd) => {
    const { exec, root, started } = await execPair()
    writeFileSync(join(root, 'file'), '')
    for (const proc of [exec('ls', { cwd }), exec('ls', [], { cwd })]) {
      await expect(proc.result).rejects.toMatchObject({ code, message: expect.stringContaining(`'${cwd}'`) })
    }
    expect(started).toEqual([])
  })

  test('one that vanishes while the command starts is still not a missing program', async () => {
    const { exec } = await execPair({
      deps: { resolveCwd: async () => '/no/such/directory', toShownPath: () => '/w' },
    })
    await expect(exec('ls', []).result).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining("the working directory '/w' cannot be used"),
    })
  })
})

test('a hundred commands at once each get their own answer', async () => {
  const { run, pair } = await execPair()
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => run(`echo ${i}; echo e${i} >&2; exit ${i}`, { reject: false })),
  )
  expect(answers.map(({ stdout, stderr, exitCode }) => [stdout, stderr, exitCode])).toEqual(
    answers.map((_, i) => [`${i}\n`, `e${i}\n`, i]),
  )
  expect(pair.internalErrors).toEqual([])
})
