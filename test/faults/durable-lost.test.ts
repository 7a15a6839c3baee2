// What becomes of a durable exec when a connection, a client or a server is lost at an awkward moment.
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { FakeSshClient, generateToken, type OutputGap } from '../../src/index.js'
import { faultProxy } from '../../src/testing/index.js'
import { childPeer } from '../helpers/child-peer.js'
import { processesWith, sleepMarker, until } from '../helpers/processes.js'
import { type ServedOptions, served } from '../helpers/served.js'

const QUICK = { minDelayMs: 1, maxDelayMs: 20 }

/** A client of a server behind a proxy that can cut it off. */
async function behindProxy(reconnect: boolean | object = QUICK, options: ServedOptions = {}) {
  const all = await served({ transport: 'tls', ...options })
  const target = all.server.connectionString('test')
  const proxy = await faultProxy({ target: { port: Number(new URL(target).port) } })
  const client = await FakeSshClient.connect(proxy.connectionString(target), { reconnect })
  const finish = async () => {
    await client.close({ drainMs: 0 })
    await all.finish()
    await proxy.close()
  }
  return { all, client, proxy, finish }
}

describe('a connection that is lost', () => {
  test('before the start was confirmed: the command runs once, and is taken up', async () => {
    const { all, client, proxy, finish } = await behindProxy()
    proxy.blackHole('down')
    const proc = client.exec('echo run >> runs; cat runs; cat; exit 3', { durable: true })
    proc.end('in')
    await until(() => all.events('exec').length > 0)
    proxy.cut()
    proxy.heal()
    expect(await text(proc)).toBe('run\nin')
    expect(await proc.result).toMatchObject({ exitCode: 3, stdinBytes: 2 })
    expect(all.events('exec').map(({ phase }) => phase)).toEqual(['start', 'end'])
    await finish()
  })

  test('again before the start was confirmed', async () => {
    const { all, client, proxy, finish } = await behindProxy()
    proxy.blackHole('down')
    const proc = client.exec('echo run >> runs; cat runs', { durable: true })
    await until(() => all.events('exec').length > 0)
    for (let again = 0; again < 3; again += 1) {
      const isBack = new Promise((resolve) => client.once('reconnect', resolve))
      proxy.cut()
      proxy.heal()
      await isBack
    }
    expect(await text(proc)).toBe('run\n')
    expect(await proc.result).toMatchObject({ exitCode: 0 })
    await finish()
  })

  test('before the start was confirmed, and the job is forgotten meanwhile: it is not run again', async () => {
    const { all, client, proxy, finish } = await behindProxy()
    const other = await all.connect()
    proxy.blackHole('down')
    const proc = client.exec('echo run >> runs', { durable: true })
    await until(() => all.events('exec').some(({ phase }) => phase === 'end'))
    await other.forgetJob(proc.jobId as string)
    proxy.cut()
    proxy.heal()
    await expect(proc.result).rejects.toMatchObject({
      code: 'ERR_FAKESSH_NO_JOB',
      cause: { cause: { code: 'ERR_FAKESSH_CONNECTION_LOST' } },
    })
    expect((await other.run('cat runs')).stdout).toBe('run\n')
    await finish()
  })

  test('for good leaves the job to whoever has its id', async () => {
    const { all, client, proxy, finish } = await behindProxy(false)
    const proc = client.exec('echo up; cat; exit 2', { durable: true })
    await once(proc, 'data')
    proxy.cut()
    await expect(proc.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST', stdoutBytes: 3 })
    const other = await all.connect()
    const again = other.attach(proc.jobId as string, proc.offsets)
    again.end('more')
    expect(await text(again)).toBe('more')
    expect(await again.result).toMatchObject({ exitCode: 2 })
    await finish()
  })

  test('after all output, before the exit was told', async () => {
    const { client, proxy, finish } = await behindProxy()
    const proc = client.exec('echo out; exec >&- 2>&-; until [ -e go ]; do sleep 0.01; done; exit 8', {
      durable: true,
    })
    proc.end()
    expect(await text(proc)).toBe('out\n')
    proxy.cut()
    await new Promise((resolve) => client.once('reconnect', resolve))
    await client.run('touch go')
    expect(await proc.result).toMatchObject({ exitCode: 8, stdoutBytes: 4, gaps: [] })
    await finish()
  })

  test('under a reader that has stopped, eight times', async () => {
    const { client, proxy, finish } = await behindProxy()
    const proc = client.exec('seq 1 1000000', { durable: true })
    proc.pause()
    await once(proc, 'spawn')
    for (let cuts = 0; cuts < 8; cuts += 1) {
      const isBack = new Promise((resolve) => client.once('reconnect', resolve))
      proxy.cut()
      await isBack
      await client.run('true')
    }
    const lines = (await text(proc)).split('\n')
    expect(lines.length).toBe(1_000_001)
    expect(lines.every((line, i) => i === 1_000_000 || line === String(i + 1))).toBe(true)
    expect(await proc.result).toMatchObject({ exitCode: 0, gaps: [] })
    await finish()
  })

  test('under readers that have stopped, with as many channels as the server allows: they get the whole window when they go on', async () => {
    const { all, client, proxy, finish } = await behindProxy(QUICK, { limits: { maxChannels: 2 } })
    const command = 'head -c 4000000 /dev/zero; echo end'
    const procs = [client.exec(command, { durable: true }), client.exec(command, { durable: true })]
    for (const proc of procs) proc.pause()
    const other = await all.connect()
    while ((await other.jobs()).some(({ stdoutBytes }) => stdoutBytes < 2_000_000));
    const isBack = new Promise((resolve) => client.once('reconnect', resolve))
    proxy.cut()
    await isBack
    const outputs = await Promise.all(procs.map((proc) => text(proc)))
    for (const output of outputs) expect([output.length, output.slice(-4)]).toEqual([4_000_004, 'end\n'])
    for (const proc of procs) expect(await proc.result).toMatchObject({ exitCode: 0, gaps: [] })
    await finish()
  })

  test('under a reader that has stopped: none of the output is dropped once it is attached again', async () => {
    const { all, client, proxy, finish } = await behindProxy(QUICK, {
      limits: { jobMemoryBytes: 65_536, jobSpillBytes: 0 },
    })
    const proc = client.exec('head -c 20000000 /dev/zero; echo end', { durable: true })
    proc.pause()
    const other = await all.connect()
    // What was on its way at the cut may be dropped then, with nobody attached; not what comes after it.
    while (((await other.jobs())[0]?.stdoutBytes ?? 0) < 1_100_000);
    const isBack = new Promise((resolve) => client.once('reconnect', resolve))
    const gaps: OutputGap[] = []
    proc.on('gap', (gap) => gaps.push(gap))
    proxy.cut()
    await isBack
    while ((await other.jobs())[0]?.attached !== true);
    const output = await text(proc)
    expect(gaps.length).toBeLessThanOrEqual(1)
    const missing = gaps.reduce((sum, { bytes }) => sum + bytes, 0)
    expect(output.length).toBe(20_000_004 - missing)
    expect(output.endsWith('end\n')).toBe(true)
    await finish()
  })

  test('under a reader that is still before what is dropped meanwhile: its offsets say so', async () => {
    const { all, client, proxy, finish } = await behindProxy(QUICK, {
      limits: { jobMemoryBytes: 65_536, jobSpillBytes: 0 },
    })
    const other = await all.connect()
    const wait = (file: string) => `until [ -e ${file} ]; do sleep 0.01; done`
    const head = (bytes: number) => `head -c ${bytes} /dev/zero`
    const proc = client.exec(`${head(300_000)}; ${wait('go')}; ${head(2_000_000)}; ${wait('on')}`, {
      durable: true,
    })
    const hasWritten = async (bytes: number) => {
      while ((await other.jobs())[0]?.stdoutBytes !== bytes);
    }
    let read = 0
    proc.once('readable', () => {
      read = proc.read(1000).length
    })
    await Promise.all([once(proc, 'readable'), hasWritten(300_000)])
    const told = once(proc, 'gap')
    proxy.blackHole()
    proxy.cut()
    await other.run('touch go')
    await hasWritten(2_300_000)
    proxy.heal()
    const [gap] = (await told) as [OutputGap]
    expect(gap.offset).toBeGreaterThan(read)
    expect([read, proc.offsets.stdout]).toEqual([1000, 1000])
    proc.detach()

    const again = other.attach(proc.jobId as string, proc.offsets)
    const rest = text(again)
    await other.run('touch on')
    const { gaps } = await again.result
    const missing = gaps.reduce((sum, { bytes }) => sum + bytes, 0)
    expect(read + missing + (await rest).length).toBe(2_300_000)
    await finish()
  })

  test.each(['SIGTERM', 'SIGUSR1'] as const)(
    'while kill(%s) waits for one: it is sent on the next',
    async (signal) => {
      const { client, proxy, finish } = await behindProxy()
      const proc = client.exec('trap "exit 9" USR1 TERM; echo up; while :; do sleep 0.01; done', {
        durable: true,
      })
      await once(proc, 'data')
      proxy.cut()
      await new Promise((resolve) => client.once('disconnect', resolve))
      expect(await proc.kill(signal)).toBe(true)
      proc.resume()
      expect(await proc.result).toMatchObject({ exitCode: 9 })
      await finish()
    },
  )

  test('with the answer to kill(): SIGTERM is sent again, a signal that may count is not', async () => {
    const { client, proxy, finish } = await behindProxy()
    const proc = client.exec(
      'trap "echo usr" USR1; trap "exit 9" TERM; echo up; while :; do sleep 0.01; done',
      {
        durable: true,
      },
    )
    await once(proc, 'data')
    const output = text(proc)
    for (const [signal, code] of [
      ['SIGUSR1', 'ERR_FAKESSH_CONNECTION_LOST'],
      ['SIGTERM', undefined],
    ] as const) {
      const isBack = new Promise((resolve) => client.once('reconnect', resolve))
      proxy.blackHole('down')
      const before = proxy.connections[0]?.up.passed ?? 0
      const killing = proc.kill(signal).then(
        () => undefined,
        (error) => error.code,
      )
      await until(() => (proxy.connections[0]?.up.passed ?? 0) > before)
      proxy.cut()
      proxy.heal()
      await isBack
      expect(await killing).toBe(code)
    }
    expect(await proc.result).toMatchObject({ exitCode: 9 })
    expect(await output).toMatch(/^(usr\n)?$/)
    await finish()
  })

  test.each([
    ['timeoutMs', () => ({ timeoutMs: 500 }), { code: 'ERR_FAKESSH_TIMEOUT', timedOut: true }],
    ['signal', () => ({ signal: AbortSignal.timeout(500) }), { name: 'TimeoutError' }],
  ])('in a %s that is over meanwhile: the job is ended on the next one', async (_name, bound, failure) => {
    const { all, client, proxy, finish } = await behindProxy()
    const proc = client.exec('echo up; sleep 60', { durable: true, ...bound() })
    await once(proc, 'data')
    proxy.blackHole()
    proxy.cut()
    await expect(proc.result).rejects.toMatchObject(failure)
    const other = await all.connect()
    expect(await other.jobs()).toMatchObject([{ id: proc.jobId, state: 'running' }])
    proxy.heal()
    while ((await other.jobs())[0]?.state !== 'exited');
    expect(await other.jobs()).toMatchObject([{ exitCode: null, signal: 'SIGTERM' }])
    await finish()
  })

  test('after the job had expired under its reader: it is still there', async () => {
    const { all, client, proxy, finish } = await behindProxy(QUICK, { limits: { jobExpiryMs: 300 } })
    const other = await all.connect()
    const proc = client.exec('head -c 3000000 /dev/zero; exit 4', { durable: true })
    proc.pause()
    while ((await other.jobs()).some(({ id, state }) => id === proc.jobId && state !== 'exited'));
    const same = other.exec('true', { durable: true })
    await same.result
    // One that ended after it has expired.
    while ((await other.jobs()).length > 1);
    const isBack = new Promise((resolve) => client.once('reconnect', resolve))
    proxy.cut()
    await isBack
    expect((await text(proc)).length).toBe(3_000_000)
    expect(await proc.result).toMatchObject({ exitCode: 4, gaps: [] })
    await finish()
  })

  test('while another client attaches: it does not take the job back', async () => {
    const { all, client, proxy, finish } = await behindProxy()
    const other = await all.connect()
    const proc = client.exec('cat', { durable: true })
    proc.write('abc')
    await once(proc, 'data')
    proxy.blackHole()
    proxy.cut()
    await new Promise((resolve) => client.once('disconnect', resolve))
    const failure = once(proc, 'error')
    const written = new Promise((resolve) => proc.write('def', resolve))
    const second = other.attach(proc.jobId as string, proc.offsets)
    await once(second, 'spawn')
    proxy.heal()
    expect(await failure).toMatchObject([{ code: 'ERR_FAKESSH_FENCED' }])
    expect(await written).toMatchObject({ code: 'ERR_FAKESSH_FENCED' })
    second.end('ghi')
    expect(await text(second)).toBe('ghi')
    expect(await second.result).toMatchObject({ exitCode: 0, stdinBytes: 6 })
    await finish()
  })

  test('and given up: the result says why', async () => {
    const { client, proxy, finish } = await behindProxy({ ...QUICK, giveUpAfterMs: 200 })
    const proc = client.exec('echo up; sleep 60', { durable: true })
    await once(proc, 'data')
    await proxy.close()
    await expect(proc.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_CONNECT_FAILED', stdoutBytes: 3 })
    await finish()
  })
})

/** Spill files that a process holds open: they have no names any more. */
function spillFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`)
      } catch {
        return ''
      }
    })
    .filter((path) => /\/(#\d+|fake-ssh-spill-.*) \(deleted\)$/.test(path))
}

describe('a server in a process of its own', () => {
  test('holds spill files without a name, until the job expires', async () => {
    const host = await childPeer('job-server')
    const url = await host.call<string>('listen', { jobExpiryMs: 500 })
    const client = await FakeSshClient.connect(url)
    const proc = client.exec('seq 1 2000000 & seq 1 2000000 >&2; wait', { durable: true })
    proc.pause()
    await once(proc, 'spawn')
    await until(() => spillFiles(host.pid).length === 2)
    await until(() => spillFiles(host.pid).every((path) => path.endsWith(' (deleted)')))
    proc.resume()
    proc.stderr.resume()
    await proc.result
    await until(() => spillFiles(host.pid).length === 0)
    expect(await client.jobs()).toEqual([])
    await client.close()
  })

  test('gives everything back when it closes', async () => {
    const host = await childPeer('job-server')
    const url = await host.call<string>('listen')
    const client = await FakeSshClient.connect(url)
    const marker = sleepMarker()
    const proc = client.exec(`seq 1 2000000; sleep ${marker}`, { durable: true })
    await once(proc, 'spawn')
    proc.detach()
    await until(() => spillFiles(host.pid).length === 1 && processesWith(`sleep\0${marker}`).length === 1)
    await host.call('close')
    expect(spillFiles(host.pid)).toEqual([])
    expect(processesWith(`sleep\0${marker}`)).toEqual([])
    // Nothing is left that keeps the process alive.
    await host.call('leave')
    expect((await host.exited).code).toBe(0)
    await client.close()
  })

  test('that is killed ends its jobs; a client that finds a new one is told that the job is gone', async () => {
    const token = generateToken()
    const host = await childPeer('job-server')
    const url = await host.call<string>('listen', {}, token)
    const client = await FakeSshClient.connect(url, { reconnect: QUICK })
    const marker = sleepMarker()
    const proc = client.exec(`echo up; sleep ${marker}`, { durable: true })
    const silent = client.exec('cat', { durable: true })
    await Promise.all([once(proc, 'data'), once(silent, 'spawn')])
    host.kill('SIGKILL')
    await host.exited
    await until(() => processesWith(`sleep\0${marker}`).length === 0)
    const next = await childPeer('job-server')
    await next.call('listen', {}, token, Number(new URL(url).port))
    for (const one of [proc, silent])
      await expect(one.result).rejects.toMatchObject({
        code: 'ERR_FAKESSH_NO_JOB',
        cause: { cause: { code: 'ERR_FAKESSH_CONNECTION_LOST' } },
      })
    await client.close()
  })

  test('that is killed before it confirmed a start: it may have run, so it is not run again', async () => {
    const token = generateToken()
    const host = await childPeer('job-server')
    const target = new URL(await host.call<string>('listen', {}, token))
    const proxy = await faultProxy({ target: { port: Number(target.port) } })
    const client = await FakeSshClient.connect(proxy.connectionString(target.href), { reconnect: QUICK })
    const marker = sleepMarker()
    proxy.blackHole('down')
    const proc = client.exec(`sleep ${marker}`, { durable: true })
    await until(() => processesWith(marker).length > 0)
    host.kill('SIGKILL')
    await host.exited
    const next = await childPeer('job-server')
    await next.call('listen', {}, token, Number(target.port))
    proxy.cut()
    proxy.heal()
    await expect(proc.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
    expect(await client.jobs()).toEqual([])
    await until(() => processesWith(marker).length === 0)
    await client.close()
    await proxy.close()
  })
})
