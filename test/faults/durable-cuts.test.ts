// A durable exec over a link that is cut again and again: every byte of both outputs and of stdin exactly once, and the right end.
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { type ExecProcess, type ExecResult, FakeSshClient } from '../../src/index.js'
import { type CutHow, type FaultPlan, type FaultProxy, faultProxy } from '../../src/testing/index.js'
import { childPeer } from '../helpers/child-peer.js'
import { LineCheck, numberedLines } from '../helpers/numbered-lines.js'
import { type Served, served } from '../helpers/served.js'
import { until } from '../helpers/until.js'

const QUICK = { minDelayMs: 1, maxDelayMs: 20 }
const LINES = 1_000_000

interface Behind {
  readonly all: Served
  readonly proxy: FaultProxy
  /** What clients are to connect to. */
  readonly url: string
  readonly client: FakeSshClient
  finish(): Promise<void>
}

async function behindProxy(seed: number): Promise<Behind> {
  const all = await served({ transport: 'tls' })
  const target = all.server.connectionString('test')
  const proxy = await faultProxy({ target: { port: Number(new URL(target).port) }, seed })
  const url = proxy.connectionString(target)
  const client = await FakeSshClient.connect(url, { reconnect: QUICK })
  const finish = async () => {
    await client.close({ drainMs: 0 })
    await all.finish()
    await proxy.close()
  }
  return { all, proxy, url, client, finish }
}

/** A cut at a random byte. With `end` what passed is read before it is noticed; after a reset an end that just then writes does not read it any more. */
const cutAfter = (min: number, max: number, how: CutHow = 'reset') => ({
  cut: { afterBytes: { min, max }, how },
})

/** Makes these cuts on each connection, until there were so many of them. */
function cutTimes(proxy: FaultProxy, times: number, plan: FaultPlan): () => number {
  let cuts = 0
  proxy.on('fault', () => {
    cuts += 1
    if (cuts === times) proxy.setFaults({})
  })
  proxy.setFaults(plan)
  return () => cuts
}

/** The result, once both outputs were every line, once and in order. */
async function everyLineOf(proc: ExecProcess): Promise<ExecResult> {
  const [stdout, stderr] = [new LineCheck(), new LineCheck()]
  proc.on('data', (bytes) => stdout.take(bytes))
  proc.stderr.on('data', (bytes) => stderr.take(bytes))
  const result = await proc.result
  await Promise.all([until(() => proc.readableEnded), until(() => proc.stderr.readableEnded)])
  expect(stdout.outcome).toEqual({ last: LINES, wrong: undefined, rest: '' })
  expect(stderr.outcome).toEqual({ last: LINES, wrong: undefined, rest: '' })
  return result
}

describe('1,000,000 numbered lines on stdout and on stderr', () => {
  test.each([1, 2])(
    'come once and in order over a link that is cut 50 times (seed %i)',
    async (seed) => {
      const { proxy, client, finish } = await behindProxy(seed)
      const cuts = cutTimes(proxy, 50, { down: cutAfter(20_000, 400_000) })
      const proc = client.exec(numberedLines(LINES, 7), { durable: true })
      const result = await everyLineOf(proc)
      expect(result).toMatchObject({ exitCode: 7, signal: null, gaps: [], stdioLeaked: false })
      expect(result.stdoutBytes).toBe(result.stderrBytes)
      expect(proc.offsets).toEqual({ stdout: result.stdoutBytes, stderr: result.stderrBytes })
      expect(cuts()).toBe(50)
      await finish()
    },
    60_000,
  )

  test('come whole to a process that attaches after the one that started them was killed', async () => {
    const { all, proxy, url, client, finish } = await behindProxy(3)
    const starter = await childPeer('durable-client')
    // Half of them before, and half after.
    const half = `seq 1 ${LINES / 2} & seq 1 ${LINES / 2} >&2; wait; until [ -e go ]; do sleep 0.01; done`
    const command = `${half}; ${numberedLines(LINES, 9, LINES / 2 + 1)}`
    const id = await starter.call<string>('start', url, command)
    await starter.call('read', 1_000_000)
    starter.kill('SIGKILL')
    await starter.exited
    expect(all.running().length).toBeGreaterThan(0)
    await client.run('touch go')
    const cuts = cutTimes(proxy, 10, { down: cutAfter(20_000, 400_000) })
    const proc = client.attach(id)
    const result = await everyLineOf(proc)
    expect(result).toMatchObject({ exitCode: 9, gaps: [], command })
    expect(cuts()).toBe(10)
    await finish()
  }, 60_000)
})

describe('stdin', () => {
  const BYTES = 20 * 1_048_576

  test.each([4, 5])(
    'of 20 MiB arrives whole over a link that is cut 30 times (seed %i)',
    async (seed) => {
      const { proxy, client, finish } = await behindProxy(seed)
      const input = randomBytes(BYTES)
      const cuts = cutTimes(proxy, 30, { up: cutAfter(20_000, 800_000, 'end') })
      const proc = client.exec('sha256sum', [], { durable: true })
      const output = text(proc)
      const chunks = Array.from({ length: BYTES / 65_536 }, (_, i) =>
        input.subarray(i * 65_536, (i + 1) * 65_536),
      )
      Readable.from(chunks).pipe(proc)
      const result = await proc.result
      expect(await output).toBe(`${createHash('sha256').update(input).digest('hex')}  -\n`)
      expect(result).toMatchObject({ exitCode: 0, stdinBytes: BYTES })
      expect(cuts()).toBe(30)
      await finish()
    },
    60_000,
  )

  test('comes back from cat as it was, over a link that is cut in both directions', async () => {
    const { proxy, client, finish } = await behindProxy(6)
    const input = randomBytes(4 * 1_048_576)
    const cut = cutAfter(10_000, 300_000, 'end')
    const cuts = cutTimes(proxy, 30, { up: cut, down: cut })
    const proc = client.exec('cat', [], { durable: true })
    const hash = createHash('sha256')
    proc.on('data', (bytes) => hash.update(bytes))
    proc.end(input)
    const result = await proc.result
    await until(() => proc.readableEnded)
    expect(result).toMatchObject({ exitCode: 0, stdinBytes: input.length, stdoutBytes: input.length })
    expect(hash.digest('hex')).toBe(createHash('sha256').update(input).digest('hex'))
    expect(cuts()).toBe(30)
    await finish()
  }, 60_000)
})
