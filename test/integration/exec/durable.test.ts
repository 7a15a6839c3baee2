// Durable execs: attached to, detached from, listed, signalled, forgotten, bound to their user, and gone when they should be.
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import {
  type AuthorizeRequest,
  type ExecProcess,
  FakeSshClient,
  type FakeSshError,
  FakeSshServer,
  generateToken,
} from '../../../src/index.js'
import { gate } from '../../helpers/gate.js'
import { jobState, untilJobEnded } from '../../helpers/job-lines.js'
import { processesWith, sleepMarker, until } from '../../helpers/processes.js'
import { served } from '../../helpers/served.js'
import { turns } from '../../helpers/until.js'

const RANDOM_ID = 'ab'.repeat(32)

/** Runs until a file with this name is made in the root, then ends with the code. */
const untilFile = (name: string, exitCode = 0) =>
  `echo up; until [ -e ${name} ]; do sleep 0.01; done; echo done; exit ${exitCode}`

/** A durable exec that has started, and that nobody is attached to. */
async function detached(client: FakeSshClient, command: string): Promise<string> {
  const proc = client.exec(command, { durable: true })
  await once(proc, 'spawn')
  proc.detach()
  return proc.jobId as string
}

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: FakeSshError) => error.code,
  )
}

describe('exec with durable', () => {
  test('is an exec like any other while the connection lasts', async () => {
    const client = await (await served()).connect()
    const proc = client.exec('cat; echo err >&2; exit 3', { durable: true })
    expect(proc.jobId).toMatch(/^[0-9a-f]{64}$/)
    proc.end('héllo 你好 😀, again')
    const [stdout, stderr, result] = await Promise.all([text(proc), text(proc.stderr), proc.result])
    expect([stdout, stderr]).toEqual(['héllo 你好 😀, again', 'err\n'])
    expect(result).toMatchObject({ exitCode: 3, stdinBytes: 25, stdoutBytes: 25, stderrBytes: 4, gaps: [] })
    expect(proc.offsets).toEqual({ stdout: 25, stderr: 4 })
  })

  test('run() works with it, and gives its gaps', async () => {
    const client = await (await served()).connect()
    const result = await client.run('sort', [], { durable: true, input: 'b\na\n' })
    expect(result).toMatchObject({ stdout: 'a\nb\n', exitCode: 0, gaps: [] })
  })

  test('an exec that is not has no job, and cannot be detached from', async () => {
    const client = await (await served()).connect()
    const proc = client.exec('echo hello')
    expect(proc.jobId).toBeUndefined()
    expect(() => proc.detach()).toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG' }))
    expect(await text(proc)).toBe('hello\n')
    expect(proc.offsets).toEqual({ stdout: 6, stderr: 0 })
    expect(await client.jobs()).toEqual([])
  })

  test('cannot be part of a session, nor of an in-process command', async () => {
    const all = await served({ commands: { hello: () => 0 } })
    const client = await all.connect()
    const session = await client.session()
    expect(() => session.exec('ls', { durable: true })).toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG' }),
    )
    await session.close()
    const proc = client.exec('hello', [], { durable: true })
    await expect(proc.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_UNSUPPORTED' })
    expect(await client.jobs()).toEqual([])
  })

  test('one that cannot be started leaves no job', async () => {
    const client = await (await served()).connect()
    const proc = client.exec('no-such-program', [], { durable: true })
    await expect(proc.result).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await client.jobs()).toEqual([])
  })

  test.each(['detach', 'destroy'] as const)('%s() lets it run on', async (how) => {
    const all = await served()
    const client = await all.connect()
    const proc = client.exec(untilFile('go', 5), { durable: true })
    await once(proc, 'data')
    proc[how]()
    await expect(proc.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    expect(proc.offsets).toEqual({ stdout: 3, stderr: 0 })
    expect(await jobState(client, proc.jobId)).toBe('running')
    await client.run('touch go')
    const again = client.attach(proc.jobId as string, proc.offsets)
    expect(await text(again)).toBe('done\n')
    expect(await again.result).toMatchObject({ exitCode: 5, command: untilFile('go', 5), stdoutBytes: 5 })
  })

  test('outlives its connection', async () => {
    const all = await served()
    const client = await all.connect()
    const proc = client.exec(untilFile('go'), { durable: true })
    await once(proc, 'data')
    await client.close({ drainMs: 0 })
    await expect(proc.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    const other = await all.connect()
    expect(await jobState(other, proc.jobId)).toBe('running')
    await other.run('touch go')
    expect(await text(other.attach(proc.jobId as string))).toBe('up\ndone\n')
  })

  test.each([
    ['timeoutMs', () => ({ timeoutMs: 300 })],
    ['signal', () => ({ signal: AbortSignal.timeout(300) })],
  ])('%s ends it: the whole group', async (_name, bound) => {
    const all = await served()
    const client = await all.connect()
    const marker = sleepMarker()
    const proc = client.exec(`sleep ${marker} & sleep ${marker}`, { durable: true, ...bound() })
    await expect(proc.result).rejects.toBeInstanceOf(Error)
    await until(() => processesWith(marker).length === 0)
    await untilJobEnded(client, proc.jobId)
    expect(await client.jobs()).toMatchObject([{ exitCode: null, signal: 'SIGTERM', attached: false }])
  })

  test('an abort before the start was confirmed ends it too', async () => {
    const all = await served()
    const client = await all.connect()
    const marker = sleepMarker()
    const controller = new AbortController()
    const proc = client.exec(`sleep ${marker}`, { durable: true, signal: controller.signal })
    setImmediate(() => controller.abort(new Error('never mind')))
    await expect(proc.result).rejects.toThrow('never mind')
    await until(() => all.events('exec').some(({ phase }) => phase === 'end'))
    expect(processesWith(marker)).toEqual([])
  })

  test('one that is aborted while it waits for a free channel is never started', async () => {
    const all = await served({ limits: { maxChannels: 1 } })
    const client = await all.connect()
    const first = client.exec('cat')
    await once(first, 'spawn')
    const controller = new AbortController()
    const proc = client.exec('touch started', { durable: true, signal: controller.signal })
    controller.abort(new Error('never mind'))
    await expect(proc.result).rejects.toThrow('never mind')
    first.end()
    await first.result
    expect(await client.jobs()).toEqual([])
    expect(all.events('exec').filter(({ phase }) => phase === 'start')).toHaveLength(1)
  })

  test('one whose client is gone before it is allowed is never started', async () => {
    const [isAsked, mayGo] = [gate<void>(), gate<void>()]
    const authorize = async (request: AuthorizeRequest) => {
      if (request.op !== 'exec') return true
      isAsked.open()
      await mayGo.promise
      return true
    }
    const all = await served({ authorize })
    const [client, other] = [await all.connect(), await all.connect()]
    const outcome = codeOf(client.exec('touch started', { durable: true }).result)
    await isAsked.promise
    await client.close({ drainMs: 0 })
    expect(await outcome).toBe('ERR_FAKESSH_CLOSED')
    await until(() => all.events('disconnect').length === 1)
    mayGo.open()
    expect(await other.jobs()).toEqual([])
    expect(all.events('exec')).toEqual([])
  })

  test('kill() reaches the whole group', async () => {
    const client = await (await served()).connect()
    const marker = sleepMarker()
    const proc = client.exec(`sleep ${marker} & echo up; wait`, { durable: true })
    await once(proc, 'data')
    expect(await proc.kill('SIGKILL')).toBe(true)
    expect(await proc.result).toMatchObject({ exitCode: null, signal: 'SIGKILL' })
    await until(() => processesWith(marker).length === 0)
  })
})

describe('attach()', () => {
  test('tells again from any offset, also when the job has ended, as often as it is asked', async () => {
    const client = await (await served()).connect()
    const id = await detached(client, 'printf 0123456789; printf abcdef >&2; exit 4')
    await untilJobEnded(client, id)
    for (const [stdout, stderr] of [
      [0, 0],
      [3, 6],
      [10, 2],
    ] as const) {
      const proc = client.attach(id, { stdout, stderr })
      const told = await Promise.all([text(proc), text(proc.stderr), proc.result])
      expect(told.slice(0, 2)).toEqual(['0123456789'.slice(stdout), 'abcdef'.slice(stderr)])
      expect(told[2]).toMatchObject({ exitCode: 4, gaps: [], stdoutBytes: 10 - stdout })
      expect(proc.offsets).toEqual({ stdout: 10, stderr: 6 })
    }
  })

  test('refuses an offset that is not there yet', async () => {
    const client = await (await served()).connect()
    const id = await detached(client, 'printf 0123456789')
    await untilJobEnded(client, id)
    expect(await codeOf(client.attach(id, { stdout: 11 }).result)).toBe('ERR_FAKESSH_INVALID_ARG')
  })

  test('takes up stdin where it was left, by whoever wrote it', async () => {
    const all = await served()
    const [first, second] = [await all.connect(), await all.connect()]
    const proc = first.exec('cat', { durable: true })
    proc.write('one ')
    await once(proc, 'data')
    proc.detach()
    const again = second.attach(proc.jobId as string)
    again.end('two')
    expect(await text(again)).toBe('one two')
    expect(await again.result).toMatchObject({ exitCode: 0, stdinBytes: 7 })
  })

  test('finds stdin as it was left, with its end, also where the program had not taken it yet', async () => {
    const client = await (await served()).connect()
    const proc = client.exec('until [ -e go ]; do sleep 0.01; done; wc -c', { durable: true })
    // More than a pipe holds.
    proc.end(Buffer.alloc(250_000))
    await once(proc, 'finish')
    proc.detach()
    await client.run('touch go')
    const again = client.attach(proc.jobId as string)
    expect((await text(again)).trim()).toBe('250000')
    expect(await again.result).toMatchObject({ exitCode: 0, stdinBytes: 250_000 })
  })

  test('to a job whose stdin has ended reports a write as a command that reads no more would', async () => {
    const client = await (await served()).connect()
    const proc = client.exec(`cat; ${untilFile('go')}`, { durable: true })
    proc.end('in')
    await once(proc, 'data')
    proc.detach()
    const again = client.attach(proc.jobId as string)
    const failure = new Promise((resolve) => again.once('error', resolve))
    again.write('more')
    await once(again, 'spawn')
    await client.run('touch go')
    expect(await text(again)).toBe('inup\ndone\n')
    expect(await failure).toMatchObject({ code: 'EPIPE' })
    expect(await again.result).toMatchObject({ exitCode: 0, stdinBytes: 2 })
  })

  test('takes the place of whoever is attached; of two at once exactly one wins', async () => {
    const all = await served()
    const clients = [await all.connect(), await all.connect()]
    for (let round = 1; round <= 10; round += 1) {
      const id = await detached(clients[0] as FakeSshClient, untilFile(`go${round}`, round))
      const procs = clients.map((client) => client.attach(id))
      const outcomes = procs.map((proc) => Promise.allSettled([text(proc), proc.result]))
      const [loser] = await Promise.race(outcomes.map(async (outcome, i) => [i, await outcome] as const))
      await clients[loser]?.run(`touch go${round}`)
      const [lost, won] = [await outcomes[loser], await outcomes[1 - loser]]
      expect(lost?.[1]).toMatchObject({ status: 'rejected', reason: { code: 'ERR_FAKESSH_FENCED' } })
      expect(won).toMatchObject([
        { status: 'fulfilled', value: 'up\ndone\n' },
        { status: 'fulfilled', value: { exitCode: round } },
      ])
    }
  })

  test('that was asked for earlier, and is allowed later, does not take the place of one that was asked for after it', async () => {
    const [isAsked, mayGo] = [gate<void>(), gate<void>()]
    let attaches = 0
    const authorize = async (request: AuthorizeRequest) => {
      if (request.op === 'job' && request.action === 'attach') {
        attaches += 1
        if (attaches === 1) {
          isAsked.open()
          await mayGo.promise
        }
      }
      return true
    }
    const all = await served({ authorize })
    const [first, second] = [await all.connect(), await all.connect()]
    const id = await detached(first, untilFile('go', 5))
    const late = codeOf(first.attach(id).result)
    await isAsked.promise
    const proc = second.attach(id)
    await once(proc, 'spawn')
    mayGo.open()
    expect(await late).toBe('ERR_FAKESSH_FENCED')
    await first.run('touch go')
    expect(await text(proc)).toBe('up\ndone\n')
    expect(await proc.result).toMatchObject({ exitCode: 5 })
  })

  test('of an older attachment the program does not wait for', async () => {
    const all = await served()
    const [first, second] = [await all.connect(), await all.connect()]
    const stuck = first.exec('seq 1 500000', { durable: true })
    stuck.pause()
    await once(stuck, 'spawn')
    const failure = once(stuck, 'error')
    const fresh = second.attach(stuck.jobId as string)
    const lines = (await text(fresh)).split('\n')
    expect([lines[0], lines.length]).toEqual(['1', 500_001])
    // It is told, although it does not read what was sent to it before.
    expect(await failure).toMatchObject([{ code: 'ERR_FAKESSH_FENCED' }])
  })

  test('from the end on frees a program that waited for one that was behind', async () => {
    const all = await served({ limits: { jobMemoryBytes: 65_536, jobSpillBytes: 0 } })
    const [first, second] = [await all.connect(), await all.connect()]
    const stuck = first.exec('seq 1 500000; echo last', { durable: true })
    stuck.pause()
    stuck.on('error', () => {})
    await once(stuck, 'spawn')
    const stdoutBytes = async () => (await second.jobs())[0]?.stdoutBytes ?? 0
    while ((await stdoutBytes()) < 1_048_576) await turns(1)
    const fresh = second.attach(stuck.jobId as string, { stdout: await stdoutBytes() })
    expect((await text(fresh)).endsWith('\nlast\n')).toBe(true)
    expect(await fresh.result).toMatchObject({ exitCode: 0, gaps: [] })
  })

  test.each([
    ['', {}],
    ['ab'.repeat(31), {}],
    [RANDOM_ID.toUpperCase(), {}],
    [RANDOM_ID, { stdout: -1 }],
    [RANDOM_ID, { stderr: 1.5 }],
    [RANDOM_ID, { timeoutMs: 0 }],
  ])('throws for arguments that cannot be meant (case %#)', async (id, options) => {
    const client = await (await served()).connect()
    expect(() => client.attach(id, options)).toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG' }),
    )
  })
})

describe('jobs', () => {
  test('are listed, signalled and forgotten by id', async () => {
    const client = await (await served()).connect()
    const marker = sleepMarker()
    const running = await detached(client, `exec sleep ${marker}`)
    const ended = await detached(client, 'echo out; echo err >&2; exit 6')
    await untilJobEnded(client, ended)
    const [first, second] = await client.jobs()
    expect(first).toEqual({
      id: running,
      command: `exec sleep ${marker}`,
      pid: expect.any(Number),
      startedAtMs: expect.any(Number),
      state: 'running',
      exitCode: null,
      signal: null,
      attached: false,
      stdoutBytes: 0,
      stderrBytes: 0,
    })
    expect(second).toMatchObject({ id: ended, state: 'exited', exitCode: 6, stdoutBytes: 4, stderrBytes: 4 })

    await expect(client.forgetJob(running)).rejects.toMatchObject({ code: 'ERR_FAKESSH_INVALID_ARG' })
    expect(await client.killJob(running)).toBe(true)
    await until(() => processesWith(marker).length === 0)
    await untilJobEnded(client, running)
    expect(await client.killJob(running)).toBe(false)
    await client.forgetJob(running)
    await client.forgetJob(ended)
    expect(await client.jobs()).toEqual([])
    for (const call of [client.killJob(ended), client.forgetJob(ended), client.attach(ended).result])
      await expect(call).rejects.toMatchObject({ code: 'ERR_FAKESSH_NO_JOB' })
  })

  test('calls for them are checked', async () => {
    const client = await (await served()).connect()
    const id = await detached(client, 'sleep 60')
    const signal = AbortSignal.abort(new Error('no'))
    await expect(client.jobs({ signal })).rejects.toThrow('no')
    for (const call of [
      client.killJob('x'),
      client.forgetJob('x'),
      client.killJob(id, 'TERM' as NodeJS.Signals),
      client.killJob(id, 'SIGNOPE' as NodeJS.Signals),
      client.killJob(id, 'SIGTERM', { forceKillAfterMs: -1 }),
      client.jobs({ timeoutMs: 0 }),
    ])
      await expect(call).rejects.toMatchObject({ code: 'ERR_FAKESSH_INVALID_ARG' })
  })

  test('of which one is forgotten while somebody reads it end there', async () => {
    const all = await served()
    const [reader, other] = [await all.connect(), await all.connect()]
    const id = await detached(reader, 'seq 1 500000')
    await untilJobEnded(other, id)
    const proc = reader.attach(id)
    proc.pause()
    await once(proc, 'spawn')
    await other.forgetJob(id)
    proc.resume()
    expect(await codeOf(proc.result)).toBe('ERR_FAKESSH_NO_JOB')
  })

  test('of another user do not exist', async () => {
    const token = generateToken()
    const all = await served({ transport: 'tls', users: { eve: { token, exec: 'shell' } } })
    const client = await all.connect()
    const eve = await FakeSshClient.connect(all.server.connectionString('eve'))
    const id = await detached(client, 'sleep 60')
    expect(await eve.jobs()).toEqual([])
    const failures = async (job: string) => {
      const calls: Promise<unknown>[] = [eve.attach(job).result, eve.killJob(job), eve.forgetJob(job)]
      const outcomes = await Promise.allSettled(calls)
      return outcomes.map((outcome) => {
        const { code, message } = (outcome as PromiseRejectedResult).reason
        return { code, message: message.replaceAll(job.slice(0, 8), 'ID') }
      })
    }
    expect(await failures(id)).toEqual(await failures(RANDOM_ID))
    expect((await failures(id)).map(({ code }) => code)).toEqual(Array(3).fill('ERR_FAKESSH_NO_JOB'))
    expect(await jobState(client, id)).toBe('running')
    await eve.close()
  })

  test('and a user may have only so many, those included whose end was heard, until they are forgotten', async () => {
    const all = await served({ limits: { maxJobs: 3 } })
    const client = await all.connect()
    const ids = [await detached(client, 'sleep 60'), await detached(client, 'sleep 60')]
    const heard = client.exec('true', { durable: true })
    await heard.result
    const refused = client.exec('true', { durable: true })
    await expect(refused.result).rejects.toMatchObject({
      code: 'ERR_FAKESSH_LIMIT',
      message: expect.stringContaining('maxJobs is 3'),
    })
    expect(await client.attach(heard.jobId as string).result).toMatchObject({ exitCode: 0 })
    await client.forgetJob(heard.jobId as string)
    const id = await detached(client, 'sleep 60')
    expect((await client.jobs()).map((job) => job.id)).toEqual([...ids, id])
  })

  test('and all users together may have only so many', async () => {
    const all = await served({
      transport: 'tls',
      limits: { maxJobsTotal: 2 },
      users: { eve: { token: generateToken(), exec: 'shell' } },
    })
    const client = await all.connect()
    const eve = await FakeSshClient.connect(all.server.connectionString('eve'))
    const id = await detached(client, 'true')
    await detached(eve, 'sleep 60')
    await expect(eve.run('true', { durable: true })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_LIMIT',
      message: expect.stringContaining('maxJobsTotal is 2'),
    })
    await untilJobEnded(client, id)
    await client.forgetJob(id)
    expect(await eve.run('true', { durable: true })).toMatchObject({ exitCode: 0 })
    await eve.close()
  })

  test('that have ended are dropped after a time, but not under a reader', async () => {
    const all = await served({ limits: { jobExpiryMs: 200 } })
    const client = await all.connect()
    const read = await detached(client, 'seq 1 500000')
    const unread = await detached(client, 'true')
    const proc = client.attach(read)
    proc.pause()
    await untilJobEnded(client, unread)
    while ((await jobState(client, unread)) !== undefined);
    expect(await codeOf(client.attach(unread).result)).toBe('ERR_FAKESSH_NO_JOB')
    expect((await text(proc)).length).toBe(3_388_895)
    while ((await client.jobs()).length > 0);
    expect(await codeOf(client.attach(read).result)).toBe('ERR_FAKESSH_NO_JOB')
  })

  test('with long commands fit into one list', async () => {
    const all = await served({ limits: { maxJobs: 500 } })
    const client = await all.connect()
    const starting = Array.from({ length: 100 }, () => detached(client, `true ${'\u0001'.repeat(10_000)}`))
    await Promise.all(starting)
    const jobs = await client.jobs()
    expect(jobs).toHaveLength(100)
    expect(jobs[0]?.command).toMatch(/^true (\\x01){100,}$/)
  })
})

test.each([
  { maxJobs: 0 },
  { maxJobs: 501 },
  { maxJobsTotal: 0 },
  { jobMemoryBytes: 4095 },
  { jobSpillBytes: -1 },
  { jobExpiryMs: 0 },
])('a limit that cannot be is refused (case %#)', (limits) => {
  const users = { test: { token: generateToken() } }
  expect(() => new FakeSshServer({ users, limits })).toThrow(
    expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG' }),
  )
})

describe('who may', () => {
  test('a user without exec has no jobs', async () => {
    const client = await (await served({ user: { exec: false } })).connect()
    for (const call of [client.jobs(), client.killJob(RANDOM_ID), client.attach(RANDOM_ID).result])
      await expect(call).rejects.toMatchObject({ code: 'ERR_FAKESSH_DENIED' })
  })

  test('the authorize hook is asked for the start, and for whatever is done with a job', async () => {
    const asked: string[] = []
    let denied = ''
    const authorize = (request: AuthorizeRequest) => {
      const what = request.op === 'job' ? `job ${request.action} ${request.command ?? '-'}` : request.op
      asked.push(request.op === 'exec' ? `exec ${request.command} ${request.durable}` : what)
      return what === denied ? { deny: 'not today' } : true
    }
    const client = await (await served({ authorize })).connect()
    const id = await detached(client, 'exit 1')
    while ((await client.jobs())[0]?.state !== 'exited');
    const asks = ['job attach exit 1', 'job signal exit 1', 'job list -', 'job forget exit 1']
    const calls = [
      () => client.attach(id).result,
      () => client.killJob(id),
      () => client.jobs(),
      () => client.forgetJob(id),
    ]
    for (const [i, call] of calls.entries()) {
      denied = asks[i] as string
      await expect(call()).rejects.toMatchObject({
        code: 'ERR_FAKESSH_DENIED',
        message: expect.stringContaining('not today'),
      })
    }
    denied = ''
    for (const call of calls) await call()
    expect(asked[0]).toBe('exec exit 1 true')
    expect(new Set(asked.slice(1))).toEqual(new Set(asks))
  })
})

test('a job whose end cannot be learned is ended, and says so to whoever attaches', async () => {
  const all = await served({ expectsFaults: true })
  const client = await all.connect()
  const marker = sleepMarker()
  const proc = client.exec(`echo up; sleep ${marker}`, { durable: true })
  await once(proc, 'data')
  const status = readFileSync(`/proc/${proc.pid}/status`, 'utf8')
  process.kill(Number(/PPid:\s+(\d+)/.exec(status)?.[1]), 'SIGKILL')
  expect(await codeOf(proc.result)).toBe('ERR_FAKESSH_INTERNAL')
  expect(await client.jobs()).toMatchObject([{ state: 'exited', exitCode: null, signal: null }])
  const again = client.attach(proc.jobId as string)
  expect(await codeOf(again.result)).toBe('ERR_FAKESSH_INTERNAL')
  await until(() => processesWith(marker).length === 0)
})

describe('server.close()', () => {
  test('lets jobs end, within its time', async () => {
    const all = await served()
    const client = await all.connect()
    const id = await detached(client, untilFile('go'))
    await client.close()
    const closing = all.server.close({ drainMs: 10_000 })
    const marker = join(all.root, 'go')
    expect(existsSync(marker)).toBe(false)
    writeFileSync(marker, '')
    await closing
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(all.events('exec').at(-1)).toMatchObject({ phase: 'end', exitCode: 0, isCancelled: false })
  })

  test('lets what they wrote be read, within its time', async () => {
    const all = await served()
    const client = await all.connect()
    const bytes = 8_000_000
    const proc = client.exec(`head -c ${bytes} /dev/zero`, { durable: true })
    proc.pause()
    await untilJobEnded(await all.connect(), proc.jobId)
    const closing = all.server.close({ drainMs: 20_000 })
    expect((await text(proc)).length).toBe(bytes)
    expect(await proc.result).toMatchObject({ exitCode: 0, gaps: [] })
    await closing
  })

  test('ends those that do not, attached or not, with all they started', async () => {
    const all = await served()
    const client = await all.connect()
    const marker = sleepMarker()
    await detached(client, `trap "" TERM; sleep ${marker} & sleep ${marker}; sleep ${marker}`)
    const proc: ExecProcess = client.exec(`sleep ${marker} & sleep ${marker}`, { durable: true })
    await once(proc, 'spawn')
    const outcome = codeOf(proc.result)
    await until(() => processesWith(`sleep\0${marker}`).length === 4)
    await all.server.close({ drainMs: 0 })
    expect(processesWith(`sleep\0${marker}`)).toEqual([])
    expect(['ERR_FAKESSH_CANCELLED', 'ERR_FAKESSH_CONNECTION_LOST']).toContain(await outcome)
    const ends = all.events('exec').filter(({ phase }) => phase === 'end')
    expect(ends).toMatchObject([{ isCancelled: true }, { isCancelled: true }])
  })
})
