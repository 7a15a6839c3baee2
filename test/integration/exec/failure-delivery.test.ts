// A failure reaches `result` if it was touched, and 'error' if somebody listens. It never ends the process.
import { getEventListeners, once } from 'node:events'
import { text } from 'node:stream/consumers'
import { finished, pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ConnectionError } from '../../../src/errors.js'
import type { ExecArguments } from '../../../src/exec/exec-arguments.js'
import type { ExecProcess } from '../../../src/exec/exec-process.js'
import { run } from '../../../src/exec/run.js'
import { type ExecPair, execPair } from '../../helpers/exec-pair.js'
import { until } from '../../helpers/processes.js'
import { recordUncaught } from '../../helpers/uncaught.js'

const LOST = 'ERR_FAKESSH_CONNECTION_LOST'
const lose = ({ pair }: ExecPair) => pair.client.destroy(new ConnectionError(LOST, 'cut'))

/** Every way an exec can fail: gives a process that fails with the code. */
const failures: [name: string, code: string, fail: (pair: ExecPair) => Promise<ExecProcess>][] = [
  ['a missing program', 'ENOENT', async ({ exec }) => exec('no-such-program', [])],
  ['a missing directory', 'ENOENT', async ({ exec }) => exec('ls', { cwd: 'gone' })],
  [
    'a refused variable',
    'ERR_FAKESSH_ENV_REFUSED',
    async ({ exec }) => exec('ls', { env: { PATH: '/' }, strictEnv: true }),
  ],
  ['a timeout', 'ERR_FAKESSH_TIMEOUT', async ({ exec }) => exec('sleep 60', { timeoutMs: 50 })],
  [
    'a lost connection while it runs',
    LOST,
    async (pair) => {
      const proc = pair.exec('echo part; sleep 60')
      await once(proc, 'spawn')
      lose(pair)
      return proc
    },
  ],
  [
    'a lost connection before it starts',
    LOST,
    async (pair) => {
      const proc = pair.exec('sleep 60')
      lose(pair)
      return proc
    },
  ],
  [
    'a connection that was lost before',
    'ERR_FAKESSH_NOT_STARTED',
    async (pair) => {
      lose(pair)
      return pair.exec('sleep 60')
    },
  ],
  [
    'a connection that is closed in order',
    'ERR_FAKESSH_CLOSED',
    async (pair) => {
      const proc = pair.exec('sleep 60')
      await once(proc, 'spawn')
      void pair.pair.close()
      return proc
    },
  ],
]
describe.each(failures)('%s', (_name, code, fail) => {
  test('with nobody listening throws nothing, and closes the stream without its end', async () => {
    const uncaught = recordUncaught()
    const pair = await execPair()
    const proc = await fail(pair)
    let hasEnded = false
    proc.on('end', () => {
      hasEnded = true
    })
    await until(() => proc.closed && proc.stderr.destroyed)
    await turn()
    await turn()
    expect(uncaught).toEqual([])
    expect(hasEnded).toBe(false)
  })

  test('rejects a result that was touched, and needs no listener', async () => {
    const uncaught = recordUncaught()
    const pair = await execPair()
    const proc = await fail(pair)
    await expect(proc.result).rejects.toMatchObject({ name: 'ExecError', code, exitCode: null, signal: null })
    await until(() => proc.closed)
    expect(uncaught).toEqual([])
  })

  test('rejects a result that is touched afterwards', async () => {
    const pair = await execPair()
    const proc = await fail(pair)
    await until(() => proc.closed)
    await expect(proc.result).rejects.toMatchObject({ code })
  })

  test('is told to a listener, once', async () => {
    const pair = await execPair()
    const proc = await fail(pair)
    const errors: unknown[] = []
    proc.on('error', (error) => errors.push(error))
    await until(() => proc.closed)
    await turn()
    expect(errors).toMatchObject([{ code }])
  })

  test('rejects whoever reads', async () => {
    const pair = await execPair()
    const proc = await fail(pair)
    await expect(text(proc)).rejects.toMatchObject({ code })
  })

  test('calls back every write', async () => {
    const pair = await execPair()
    const proc = await fail(pair)
    const writes = [1, 2, 3].map(() => new Promise((resolve) => proc.write('x'.repeat(400_000), resolve)))
    await until(() => proc.closed)
    // What the windows had room for was sent; the rest was not.
    expect((await Promise.all(writes)).at(-1)).toBeInstanceOf(Error)
    expect(await new Promise((resolve) => proc.write('late', resolve))).toBeInstanceOf(Error)
  })
})

describe('what arrived before the connection was lost', () => {
  test('is counted, and was delivered', async () => {
    const pair = await execPair()
    const proc = pair.exec('echo part; echo err >&2; sleep 60')
    const chunks: string[] = []
    proc.on('data', (chunk) => chunks.push(String(chunk)))
    const [stderr] = await once(proc.stderr, 'data')
    await until(() => chunks.length > 0)
    lose(pair)
    await expect(proc.result).rejects.toMatchObject({ code: LOST, stdoutBytes: 5, stderrBytes: 4 })
    expect([chunks.join(''), String(stderr)]).toEqual(['part\n', 'err\n'])
  })

  test('is on the error of run()', async () => {
    const pair = await execPair()
    const seen: string[] = []
    const watched = (...args: ExecArguments) => {
      const proc = pair.exec(...args)
      for (const output of [proc, proc.stderr]) output.on('data', (chunk: Buffer) => seen.push(String(chunk)))
      return proc
    }
    const running = run(watched, ['echo part; echo err >&2; sleep 60'])
    await until(() => seen.length === 2)
    lose(pair)
    await expect(running).rejects.toMatchObject({
      code: LOST,
      stdout: 'part\n',
      stderr: 'err\n',
      truncated: false,
    })
  })
})

test('a lost connection never looks like success, wherever it is cut', async () => {
  for (let turns = 0; turns < 30; turns += 1) {
    const pair = await execPair()
    const proc = pair.exec('echo out; exit 0')
    for (let i = 0; i < turns; i += 1) await turn()
    lose(pair)
    const outcome = await proc.result.then(
      ({ exitCode }) => exitCode,
      ({ code }) => code,
    )
    // The exit may have arrived before the cut; if not, it is an error.
    expect(outcome === LOST || (outcome === 0 && pair.ended.length === 1)).toBe(true)
  }
})

describe('helpers of Node', () => {
  test('pipeline() through a command', async () => {
    const { exec } = await execPair()
    const chunks: string[] = []
    const upper = exec('tr a-z A-Z')
    await pipeline(['hello ', 'world'], upper, async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) chunks.push(String(chunk))
    })
    expect(chunks.join('')).toBe('HELLO WORLD')
    expect(await upper.result).toMatchObject({ exitCode: 0 })
  })

  test('pipe() between commands', async () => {
    const { exec } = await execPair()
    const sorted = exec('sort')
    exec('printf "b\\nc\\na\\n"').pipe(sorted)
    expect(await text(sorted)).toBe('a\nb\nc\n')
  })

  test('finished()', async () => {
    const { exec } = await execPair()
    const proc = exec('cat')
    proc.end('x')
    proc.resume()
    await finished(proc)
    expect((await proc.result).exitCode).toBe(0)
  })

  test('for await to the end does not cancel the command', async () => {
    const { exec, ended, untilEnded } = await execPair()
    const proc = exec('echo one; exec >&-; sleep 0.05; exit 6')
    expect(await text(proc)).toBe('one\n')
    expect(await proc.result).toMatchObject({ exitCode: 6 })
    await untilEnded(1)
    expect(ended[0]?.end.isCancelled).toBe(false)
  })
})

test('many commands share a signal, without a listener left or a warning', async () => {
  const warnings: unknown[] = []
  const onWarning = (warning: unknown) => warnings.push(warning)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  const { exec } = await execPair()
  const { signal } = new AbortController()
  for (let i = 0; i < 5; i += 1) {
    await Promise.all(Array.from({ length: 20 }, () => exec('true', [], { signal }).result))
  }
  expect(getEventListeners(signal, 'abort')).toEqual([])
  await turn()
  expect(warnings).toEqual([])
})
