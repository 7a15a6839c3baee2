// The connection is cut after every frame of every operation, in memory, and at bytes all over it, with TLS. Nothing that was not
// proved may succeed; everything settles; nothing is left, neither a file nor a process.
import { rmSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FakeSshClient, FakeSshError } from '../../src/index.js'
import { type Direction, type InterceptedPair, interceptedPair } from '../helpers/intercepted-pair.js'
import {
  CASES,
  type Material,
  material,
  OPERATIONS,
  type Operation,
  type Outcome,
  outcomeOf,
  stateOf,
  within,
} from '../helpers/operations.js'
import { until } from '../helpers/processes.js'
import { type Served, served } from '../helpers/served.js'
import { type Cut, tcpProxy } from '../helpers/tcp-proxy.js'

const HOWS = ['end', 'reset'] as const
/** Several DATA frames each way, and WINDOW frames between them. */
const SIZE = 700_000
const SETTLE_MS = 5_000
/** Bytes of a TLS connection at which it is cut, per operation and direction, besides its first and last. */
const OFFSETS = 20
const SEED = 20_260_101

const LOST = ['ERR_FAKESSH_CONNECTION_LOST', 'ERR_FAKESSH_CONNECT_FAILED', 'ERR_FAKESSH_NOT_STARTED']

/** The server has noticed the end, and has cleaned up. */
async function quiet(all: Served): Promise<void> {
  await until(() => all.events('connection').length === all.events('disconnect').length)
  await until(() => all.running().length === 0 && all.leftovers().length === 0)
}

/** Removes what the attempt made, and lays out everything again. */
function reset(operation: Operation, all: Served, what: Material): void {
  const target = operation.target(all)
  if (target !== undefined) rmSync(target, { force: true })
  operation.prepare(all, what)
}

function expectLost(outcome: Outcome, where: string): void {
  if (outcome.isSuccess) return
  const { error } = outcome
  expect(FakeSshError.is(error) && LOST.includes(error.code), `${where}: ${String(error)}`).toBe(true)
}

test.each(CASES)(
  '$title: in memory, cut after every frame',
  { timeout: 60_000 },
  async ({ operation, oldBytes }) => {
    const all = await served()
    const what = material(SIZE, oldBytes)

    const attempt = async (
      onPassed?: (frame: { direction: Direction; index: number }, pair: InterceptedPair) => void,
    ) => {
      reset(operation, all, what)
      const pair = interceptedPair(onPassed === undefined ? {} : { onPassed })
      const connected = await outcomeOf(all.connectOver(pair.transports))
      const outcome = connected.isSuccess ? await operation.run(connected.value, all, what) : connected
      if (connected.isSuccess) await connected.value.close({ drainMs: 0 })
      await quiet(all)
      return { outcome, passed: pair.passed }
    }

    const clean = await within(SETTLE_MS, 'the attempt without a cut', attempt())
    expect(clean.outcome).toMatchObject({ isSuccess: true })
    const count = (direction: Direction) =>
      clean.passed.filter((frame) => frame.direction === direction).length
    const cuts = (['up', 'down'] as const).flatMap((direction) =>
      Array.from({ length: count(direction) }, (_, index) => ({ direction, index })),
    )
    expect(cuts.length).toBeGreaterThan(10)
    for (const how of HOWS) {
      for (const { direction, index } of cuts) {
        const where = `${how} after frame ${index} ${direction}`
        let isCut = false
        const { outcome, passed } = await within(
          SETTLE_MS,
          where,
          attempt((frame, pair) => {
            if (frame.direction !== direction || frame.index !== index) return
            isCut = true
            pair.cut(how)
          }),
        )
        const isProved = passed.some((frame) => frame.direction === 'down' && frame.name === operation.proof)
        expect(outcome.isSuccess && !isProved, `${where}: a success without its proof`).toBe(false)
        // An orderly end lets everything before it arrive.
        if (how === 'end' && isProved) expect(outcome, where).toMatchObject({ isSuccess: true })
        if (isCut) expectLost(outcome, where)

        const target = operation.target(all)
        if (target === undefined) continue
        const state = stateOf(target, what)
        const isCommitted = operation.commitsAtServer
          ? passed.some((frame) => frame.direction === 'up' && frame.name === 'COMMIT')
          : outcome.isSuccess
        expect(state, where).not.toBe('broken')
        if (outcome.isSuccess) expect(state, where).toBe('new')
        if (!isCommitted) expect(state, where).toBe('old')
      }
    }
  },
)

test.each(OPERATIONS)(
  '$name: over TLS, cut at bytes all over the connection',
  { timeout: 60_000 },
  async (operation) => {
    const all = await served({ transport: 'tls' })
    const target = new URL(all.server.connectionString('test'))
    const proxy = await tcpProxy(Number(target.port))
    target.port = String(proxy.port)
    const what = material(SIZE, 1_000)

    const attempt = async (cut: Cut | undefined): Promise<Outcome> => {
      reset(operation, all, what)
      proxy.cut = cut
      const connected = await outcomeOf(FakeSshClient.connect(target.href))
      const outcome = connected.isSuccess ? await operation.run(connected.value, all, what) : connected
      if (connected.isSuccess) await connected.value.close({ drainMs: 0 })
      await quiet(all)
      return outcome
    }

    expect(await within(SETTLE_MS, 'without a cut', attempt(undefined))).toMatchObject({ isSuccess: true })
    const { up, down } = proxy.passed
    const offsets = (bytes: number) =>
      [0, 1, bytes - 1].concat(
        fc.sample(fc.integer({ min: 2, max: bytes - 2 }), { numRuns: OFFSETS, seed: SEED }),
      )
    const cuts: Cut[] = [
      ...offsets(up.length).map((afterBytes) => ({ direction: 'up' as const, afterBytes })),
      ...offsets(down.length).map((afterBytes) => ({ direction: 'down' as const, afterBytes })),
    ].map((cut, index) => ({ ...cut, how: HOWS[index % 2] as Cut['how'] }))
    let failures = 0
    for (const cut of cuts) {
      const where = `${cut.how} after byte ${cut.afterBytes} ${cut.direction}`
      const outcome = await within(SETTLE_MS, where, attempt(cut))
      if (!outcome.isSuccess) failures += 1
      expectLost(outcome, where)
      const target = operation.target(all)
      if (target === undefined) continue
      const state = stateOf(target, what)
      expect(state, where).not.toBe('broken')
      if (outcome.isSuccess) expect(state, where).toBe('new')
      else if (!operation.commitsAtServer) expect(state, where).toBe('old')
    }
    // Those after the proof, or after everything the server waits for, are none.
    expect(failures).toBeGreaterThan(cuts.length / 2)
  },
)

describe.each(HOWS)('a running command, connection %s', (how) => {
  const COMMAND = 'trap "" HUP; sleep 1000 & (sleep 1000; :) & echo ready; wait'

  test('in memory: its whole process group is ended', async () => {
    const all = await served()
    const pair = interceptedPair()
    const client = await all.connectOver(pair.transports)
    const proc = client.exec(COMMAND)
    const ready = new Promise((resolve) => proc.once('data', resolve))
    const result = outcomeOf(proc.result)
    await ready
    expect(all.running().length).toBeGreaterThanOrEqual(3)
    pair.cut(how)
    expect(await result).toMatchObject({
      isSuccess: false,
      error: { code: 'ERR_FAKESSH_CONNECTION_LOST', stdoutBytes: 6, exitCode: null, signal: null },
    })
    await until(() => all.running().length === 0)
  })

  test('over TLS: its whole process group is ended', async () => {
    const all = await served({ transport: 'tls' })
    const target = new URL(all.server.connectionString('test'))
    const proxy = await tcpProxy(Number(target.port))
    target.port = String(proxy.port)
    const client = await FakeSshClient.connect(target.href)
    const proc = client.exec(COMMAND)
    const ready = new Promise((resolve) => proc.once('data', resolve))
    const result = outcomeOf(proc.result)
    await ready
    proxy.cutNow(how)
    expect(await result).toMatchObject({ isSuccess: false, error: { code: 'ERR_FAKESSH_CONNECTION_LOST' } })
    await until(() => all.running().length === 0)
  })
})

test('a peer that vanishes without a word is given up by both sides, which clean up', async () => {
  const all = await served({ transport: 'tls', keepaliveIntervalMs: 100 })
  const target = new URL(all.server.connectionString('test'))
  const proxy = await tcpProxy(Number(target.port))
  target.port = String(proxy.port)
  const client = await FakeSshClient.connect(target.href, { keepaliveIntervalMs: 100 })
  const proc = client.exec('echo ready; sleep 1000')
  const ready = new Promise((resolve) => proc.once('data', resolve))
  const result = outcomeOf(proc.result)
  const put = client.put('never')
  put.write('some')
  const receipt = outcomeOf(put.result)
  await ready
  proxy.freeze()
  for (const outcome of [await result, await receipt]) {
    expect(outcome).toMatchObject({ isSuccess: false, error: { code: 'ERR_FAKESSH_KEEPALIVE_TIMEOUT' } })
  }
  await quiet(all)
  expect(all.events('disconnect')).toMatchObject([{ error: { code: 'ERR_FAKESSH_KEEPALIVE_TIMEOUT' } }])
})
