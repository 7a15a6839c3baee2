// Ending commands: by kill, by timeout, by abort, by destroy, and by losing the connection. Nothing survives.
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { ConnectionError } from '../../../src/errors.js'
import type { ExecProcess } from '../../../src/exec/exec-process.js'
import { type ExecPair, execPair } from '../../helpers/exec-pair.js'
import { processesWith, sleepMarker, until } from '../../helpers/processes.js'

/** A tree of three processes of which none obeys SIGTERM. */
async function stubborn(pair: ExecPair, options = {}): Promise<{ proc: ExecProcess; marker: string }> {
  const marker = sleepMarker()
  const proc = pair.exec(`trap "" TERM; sleep ${marker} & (sleep ${marker} & wait) & echo up; wait`, options)
  await once(proc, 'data')
  await until(() => processesWith(`sleep\0${marker}`).length === 2)
  return { proc, marker }
}

describe('kill()', () => {
  test('reaches the whole group, also after stdin has ended', async () => {
    const { exec } = await execPair()
    const marker = sleepMarker()
    const proc = exec(`sleep ${marker} & sleep ${marker} & echo up; wait`)
    proc.end()
    await once(proc, 'data')
    await until(() => processesWith(`sleep\0${marker}`).length === 2)
    expect(await proc.kill()).toBe(true)
    expect(await proc.result).toMatchObject({ exitCode: null, signal: 'SIGTERM' })
    await until(() => processesWith(marker).length === 0)
  })

  test('force kills a tree that ignores SIGTERM, and leaves no survivor', async () => {
    const pair = await execPair()
    const { proc, marker } = await stubborn(pair)
    expect(await proc.kill('SIGTERM', { forceKillAfterMs: 50 })).toBe(true)
    expect(await proc.result).toMatchObject({ signal: 'SIGKILL' })
    await until(() => processesWith(marker).length === 0)
  })

  test('force kills what is left when the command itself has obeyed', async () => {
    const { exec } = await execPair()
    const marker = sleepMarker()
    const proc = exec(`(trap "" TERM; exec sleep ${marker}) >/dev/null 2>&1 & echo up; wait`)
    await once(proc, 'data')
    await until(() => processesWith(`sleep\0${marker}`).length === 1)
    expect(await proc.kill('SIGTERM', { forceKillAfterMs: 50 })).toBe(true)
    expect(await proc.result).toMatchObject({ signal: 'SIGTERM' })
    await until(() => processesWith(marker).length === 0)
  })

  test('can ask for something else than the end', async () => {
    const { exec } = await execPair()
    const proc = exec('trap "echo reloaded" HUP; trap "exit 7" INT; echo up; while :; do sleep 0.01; done')
    await once(proc, 'data')
    expect(await proc.kill('SIGHUP')).toBe(true)
    const [answer] = await once(proc, 'data')
    expect(String(answer)).toBe('reloaded\n')
    expect(await proc.kill('SIGINT')).toBe(true)
    proc.resume()
    expect(await proc.result).toMatchObject({ exitCode: 7, signal: null })
  })

  test('before the start is delivered at the start', async () => {
    const { exec } = await execPair()
    const proc = exec('sleep 60')
    expect(await proc.kill('SIGKILL')).toBe(true)
    expect(await proc.result).toMatchObject({ signal: 'SIGKILL' })
  })

  test('after the end is false', async () => {
    const { exec } = await execPair()
    const proc = exec('true')
    await proc.result
    expect(await proc.kill()).toBe(false)
    expect(await proc.kill('SIGKILL')).toBe(false)
  })

  test('with a signal that does not exist is refused, and the command runs on', async () => {
    const { exec } = await execPair()
    const proc = exec('cat')
    await once(proc, 'spawn')
    await expect(proc.kill('SIGNOPE' as NodeJS.Signals)).rejects.toMatchObject({
      code: 'ERR_FAKESSH_INVALID_ARG',
    })
    proc.end('still here')
    expect(await text(proc)).toBe('still here')
  })

  test('gets through while stdin and stdout are both stuck', async () => {
    const { exec } = await execPair()
    const proc = exec('yes')
    proc.pause()
    for (let i = 0; i < 40; i += 1) proc.write(Buffer.alloc(65_536))
    await once(proc, 'spawn')
    expect(await proc.kill('SIGKILL')).toBe(true)
    proc.resume()
    expect(await proc.result).toMatchObject({ signal: 'SIGKILL' })
  })
})

describe('what ends a command leaves no survivor', () => {
  const deps = { killGraceMs: 50 }

  test('timeoutMs', async () => {
    const pair = await execPair({ deps })
    const { proc, marker } = await stubborn(pair, { timeoutMs: 1500 })
    await expect(proc.result).rejects.toMatchObject({
      code: 'ERR_FAKESSH_TIMEOUT',
      timedOut: true,
      stdoutBytes: 3,
      message: expect.stringContaining('ran longer than its timeoutMs of 1500'),
    })
    await pair.untilEnded(1)
    await until(() => processesWith(marker).length === 0)
    expect(pair.ended[0]?.end).toMatchObject({ isCancelled: true, exitCode: null, signal: null })
  })

  test('signal', async () => {
    const pair = await execPair({ deps })
    const controller = new AbortController()
    const { proc, marker } = await stubborn(pair, { signal: controller.signal })
    const reason = new Error('changed my mind')
    controller.abort(reason)
    await expect(proc.result).rejects.toBe(reason)
    await pair.untilEnded(1)
    await until(() => processesWith(marker).length === 0)
    // The connection stays usable.
    expect(await pair.exec('exit 5').result).toMatchObject({ exitCode: 5 })
  })

  test('a signal aborted without an error rejects with what it was aborted with', async () => {
    const { exec } = await execPair({ deps })
    const controller = new AbortController()
    const proc = exec('sleep 60', { signal: controller.signal })
    await once(proc, 'spawn')
    controller.abort('plain text')
    await expect(proc.result).rejects.toBe('plain text')
    expect(proc.errored).toMatchObject({ code: 'ERR_FAKESSH_CANCELLED', cause: 'plain text' })
  })

  test('destroy()', async () => {
    const pair = await execPair({ deps })
    const { proc, marker } = await stubborn(pair)
    proc.destroy()
    await expect(proc.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    await pair.untilEnded(1)
    await until(() => processesWith(marker).length === 0)
  })

  test('destroy() before the command has started', async () => {
    const pair = await execPair({ deps })
    const marker = sleepMarker()
    const procs = Array.from({ length: 10 }, () => pair.exec(`sleep ${marker}; true`))
    await Promise.resolve()
    for (const proc of procs) proc.destroy()
    await once(pair.exec('true'), 'exit')
    await until(() => processesWith(marker).length === 0)
    expect(pair.pair.internalErrors).toEqual([])
  })

  test('leaving for await', async () => {
    const pair = await execPair({ deps })
    const proc = pair.exec('yes')
    for await (const _chunk of proc) break
    await pair.untilEnded(1)
    expect(pair.ended[0]?.end.isCancelled).toBe(true)
  })

  test('await using', async () => {
    const pair = await execPair({ deps })
    {
      await using proc = pair.exec('sleep 60')
      await once(proc, 'spawn')
    }
    await pair.untilEnded(1)
    expect(pair.ended[0]?.end.isCancelled).toBe(true)
  })

  test.each(['client', 'server'] as const)('a connection lost at the %s', async (side) => {
    const pair = await execPair({ deps })
    const { proc, marker } = await stubborn(pair)
    pair.pair[side].destroy(new ConnectionError('ERR_FAKESSH_CONNECTION_LOST', 'cut'))
    await expect(proc.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST', stdoutBytes: 3 })
    await pair.untilEnded(1)
    await until(() => processesWith(marker).length === 0)
  })
})

describe('while a command is ended', () => {
  test('its stdin does not end: half of the input must not look like the whole', async () => {
    const pair = await execPair({ deps: { killGraceMs: 300 } })
    const proc = pair.exec('echo up; trap "" TERM; cat > part; mv part whole')
    proc.write('half')
    await once(proc, 'data')
    const part = join(pair.root, 'part')
    await until(() => existsSync(part) && readFileSync(part, 'utf8') === 'half')
    proc.destroy()
    await pair.untilEnded(1)
    expect(existsSync(join(pair.root, 'whole'))).toBe(false)
  })

  test('it may still write, and is not stuck on a full pipe', async () => {
    const pair = await execPair({ deps: { killGraceMs: 20_000 } })
    const proc = pair.exec(
      'trap "head -c 1000000 /dev/zero; : > clean; exit" TERM; echo up; while :; do sleep 0.01; done',
    )
    await once(proc, 'data')
    proc.destroy()
    await pair.untilEnded(1)
    expect(existsSync(join(pair.root, 'clean'))).toBe(true)
  })

  test('the end at the client is told at once, the channel is free when the group is gone', async () => {
    const pair = await execPair({ deps: { killGraceMs: 100 } })
    const { proc } = await stubborn(pair)
    const before = pair.pair.client.pendingOperations
    proc.destroy()
    await expect(proc.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    expect(pair.pair.client.pendingOperations).toBe(before)
    await pair.untilEnded(1)
    await until(() => pair.pair.client.pendingOperations === 0)
  })

  test('a command that ended of itself while nobody read keeps its exit code', async () => {
    // What it left behind writes until nobody takes any more, so that its output stays open however much is read ahead.
    const pair = await execPair({ deps: { leakGraceMs: 20_000 } })
    const proc = pair.exec('yes & exit 3')
    proc.pause()
    await once(proc, 'spawn')
    // Not only dead: collected. The server knows by the time it knows of a later one.
    await until(() => !existsSync(`/proc/${proc.pid}`))
    const later = pair.exec('true')
    later.end()
    await later.result
    proc.destroy()
    await pair.untilEnded(2)
    expect(pair.ended[1]?.end).toMatchObject({ isCancelled: true, exitCode: 3, signal: null })
  })
})
