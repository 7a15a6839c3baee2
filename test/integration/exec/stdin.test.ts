// stdin: every byte, the half close, and commands that do not read it.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import { execPair } from '../../helpers/exec-pair.js'
import { until } from '../../helpers/processes.js'
import { recordUncaught } from '../../helpers/uncaught.js'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Bytes in which no stretch repeats, so that a lost or doubled piece shows. */
function pattern(bytes: number): Buffer {
  const block = Buffer.alloc(bytes)
  for (let at = 0; at + 4 <= bytes; at += 4) block.writeUInt32BE((at * 2_654_435_761) % 2 ** 32, at)
  return block
}

/** Never ends, and counts what was taken from it. */
function endless() {
  const chunk = Buffer.alloc(65_536, 'y\n')
  const state = { bytes: 0 }
  const source = new Readable({
    read() {
      state.bytes += chunk.length
      this.push(chunk)
    },
  })
  return { source, state }
}

describe('through a command', () => {
  test('5 MiB go in and come out, byte for byte', async () => {
    const { exec } = await execPair()
    const input = pattern(5 * 1_048_576)
    const proc = exec('cat', [])
    const [output] = await Promise.all([
      buffer(proc),
      pipeline(Readable.from(pieces(input, 10_007)), proc, { end: true }),
    ])
    expect(output.length).toBe(input.length)
    expect(sha256(output)).toBe(sha256(input))
    expect(await proc.result).toMatchObject({
      exitCode: 0,
      stdinBytes: input.length,
      stdoutBytes: input.length,
    })
  })

  test('one large write goes the same way', async () => {
    const { exec } = await execPair()
    const input = pattern(3 * 1_048_576)
    const proc = exec('sha256sum')
    proc.end(input)
    expect(await text(proc)).toContain(sha256(input))
  })

  test('the digest is the same the command computes', async () => {
    const { run } = await execPair()
    const input = pattern(1_000_003)
    const { stdout } = await run('sha256sum', [], { input })
    expect(stdout.split(' ')[0]).toBe(sha256(input))
  })

  test('writes before the start arrive', async () => {
    const { exec } = await execPair()
    const proc = exec('cat')
    for (let i = 0; i < 50; i += 1) proc.write(`${i} `)
    proc.end()
    expect(await text(proc)).toBe(Array.from({ length: 50 }, (_, i) => `${i} `).join(''))
  })
})

describe('the half close', () => {
  test('end() ends stdin, and stdout goes on', async () => {
    const { exec } = await execPair()
    const proc = exec('cat; echo after; sleep 0.05; echo later')
    proc.end('in\n')
    expect(await text(proc)).toBe('in\nafter\nlater\n')
  })

  test('without it the command waits for input', async () => {
    const { exec } = await execPair()
    const proc = exec('read line; echo "got $line"')
    await once(proc, 'spawn')
    proc.write('hello\n')
    expect(await text(proc)).toBe('got hello\n')
    expect(await proc.result).toMatchObject({ exitCode: 0 })
  })

  test('stdout can end first, and stdin go on', async () => {
    const { exec } = await execPair()
    const proc = exec('exec >&-; read line; [ "$line" = hello ]')
    expect(await text(proc)).toBe('')
    expect(proc.destroyed).toBe(false)
    proc.end('hello\n')
    expect(await proc.result).toMatchObject({ exitCode: 0, stdinBytes: 6 })
  })
})

describe('a command that does not read its input', () => {
  test('and ends, ends endless input, with its whole stdout', async () => {
    const { exec } = await execPair()
    const { source } = endless()
    const proc = exec('head -c 1; printf " and the rest"')
    const fed = pipeline(source, proc).catch((error) => error.code)
    expect(await text(proc)).toBe('y and the rest')
    expect(await proc.result).toMatchObject({ exitCode: 0 })
    expect(await fed).toBe('EPIPE')
    expect(source.destroyed).toBe(true)
  })

  test('run() takes endless input without complaint', async () => {
    const { run } = await execPair()
    const { source } = endless()
    expect(await run('head', ['-c', '3'], { input: source })).toMatchObject({ stdout: 'y\ny', exitCode: 0 })
    expect(source.destroyed).toBe(true)
  })

  test('and waits makes the writer wait: memory stays bounded', async () => {
    const { exec, run } = await execPair()
    const { source, state } = endless()
    const proc = exec('echo up; sleep 60')
    source.pipe(proc)
    await once(proc, 'data')
    await until(() => proc.writableNeedDrain && state.bytes > 262_144)
    // Another one, which reads, takes ten times as much meanwhile.
    await run('cat > /dev/null', { input: Buffer.alloc(20_000_000) })
    // The window, and what pipes and buffers on the way hold.
    expect(state.bytes).toBeLessThan(2_000_000)
    source.destroy()
    await proc.kill('SIGKILL')
    expect(await proc.result).toMatchObject({ signal: 'SIGKILL' })
  })

  test('and closes it takes any amount, which is discarded', async () => {
    const { exec } = await execPair()
    const proc = exec('exec <&-; echo closed; read x <&1; sleep 60')
    await once(proc, 'data')
    let written = 0
    for (let i = 0; i < 64; i += 1) proc.write(Buffer.alloc(65_536), () => (written += 65_536))
    await until(() => written === 64 * 65_536)
    expect(await proc.kill('SIGKILL')).toBe(true)
    expect((await proc.result).stdinBytes).toBeLessThan(64 * 65_536)
  })

  test('writes after the end call back with an error, and nothing is thrown', async () => {
    const uncaught = recordUncaught()
    const { exec } = await execPair()
    const proc = exec('true')
    proc.resume()
    await proc.result
    await until(() => proc.closed)
    expect(await new Promise((resolve) => proc.write('late', resolve))).toBeInstanceOf(Error)
    const ended = exec('cat')
    ended.end()
    expect(await new Promise((resolve) => ended.write('after end', resolve))).toMatchObject({
      code: 'ERR_STREAM_WRITE_AFTER_END',
    })
    await until(() => ended.closed)
    expect(uncaught).toEqual([])
  })
})

function* pieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
