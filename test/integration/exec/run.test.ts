// run(): collecting, limits, encodings, input, and what it rejects with.
import { createReadStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { ExecError } from '../../../src/errors.js'
import { execPair } from '../../helpers/exec-pair.js'
import { until } from '../../helpers/processes.js'
import { recordUncaught } from '../../helpers/uncaught.js'

describe('what it collects', () => {
  test('both outputs as text, with the facts of the result', async () => {
    const { run } = await execPair()
    expect(await run('echo héllo; echo 你好 >&2')).toMatchObject({
      command: 'echo héllo; echo 你好 >&2',
      stdout: 'héllo\n',
      stderr: '你好\n',
      exitCode: 0,
      signal: null,
      truncated: false,
      stdoutBytes: 7,
      stderrBytes: 7,
      timedOut: false,
    })
  })

  test('bytes where that is asked for', async () => {
    const { run } = await execPair()
    const { stdout, stderr } = await run('printf "\\377\\000"; printf "\\376" >&2', { encoding: 'buffer' })
    expect([stdout, stderr]).toEqual([Buffer.from([255, 0]), Buffer.from([254])])
  })

  test('everything of a large output, in order', async () => {
    const { run } = await execPair()
    const { stdout } = await run('seq', ['1', '300000'])
    expect(stdout).toBe(`${Array.from({ length: 300_000 }, (_, i) => i + 1).join('\n')}\n`)
  })

  test('both outputs at once, each in its own order', async () => {
    const { run } = await execPair()
    const { stdout, stderr } = await run('for i in 1 2 3 4 5; do echo o$i; echo e$i >&2; done')
    expect([stdout, stderr]).toEqual(['o1\no2\no3\no4\no5\n', 'e1\ne2\ne3\ne4\ne5\n'])
  })
})

describe('maxBuffer', () => {
  test('drops what is over, and goes on reading', async () => {
    const { run } = await execPair()
    const result = await run('head -c 3000000 /dev/zero; echo short >&2; exit 0', { maxBuffer: 1000 })
    expect([result.stdout.length, result.stderr, result.truncated]).toEqual([1000, 'short\n', true])
    expect(result.stdoutBytes).toBe(3_000_000)
  })

  test('counts each output for itself', async () => {
    const { run } = await execPair()
    expect(await run('printf 12345; printf 12345 >&2', { maxBuffer: 5 })).toMatchObject({ truncated: false })
    expect(await run('printf 1; printf 123456 >&2', { maxBuffer: 5 })).toMatchObject({
      stderr: '12345',
      truncated: true,
    })
  })

  test('cuts no character in two', async () => {
    const { run } = await execPair()
    for (let maxBuffer = 0; maxBuffer <= 10; maxBuffer += 1) {
      const { stdout } = await run('printf "é你😀z"', { maxBuffer })
      expect('é你😀z'.startsWith(stdout)).toBe(true)
    }
  })

  test('10 MiB by default', async () => {
    const { run } = await execPair()
    const result = await run('head -c 10485761 /dev/zero')
    expect([result.stdout.length, result.truncated]).toEqual([10_485_760, true])
  })
})

describe('input', () => {
  test('nothing is the end of the input', async () => {
    const { run } = await execPair()
    expect((await run('cat; echo end')).stdout).toBe('end\n')
  })

  test.each([
    ['a string', 'héllo', 'héllo'],
    ['an empty string', '', ''],
    ['bytes', Buffer.from('bytes'), 'bytes'],
    ['a view', new Uint8Array([65, 66, 67]).subarray(1), 'BC'],
    ['a stream', Readable.from(['a', 'b']), 'ab'],
  ])('%s', async (_name, input, output) => {
    const { run } = await execPair()
    expect((await run('cat', { input })).stdout).toBe(output)
  })

  test('a file', async () => {
    const { run, root } = await execPair()
    writeFileSync(join(root, 'file'), 'x'.repeat(1_000_000))
    const { stdout } = await run('wc -c', { input: createReadStream(join(root, 'file')) })
    expect(stdout.trim()).toBe('1000000')
  })

  test('a stream that fails fails the run, and ends the command', async () => {
    const { run, started, ended, untilEnded } = await execPair()
    const input = new PassThrough()
    const running = run('cat', { input }).catch((thrown) => thrown)
    input.write('half')
    await until(() => started.length === 1)
    input.destroy(new Error('disk on fire'))
    const error = await running
    expect(error).toMatchObject({
      name: 'ExecError',
      code: 'ERR_FAKESSH_CLOSED',
      cause: { message: 'disk on fire' },
    })
    await untilEnded(1)
    expect(ended[0]?.end.isCancelled).toBe(true)
  })

  test('a stream that never ends does not hold up a command that does not read it', async () => {
    const { run } = await execPair()
    const input = new PassThrough()
    expect((await run('echo done', { input })).stdout).toBe('done\n')
    expect(input.destroyed).toBe(true)
  })
})

describe('what it rejects with', () => {
  test('a non-zero exit, with everything that is known', async () => {
    const { run } = await execPair()
    const error = await run('echo out; echo err >&2; exit 3').catch((thrown) => thrown)
    expect(error).toBeInstanceOf(ExecError)
    expect(error).toMatchObject({
      code: 'ERR_FAKESSH_EXIT',
      message: "exec 'echo out; echo err >&2; exit 3': exited with code 3",
      op: 'exec',
      exitCode: 3,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
      truncated: false,
      stdoutBytes: 4,
      stderrBytes: 4,
      timedOut: false,
    })
  })

  test('a signal', async () => {
    const { run } = await execPair()
    await expect(run('kill -9 $$')).rejects.toMatchObject({
      code: 'ERR_FAKESSH_EXIT',
      exitCode: null,
      signal: 'SIGKILL',
      message: expect.stringContaining('was ended by SIGKILL'),
    })
  })

  test('nothing of the kind with reject: false', async () => {
    const { run } = await execPair()
    expect(await run('exit 3', { reject: false })).toMatchObject({ exitCode: 3 })
    expect(await run('kill -9 $$', { reject: false })).toMatchObject({ signal: 'SIGKILL' })
  })

  test('but a failure is an error also then', async () => {
    const { run } = await execPair()
    await expect(run('no-such-program', [], { reject: false })).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('stderr alone is no failure', async () => {
    const { run } = await execPair()
    expect(await run('echo warning >&2')).toMatchObject({ exitCode: 0, stderr: 'warning\n' })
  })

  test('a timeout, with what arrived so far', async () => {
    const { run } = await execPair()
    await expect(run('echo so far; sleep 60', { timeoutMs: 500 })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_TIMEOUT',
      timedOut: true,
      stdout: 'so far\n',
      stderr: '',
    })
  })

  test('the reason of an abort, as it is', async () => {
    const { run } = await execPair()
    const reason = new Error('mine')
    await expect(run('sleep 60', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('the encoding holds for the error too', async () => {
    const { run } = await execPair()
    await expect(run('printf x; exit 1', { encoding: 'buffer' })).rejects.toMatchObject({
      stdout: Buffer.from('x'),
    })
  })

  test.each([
    [{ encoding: 'latin1' }, 'encoding'],
    [{ maxBuffer: -1 }, 'maxBuffer'],
    [{ maxBuffer: 1.5 }, 'maxBuffer'],
    [{ maxBuffer: '1' }, 'maxBuffer'],
    [{ reject: 0 }, 'reject'],
    [{ input: 7 }, 'input'],
    [{ input: null }, 'input'],
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ cwd: 5 }, 'cwd'],
  ])('the mistake %j, before anything is run', async (options, where) => {
    const { run, started } = await execPair()
    await expect(run('ls', options as never)).rejects.toMatchObject({
      code: 'ERR_FAKESSH_INVALID_ARG',
      message: expect.stringContaining(`${where}: expected`),
    })
    expect(started).toEqual([])
  })

  test('nothing unhandled', async () => {
    const uncaught = recordUncaught()
    const { run } = await execPair()
    const attempts = [run('exit 1'), run('gone', []), run('sleep 60', { timeoutMs: 20 })]
    const outcomes = await Promise.allSettled(attempts)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(uncaught).toEqual([])
  })
})
