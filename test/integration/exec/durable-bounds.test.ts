// What a durable exec may cost the server, and that its bounds drop the oldest output only, and only while nobody is attached.
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { FakeSshClient } from '../../../src/index.js'
import type { MemoryReading } from '../../fixtures/memory-meter.js'
import { childPeer } from '../../helpers/child-peer.js'
import { bytesOfLines, printLines, readLines, untilJobEnded } from '../../helpers/job-lines.js'
import { served } from '../../helpers/served.js'
import { turns } from '../../helpers/until.js'

const MIB = 1_048_576
describe('a job that nobody is attached to', () => {
  test('runs on, keeps the newest 64 MiB and tells of the rest, in little memory', async () => {
    const host = await childPeer('job-server')
    const url = await host.call<string>('listen')
    const bytes = bytesOfLines(200 * MIB)
    const client = await FakeSshClient.connect(url)
    await client.run('true')
    await host.call('begin')
    const proc = client.exec(`${printLines(bytes)}; exit 4`, { durable: true })
    await once(proc, 'spawn')
    const id = proc.jobId as string
    proc.detach()
    await expect(proc.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    await untilJobEnded(client, id)
    const memory = await host.call<MemoryReading>('read')
    expect(memory.peak - memory.before).toBeLessThan(64 * MIB)
    expect(await client.jobs()).toMatchObject([
      { id, state: 'exited', exitCode: 4, attached: false, stdoutBytes: bytes, stderrBytes: 0 },
    ])

    const read = await readLines(client.attach(id))
    expect(read).toMatchObject({ wrong: undefined, end: bytes, rest: 0 })
    expect(read.result).toMatchObject({ exitCode: 4, gaps: read.gaps })
    const [gap, ...more] = read.gaps
    expect(more).toEqual([])
    expect(gap).toMatchObject({ stream: 'stdout', offset: 0 })
    const kept = bytes - (gap?.bytes ?? 0)
    expect(kept).toBe(read.result.stdoutBytes)
    expect(kept).toBeGreaterThan(64 * MIB)
    expect(kept).toBeLessThanOrEqual(65 * MIB)
    await client.close()
  }, 60_000)

  test('without a file keeps what fits into memory', async () => {
    const all = await served({ transport: 'tls', limits: { jobMemoryBytes: 65_536, jobSpillBytes: 0 } })
    const client = await all.connect()
    const proc = client.exec(printLines(MIB), { durable: true })
    await once(proc, 'spawn')
    proc.detach()
    const id = proc.jobId as string
    await untilJobEnded(client, id)
    const { gaps, wrong, end, result } = await readLines(client.attach(id))
    expect(wrong).toBeUndefined()
    expect(end).toBe(bytesOfLines(MIB))
    expect(gaps).toEqual([{ stream: 'stdout', offset: 0, bytes: end - result.stdoutBytes }])
    expect(result.stdoutBytes).toBeGreaterThan(65_536 - 16_384)
    expect(result.stdoutBytes).toBeLessThanOrEqual(65_536)
    expect(result.gaps).toEqual(gaps)
  })
})

describe('a job that somebody is attached to', () => {
  /** One that prints 16 MiB to a reader that does not read, and has come to rest. */
  async function stalled() {
    const limits = { jobMemoryBytes: 65_536, jobSpillBytes: 262_144 }
    const all = await served({ transport: 'tls', limits })
    const client = await all.connect()
    const proc = client.exec(printLines(16 * MIB), { durable: true })
    proc.pause()
    await once(proc, 'spawn')
    const id = proc.jobId as string
    await untilStill(client, id)
    return { client, proc, id }
  }

  test('waits for a reader that stopped, and goes on when it reads, with nothing dropped', async () => {
    const { client, proc } = await stalled()
    const [job] = await client.jobs()
    // What the log, the pipe and both ends of the window hold.
    expect(job?.stdoutBytes).toBeGreaterThan(MIB)
    expect(job?.stdoutBytes).toBeLessThan(4 * MIB)
    expect(job?.state).toBe('running')
    const { gaps, wrong, end, result } = await readLines(proc)
    expect({ gaps, wrong }).toEqual({ gaps: [], wrong: undefined })
    expect(end).toBe(bytesOfLines(16 * MIB))
    expect(result).toMatchObject({ exitCode: 0, gaps: [] })
  }, 30_000)

  test('goes on without the reader once that has gone', async () => {
    const { client, proc, id } = await stalled()
    proc.detach()
    await untilJobEnded(client, id)
    expect(await client.jobs()).toMatchObject([
      { state: 'exited', exitCode: 0, stdoutBytes: bytesOfLines(16 * MIB) },
    ])
  }, 30_000)

  test('with a log far smaller than the window loses nothing to a reader that reads', async () => {
    const all = await served({ transport: 'tls', limits: { jobMemoryBytes: 4_096, jobSpillBytes: 0 } })
    const client = await all.connect()
    const { gaps, wrong, end } = await readLines(client.exec(printLines(8 * MIB), { durable: true }))
    expect({ gaps, wrong, end }).toEqual({ gaps: [], wrong: undefined, end: bytesOfLines(8 * MIB) })
  }, 30_000)
})

/** Waits until the program writes no more, as it is made to wait: 200 times in a row it has written as much as before. */
async function untilStill(client: FakeSshClient, id: string): Promise<void> {
  let [before, same] = [0, 0]
  while (same < 200) {
    const job = (await client.jobs()).find((one) => one.id === id)
    const bytes = job?.stdoutBytes ?? 0
    same = bytes > 0 && bytes === before ? same + 1 : 0
    before = bytes
    await turns(1)
  }
}
