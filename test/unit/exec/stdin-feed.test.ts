import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { StdinFeed } from '../../../src/exec/stdin-feed.js'
import { until } from '../../helpers/processes.js'

function fed(target: Writable) {
  const credits: number[] = []
  const feed = new StdinFeed(target, (bytes) => credits.push(bytes))
  return { feed, credits, credited: () => credits.reduce((sum, bytes) => sum + bytes, 0) }
}

describe('StdinFeed', () => {
  test('gives credit when the input took the bytes, not before', async () => {
    let take: () => void = () => {}
    const target = new Writable({ write: (_chunk, _encoding, callback) => (take = callback) })
    const { feed, credits } = fed(target)
    feed.write(Buffer.from('abc'))
    feed.write(Buffer.from('de'))
    await turn()
    expect(credits).toEqual([])
    take()
    await turn()
    expect(credits).toEqual([3])
    take()
    await turn()
    expect(credits).toEqual([3, 2])
    expect(feed.bytesTaken).toBe(5)
  })

  test('ends the input', async () => {
    const child = spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] })
    const { feed } = fed(child.stdin)
    feed.write(Buffer.from('hello'))
    feed.end()
    const [chunk] = await once(child.stdout, 'data')
    expect(String(chunk)).toBe('hello')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('discards, with credit at once, what a command that closed its input is sent', async () => {
    const child = spawn('sh', ['-c', 'exec <&-; echo closed; sleep 60'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const { feed, credited } = fed(child.stdin)
    await once(child.stdout, 'data')
    // Another thread that starts a program just now holds a copy of the pipe for a moment, into which bytes still go.
    let sent = 0
    const send = (bytes: number) => {
      feed.write(Buffer.alloc(bytes))
      sent += bytes
    }
    await until(() => {
      send(1)
      return child.stdin.destroyed
    })
    const { bytesTaken } = feed
    for (let i = 0; i < 10; i += 1) send(1000)
    await until(() => credited() === sent)
    send(500)
    await until(() => credited() === sent)
    expect(feed.bytesTaken).toBe(bytesTaken)
    child.kill()
    await once(child, 'exit')
  })

  test('joins small pieces that wait, keeps none of the chunks they came in, and ends after them', async () => {
    const written: Uint8Array[] = []
    const takes: (() => void)[] = []
    const target = new Writable({
      decodeStrings: false,
      write: (chunk, _encoding, callback) => {
        written.push(chunk)
        takes.push(callback)
      },
    })
    const { feed, credited } = fed(target)
    for (let i = 0; i < 20_000; i += 1) feed.write(new Uint8Array(65_536).fill(i % 251).subarray(0, 1))
    feed.end()
    expect(target.writableLength).toBe(1)
    while (credited() < 20_000) {
      takes.shift()?.()
      await turn()
    }
    expect(written.map(({ length }) => length)).toEqual([1, 1, 16_384, 3_614])
    expect(
      Buffer.concat(written).equals(Buffer.from(Array.from({ length: 20_000 }, (_, i) => i % 251))),
    ).toBe(true)
    expect(written.map(({ buffer }) => buffer.byteLength)).toEqual([1, 1, 16_384, 32_770])
    expect([feed.bytesTaken, target.writableFinished]).toEqual([20_000, true])
  })

  test('discards what waits when the command ends', async () => {
    const child = spawn('sh', ['-c', 'head -c 1 >/dev/null'], { stdio: ['pipe', 'ignore', 'ignore'] })
    const { feed, credited } = fed(child.stdin)
    for (let i = 0; i < 100; i += 1) feed.write(Buffer.alloc(10_000))
    await once(child, 'exit')
    await until(() => credited() === 1_000_000)
    expect(feed.bytesTaken).toBeLessThan(1_000_000)
  })

  test('discards what waits when it is closed', async () => {
    const child = spawn('sleep', ['60'], { stdio: ['pipe', 'ignore', 'ignore'] })
    const { feed, credited } = fed(child.stdin)
    for (let i = 0; i < 100; i += 1) feed.write(Buffer.alloc(10_000))
    feed.close()
    await until(() => credited() === 1_000_000)
    feed.end()
    feed.write(Buffer.alloc(5))
    await until(() => credited() === 1_000_005)
    expect(feed.bytesTaken).toBeLessThan(1_000_000)
    child.kill()
    await once(child, 'exit')
  })
})
