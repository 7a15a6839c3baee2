// stdout and stderr: windows of their own, unread output, text, and processes that hold them open.
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { execPair } from '../../helpers/exec-pair.js'
import { processesWith, sleepMarker, until } from '../../helpers/processes.js'

const MIB = 1_048_576

describe('stderr that nobody reads', () => {
  test('50 MB of it stall neither stdout nor the command', async () => {
    const { exec } = await execPair()
    const proc = exec('head -c 50000000 /dev/zero >&2; echo done')
    expect(await text(proc)).toBe('done\n')
    expect(await proc.result).toMatchObject({
      exitCode: 0,
      stderrBytes: 50_000_000,
      stderrDiscarded: true,
      stdoutDiscarded: false,
    })
    expect(proc.stderr.destroyed).toBe(true)
  })

  test('little of it can be read later', async () => {
    const { exec } = await execPair()
    const proc = exec('head -c 100000 /dev/zero >&2')
    const result = await proc.result
    expect(result.stderrDiscarded).toBe(false)
    expect((await text(proc.stderr)).length).toBe(100_000)
  })

  test('paused on purpose it makes the command wait, and stdout goes on', async () => {
    const { exec } = await execPair()
    const proc = exec('(head -c 1000000 /dev/zero >&2; echo late) & echo early; wait')
    proc.stderr.pause()
    const [first] = await once(proc, 'data')
    expect(String(first)).toBe('early\n')
    let stderr = 0
    const rest = text(proc)
    proc.stderr.on('data', (chunk) => (stderr += chunk.length))
    proc.stderr.resume()
    expect(await rest).toBe('late\n')
    await until(() => stderr === 1_000_000)
    expect((await proc.result).stderrDiscarded).toBe(false)
  })
})

describe('stdout that nobody reads', () => {
  test('is thrown away when the result is waited for', async () => {
    const { exec } = await execPair()
    const proc = exec('head -c 20000000 /dev/zero')
    expect(await proc.result).toMatchObject({ exitCode: 0, stdoutBytes: 20_000_000, stdoutDiscarded: true })
    await until(() => proc.closed)
  })

  test('makes the command wait when nobody asked for the result, and nothing is lost', async () => {
    const { exec, ended } = await execPair()
    const proc = exec('head -c 20000000 /dev/zero')
    // Another one, which is read, gets to its end meanwhile.
    expect((await text(exec('head -c 20000000 /dev/zero'))).length).toBe(20_000_000)
    expect(ended.map(({ start }) => start.pid)).not.toContain(proc.pid)
    let bytes = 0
    for await (const chunk of proc) bytes += chunk.length
    expect(bytes).toBe(20_000_000)
  })

  test('does not hold up stderr', async () => {
    const { exec } = await execPair()
    const proc = exec('(head -c 20000000 /dev/zero &) ; head -c 1000000 /dev/zero >&2; echo seen >&2; wait')
    proc.pause()
    let stderr = ''
    proc.stderr.on('data', (chunk) => (stderr += chunk))
    await until(() => stderr.endsWith('seen\n'))
    proc.resume()
    await proc.result
  })

  test('a slow reader gets everything, though the command has long ended', async () => {
    const { exec } = await execPair()
    const proc = exec('seq 1 200000')
    let output = ''
    for await (const chunk of proc) {
      output += chunk
      await new Promise((resolve) => setImmediate(resolve))
    }
    const lines = output.trimEnd().split('\n')
    expect([lines.length, lines.at(-1)]).toEqual([200_000, '200000'])
    expect(await proc.result).toMatchObject({ exitCode: 0, stdioLeaked: false })
  })
})

describe('text', () => {
  const corpus = 'héllo 你好 😀 ﷽ e\u0301 \u{1f468}\u200d\u{1f469}'

  test('characters stay whole though the command writes byte by byte', async () => {
    const { exec } = await execPair()
    const octal = [...Buffer.from(corpus)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
    const script = octal.map((byte) => `printf '${byte}'`).join('; ')
    const proc = exec(`${script}; (${script}) >&2`)
    proc.setEncoding('utf8')
    proc.stderr.setEncoding('utf8')
    const chunks: unknown[] = []
    proc.on('data', (chunk) => chunks.push(chunk))
    const stderr = text(proc.stderr)
    await once(proc, 'end')
    expect(chunks.every((chunk) => typeof chunk === 'string')).toBe(true)
    expect(chunks.join('')).toBe(corpus)
    expect(await stderr).toBe(corpus)
  })

  test('bytes that are no text come through as bytes', async () => {
    const { run } = await execPair()
    const input = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    const result = (await run('cat', { input, encoding: 'buffer' })) as unknown as { stdout: Buffer }
    expect(result.stdout).toEqual(input)
  })
})

describe('a process that outlives the command and holds its outputs', () => {
  test('does not hang the command, and its tail is not cut', async () => {
    const { exec } = await execPair()
    const marker = sleepMarker()
    const proc = exec(`sleep ${marker} & seq 1 100000; echo tail`)
    const startedAt = performance.now()
    const output = await text(proc)
    expect(output.endsWith('100000\ntail\n')).toBe(true)
    expect(await proc.result).toMatchObject({ exitCode: 0, stdioLeaked: true })
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    const [pid] = processesWith(`sleep\0${marker}`)
    // It was left alone: a command may start a service.
    process.kill(pid as number)
  })

  test('is listened to as long as it writes', async () => {
    const { exec } = await execPair()
    const proc = exec('(for i in 1 2 3 4 5 6; do sleep 0.1; echo $i; done; echo end) &')
    expect(await text(proc)).toBe('1\n2\n3\n4\n5\n6\nend\n')
    expect((await proc.result).stdioLeaked).toBe(false)
  })

  test('is not given up while the reader is slow', async () => {
    const { exec } = await execPair({ deps: { leakGraceMs: 1000 } })
    // More than the windows hold: while the reader sleeps, the server cannot read.
    const proc = exec(`(head -c ${8 * MIB} /dev/zero; echo end) &`)
    proc.pause()
    // Another one that is read, and silent, is given up meanwhile.
    const other = exec('sleep 60 & echo $!')
    const pid = Number(await text(other))
    expect((await other.result).stdioLeaked).toBe(true)
    process.kill(pid)
    let bytes = 0
    for await (const chunk of proc) bytes += chunk.length
    expect(bytes).toBe(8 * MIB + 4)
  })

  test('a command that closed its outputs itself leaks nothing', async () => {
    const { exec } = await execPair()
    const proc = exec('exec >&- 2>&-; sleep 0.05; exit 4')
    proc.resume()
    expect(await proc.result).toMatchObject({ exitCode: 4, stdioLeaked: false, stdoutBytes: 0 })
  })

  test('one in a session of its own is not part of the group', async () => {
    const { exec } = await execPair()
    const marker = sleepMarker()
    const proc = exec(`setsid sleep ${marker} >/dev/null 2>&1 </dev/null & echo up; wait`)
    await once(proc, 'data')
    await until(() => processesWith(`sleep\0${marker}`).length === 1)
    proc.destroy()
    await until(() => processesWith(`sh\0-c`).every((pid) => pid !== proc.pid))
    const [pid] = processesWith(`sleep\0${marker}`)
    process.kill(pid as number)
  })
})
