// In-process commands: functions of the server that look like programs to the client.
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { ConnectionError } from '../../../src/errors.js'
import type { CommandContext, CommandHandler } from '../../../src/exec/command-context.js'
import { execPair } from '../../helpers/exec-pair.js'
import { until } from '../../helpers/processes.js'
import { recordUncaught } from '../../helpers/uncaught.js'

const aborted = (signal: AbortSignal) =>
  new Promise<unknown>((resolve) =>
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true }),
  )

/** A pair with one command, called `cmd`. */
const withCommand = (cmd: CommandHandler, options: Parameters<typeof execPair>[0] = {}) =>
  execPair({ commands: { cmd }, deps: { killGraceMs: 50 }, ...options })

describe('what a command returns', () => {
  test.each([
    [undefined, 0],
    [0, 0],
    [7, 7],
    [255, 255],
  ])('%s is exit code %i', async (value, exitCode) => {
    const { run } = await withCommand(() => value)
    expect(await run('cmd', { reject: false })).toMatchObject({ exitCode, signal: null, stderr: '' })
  })

  test.each([
    [256, 'returned 256'],
    [-1, 'returned -1'],
    [1.5, 'returned 1.5'],
    [Number.NaN, 'returned NaN'],
    ['0', 'returned string'],
    [null, 'returned object'],
    [true, 'returned boolean'],
  ])('%j is exit code 1, and said', async (value, message) => {
    const { run } = await withCommand(() => value as number)
    const { exitCode, stderr } = await run('cmd', { reject: false })
    expect([exitCode, stderr]).toEqual([1, `cmd: ${message}, expected an exit code from 0 to 255\n`])
  })

  test.each<[string, CommandHandler]>([
    [
      'throws',
      () => {
        throw new Error('broken pipe dream')
      },
    ],
    [
      'rejects',
      async () => {
        await turn()
        throw new Error('broken pipe dream')
      },
    ],
  ])(
    'one that %s is exit code 1 with the message and no stack, and the cause is for the server',
    async (_name, cmd) => {
      const { run, ended, untilEnded } = await withCommand(cmd)
      const { exitCode, stderr } = await run('cmd', { reject: false })
      expect([exitCode, stderr]).toEqual([1, 'cmd: broken pipe dream\n'])
      await untilEnded(1)
      expect(ended[0]?.end.error).toMatchObject({ message: 'broken pipe dream' })
    },
  )

  test('what is no error says nothing', async () => {
    const { run } = await withCommand(() => Promise.reject('secret'))
    expect(await run('cmd', { reject: false })).toMatchObject({ exitCode: 1, stderr: 'cmd: failed\n' })
  })
})

describe('what a command is given', () => {
  test('arguments, environment, directory and user', async () => {
    let seen: CommandContext | undefined
    const { run, root } = await withCommand(
      (context) => {
        seen = context
      },
      { env: { BASE: '1' } },
    )
    const result = await run('cmd', ['a b', ''], { env: { MINE: '2', LD_PRELOAD: 'x' } })
    expect(seen).toMatchObject({ args: ['a b', ''], cwd: root, user: 'test', env: { BASE: '1', MINE: '2' } })
    expect(seen?.env).not.toHaveProperty('LD_PRELOAD')
    expect(result).toMatchObject({ cwd: '/', refusedEnv: ['LD_PRELOAD'] })
  })

  test('no pid and no shell', async () => {
    const { exec } = await withCommand(() => 0)
    const proc = exec('cmd')
    const [info] = await once(proc, 'spawn')
    expect(info).toEqual({ pid: undefined, cwd: '/', shell: undefined, refusedEnv: [] })
  })

  test('a directory that exists, or it does not start', async () => {
    const { exec, started } = await withCommand(() => 0)
    await expect(exec('cmd', [], { cwd: 'gone' }).result).rejects.toMatchObject({ code: 'ENOENT' })
    expect(started).toEqual([])
  })

  test('stdin to its end', async () => {
    const { run } = await withCommand(async ({ stdin, stdout }) => {
      stdout.write((await text(stdin)).toUpperCase())
    })
    const input = 'abc'.repeat(400_000)
    expect(await run('cmd', { input })).toMatchObject({ stdout: input.toUpperCase(), stdinBytes: 1_200_000 })
  })

  test('a name as a whole command line, and nothing else', async () => {
    const { run } = await withCommand(() => 3)
    expect((await run('cmd', { reject: false })).exitCode).toBe(3)
    expect((await run('cmd x', { reject: false })).exitCode).toBe(127)
  })
})

describe('the outputs of a command', () => {
  test('are apart, and counted', async () => {
    const { run, ended, untilEnded } = await withCommand(({ stdout, stderr }) => {
      stdout.write('out')
      stderr.write('errr')
    })
    expect(await run('cmd')).toMatchObject({ stdout: 'out', stderr: 'errr', stdoutBytes: 3, stderrBytes: 4 })
    await untilEnded(1)
    expect(ended[0]?.end).toMatchObject({ stdoutBytes: 3, stderrBytes: 4, isCancelled: false })
  })

  test('arrive whole though the command returns at once', async () => {
    const big = Buffer.alloc(3_000_000, 'x')
    const { run } = await withCommand(({ stdout }) => void stdout.write(big))
    expect((await run('cmd')).stdout.length).toBe(big.length)
  })

  test('make the command wait for a reader', async () => {
    const written: Record<string, number> = { read: 0, unread: 0 }
    const { exec, run } = await withCommand(async ({ args: [name], stdout }) => {
      for (let i = 0; i < 100; i += 1) {
        if (!stdout.write(Buffer.alloc(65_536))) await once(stdout, 'drain')
        written[name as string] = (written[name as string] ?? 0) + 65_536
      }
    })
    const proc = exec('cmd', ['unread'])
    proc.pause()
    expect((await run('cmd', ['read'])).stdoutBytes).toBe(6_553_600)
    await until(() => (written.unread as number) > 1_000_000)
    expect(written.unread).toBeLessThan(2_500_000)
    expect((await text(proc)).length).toBe(6_553_600)
  })

  test('can be ended, destroyed or written to after the end', async () => {
    const uncaught = recordUncaught()
    const { run } = await withCommand(({ stdout, stderr }) => {
      stdout.end('out')
      stdout.write('late')
      stderr.destroy()
      stderr.write('late')
      return 4
    })
    expect(await run('cmd', { reject: false })).toMatchObject({ exitCode: 4, stderr: '' })
    expect(uncaught).toEqual([])
  })

  test('an input that is not read does not hang the client', async () => {
    const { run } = await withCommand(({ stdout }) => void stdout.write('done'))
    expect(await run('cmd', { input: Buffer.alloc(2_000_000) })).toMatchObject({
      stdout: 'done',
      exitCode: 0,
    })
  })
})

describe('killing a command', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s aborts its signal; by ending so it is ended by it',
    async (signal) => {
      let reason: unknown
      const { exec } = await withCommand(async (context) => {
        reason = await aborted(context.signal)
        throw reason
      })
      const proc = exec('cmd')
      await once(proc, 'spawn')
      expect(await proc.kill(signal)).toBe(true)
      expect(await proc.result).toMatchObject({ exitCode: null, signal })
      expect(reason).toMatchObject({
        code: 'ERR_FAKESSH_CANCELLED',
        message: `the command was ended by ${signal}`,
      })
    },
  )

  test('one that returns in good order keeps its exit code', async () => {
    const { run, exec } = await withCommand(async ({ signal, stdout }) => {
      await aborted(signal)
      stdout.write('tidy')
      return 5
    })
    const proc = exec('cmd')
    await once(proc, 'spawn')
    await proc.kill()
    expect(await text(proc)).toBe('tidy')
    expect(await proc.result).toMatchObject({ exitCode: 5, signal: null })
    expect(await run('true')).toMatchObject({ exitCode: 0 })
  })

  test('one that ignores it is given up, and what it writes then goes nowhere', async () => {
    const uncaught = recordUncaught()
    let finish: () => void = () => {}
    let late: Error | null | undefined
    const { exec, ended, untilEnded } = await withCommand(async ({ stdout }) => {
      stdout.write('early')
      await new Promise<void>((resolve) => (finish = resolve))
      late = await new Promise((resolve) => stdout.write('late', resolve))
      throw new Error('too late to matter')
    })
    const proc = exec('cmd')
    await once(proc, 'data')
    expect(await proc.kill('SIGTERM', { forceKillAfterMs: 20 })).toBe(true)
    expect(await proc.result).toMatchObject({ exitCode: null, signal: 'SIGKILL', stdoutBytes: 5 })
    await untilEnded(1)
    finish()
    await until(() => late instanceof Error)
    await turn()
    expect([ended.length, uncaught]).toEqual([1, []])
  })

  test('the server has a grace time of its own', async () => {
    const { exec } = await withCommand(() => new Promise(() => {}))
    const proc = exec('cmd')
    await once(proc, 'spawn')
    await proc.kill('SIGINT')
    expect(await proc.result).toMatchObject({ signal: 'SIGKILL' })
  })

  test('SIGKILL ends it at once', async () => {
    let signal: AbortSignal | undefined
    const { exec } = await withCommand(
      (context) => {
        signal = context.signal
        return new Promise(() => {})
      },
      { deps: { killGraceMs: 60_000 } },
    )
    const proc = exec('cmd')
    await once(proc, 'spawn')
    expect(await proc.kill('SIGKILL')).toBe(true)
    expect(await proc.result).toMatchObject({ signal: 'SIGKILL' })
    expect(signal?.aborted).toBe(true)
  })

  test('signals that end no program are not delivered', async () => {
    const { exec } = await withCommand(({ stdin }) => text(stdin).then(() => 0))
    const proc = exec('cmd')
    for (const signal of ['SIGSTOP', 'SIGCONT', 'SIGWINCH'] as const)
      expect(await proc.kill(signal)).toBe(false)
    await expect(proc.kill('SIGNOPE' as never)).rejects.toMatchObject({ code: 'ERR_FAKESSH_INVALID_ARG' })
    proc.end()
    expect(await proc.result).toMatchObject({ exitCode: 0 })
  })
})

describe('a client that goes away', () => {
  test.each(['destroy', 'lose'] as const)('aborts the command: %s', async (how) => {
    const uncaught = recordUncaught()
    let reason: unknown
    const { exec, pair, ended, untilEnded } = await withCommand(async (context) => {
      reason = await aborted(context.signal)
      throw reason
    })
    const proc = exec('cmd')
    await once(proc, 'spawn')
    if (how === 'destroy') proc.destroy()
    else pair.client.destroy(new ConnectionError('ERR_FAKESSH_CONNECTION_LOST', 'cut'))
    await untilEnded(1)
    expect(reason).toMatchObject({
      code: how === 'destroy' ? 'ERR_FAKESSH_CANCELLED' : 'ERR_FAKESSH_CONNECTION_LOST',
    })
    expect(ended[0]?.end).toMatchObject({ isCancelled: true, exitCode: null, signal: null })
    expect(ended[0]?.end).not.toHaveProperty('error')
    expect(uncaught).toEqual([])
  })

  test('ends its input early, as an error', async () => {
    let seen: unknown
    const { exec, untilEnded } = await withCommand(async ({ stdin }) => {
      seen = await text(stdin).catch((error) => error)
    })
    const proc = exec('cmd')
    proc.write('half')
    await once(proc, 'spawn')
    proc.destroy()
    await untilEnded(1)
    expect(seen).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
  })

  test('does not wait for ever for a command that ignores it', async () => {
    const { exec, ended, untilEnded, pair } = await withCommand(() => new Promise(() => {}))
    const proc = exec('cmd')
    await once(proc, 'spawn')
    proc.destroy()
    await untilEnded(1)
    expect(ended[0]?.end.isCancelled).toBe(true)
    await until(() => pair.client.pendingOperations === 0)
  })

  test('while a command that has returned waits for it to read', async () => {
    let hasReturned = false
    const { exec, ended, untilEnded } = await withCommand(({ stdout }) => {
      stdout.write(Buffer.alloc(4_000_000))
      hasReturned = true
    })
    const proc = exec('cmd')
    proc.pause()
    await until(() => hasReturned)
    expect(await proc.kill()).toBe(false)
    proc.destroy()
    await untilEnded(1)
    expect(ended).toHaveLength(1)
    expect(ended[0]?.end.isCancelled).toBe(true)
  })
})

test('a hundred commands at once', async () => {
  const { run, pair } = await withCommand(async ({ args, stdin, stdout }) => {
    stdout.write(`${args[0]}:${await text(stdin)}`)
    return Number(args[0])
  })
  const all = await Promise.all(
    Array.from({ length: 100 }, (_, i) => run('cmd', [String(i)], { input: `in${i}`, reject: false })),
  )
  expect(all.map(({ stdout, exitCode }) => [stdout, exitCode])).toEqual(all.map((_, i) => [`${i}:in${i}`, i]))
  expect(pair.internalErrors).toEqual([])
})
