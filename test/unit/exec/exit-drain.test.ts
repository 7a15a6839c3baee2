import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { drainOutputs } from '../../../src/exec/exit-drain.js'
import { OutputPump } from '../../../src/exec/output-pump.js'

/** An output, and what its peer has not taken yet. */
function output() {
  const source = new PassThrough({ highWaterMark: 1_048_576 })
  const waiting: (() => void)[] = []
  return { source, waiting, pump: new OutputPump(source, (_bytes, taken) => waiting.push(taken)) }
}

/** The timer is driven; streams and setImmediate run as they are. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

function watched(...outputs: { pump: OutputPump }[]) {
  const state: { leaked?: boolean } = {}
  void drainOutputs(
    outputs.map(({ pump }) => pump),
    250,
  ).then((leaked) => {
    state.leaked = leaked
  })
  return state
}

async function pass(ms: number) {
  await turn()
  vi.advanceTimersByTime(ms)
  await turn()
  await turn()
}

describe('drainOutputs', () => {
  test('waits for the end of every output, although bytes keep coming after the quiet time', async () => {
    const [stdout, stderr] = [output(), output()]
    const state = watched(stdout, stderr)
    stdout.source.end()
    for (let i = 0; i < 9; i += 1) {
      stderr.source.write('x')
      await pass(200)
      expect(state).toEqual({})
    }
    stderr.source.end()
    await pass(0)
    expect(state).toEqual({ leaked: false })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('gives up outputs that stay open and quiet', async () => {
    const [stdout, stderr] = [output(), output()]
    const state = watched(stdout, stderr)
    stderr.source.end()
    await pass(249)
    expect(state).toEqual({})
    await pass(1)
    expect(state).toEqual({ leaked: true })
    expect(stdout.source.destroyed).toBe(true)
  })

  test('gives up an output that something keeps writing to, 2 s after the end', async () => {
    const stdout = output()
    const state = watched(stdout)
    for (let i = 0; i < 19; i += 1) {
      stdout.source.write('x')
      await pass(100)
      stdout.waiting.shift()?.()
    }
    expect(state).toEqual({})
    await pass(100)
    expect(state).toEqual({ leaked: true })
    expect(stdout.source.destroyed).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('gives up an output that is flooded, whatever time the peer takes', async () => {
    const stdout = output()
    const state = watched(stdout)
    for (let i = 0; i < 255; i += 1) {
      stdout.source.write(Buffer.alloc(65_536))
      await pass(0)
      for (const taken of stdout.waiting.splice(0)) taken()
    }
    expect(state).toEqual({})
    stdout.source.write(Buffer.alloc(65_536))
    await pass(0)
    expect(state).toEqual({ leaked: true })
  })

  test('a busy event loop does not use up the time', async () => {
    const stdout = output()
    const state = watched(stdout)
    await turn()
    vi.advanceTimersByTime(10_000)
    stdout.source.write('last words')
    await turn()
    await turn()
    expect([state, stdout.pump.bytes]).toEqual([{}, 10])
    stdout.source.end()
    await pass(0)
    expect(state).toEqual({ leaked: false })
  })

  test('time in which the peer has no room is not quiet time', async () => {
    const stdout = output()
    const state = watched(stdout)
    for (let i = 0; i < 4; i += 1) stdout.source.write(Buffer.alloc(65_536))
    await pass(0)
    expect(stdout.pump.isStalled).toBe(true)
    await pass(60_000)
    expect(state).toEqual({})
    while (stdout.waiting.length > 0) {
      stdout.waiting.shift()?.()
      await turn()
    }
    await pass(249)
    expect(state).toEqual({})
    await pass(1)
    expect(state).toEqual({ leaked: true })
  })

  test('bytes that wait in the pipe when a busy event loop lets the timer run are still read', async () => {
    const stdout = output()
    const state = watched(stdout)
    await turn()
    vi.advanceTimersByTime(250)
    // The timer has run; the pipe is looked at only now.
    stdout.source.write('last words')
    await turn()
    await turn()
    expect(state).toEqual({})
    expect(stdout.pump.bytes).toBe(10)
    await pass(250)
    expect(state).toEqual({ leaked: true })
  })

  test('outputs that have ended before are no reason to wait', async () => {
    const stdout = output()
    stdout.source.end()
    await stdout.pump.ended
    const state = watched(stdout)
    await turn()
    expect(state).toEqual({ leaked: false })
    expect(vi.getTimerCount()).toBe(0)
  })
})
