// Hundreds of connections over TLS through a proxy, each with faults at random records and bytes.
import { expect, onTestFinished, test } from 'vitest'
import { FakeSshClient } from '../../src/index.js'
import { type FaultProxy, faultProxy } from '../../src/testing/index.js'
import { within } from '../helpers/operations.js'
import { until } from '../helpers/processes.js'
import { type Served, served } from '../helpers/served.js'
import { openBelow } from '../helpers/temporary-directory.js'
import { recordUncaught } from '../helpers/uncaught.js'
import { attemptsOf } from './attempts.js'
import { connected, runOperations } from './judge-attempt.js'
import { randomRun, runAll } from './random-run.js'

const RUN = randomRun(400)
const LANES = 4
const KEEPALIVE_MS = 100
const QUICKLY = { minDelayMs: 1, maxDelayMs: 50 }
const CONNECT_MS = 500
const CLEAN_MS = 10_000
const LIMITS = { maxBytes: 400_000, connectBytes: 2_500, canVanishConnecting: true }

interface Lane {
  readonly all: Served
  readonly proxy: FaultProxy
  readonly target: string
}

/** A server of its own for each lane, as the faults of a proxy concern every connection through it. */
async function makeLane(): Promise<Lane> {
  const all = await served({
    transport: 'tls',
    keepaliveIntervalMs: KEEPALIVE_MS,
    limits: { handshakeTimeoutMs: CONNECT_MS },
    expectsFaults: true,
  })
  const direct = all.server.connectionString('test')
  const proxy = await faultProxy({ target: { port: Number(new URL(direct).port) }, seed: RUN.seed })
  onTestFinished(() => proxy.close())
  return { all, proxy, target: proxy.connectionString(direct) }
}

test(`${RUN.count} connections, seed ${RUN.seed}`, { timeout: RUN.timeoutMs }, async () => {
  const uncaught = recordUncaught()
  const lanes = await Promise.all(Array.from({ length: LANES }, makeLane))

  const tally = await runAll(
    RUN,
    attemptsOf(RUN.seed, RUN.count, LIMITS),
    LANES,
    async (attempt, lane, counts) => {
      const { all, proxy, target } = lanes[lane] as Lane
      const { plan, meetsConnecting, reconnects } = attempt
      proxy.heal()
      if (meetsConnecting) proxy.setFaults(plan)
      const connecting = FakeSshClient.connect(target, {
        keepaliveIntervalMs: KEEPALIVE_MS,
        connectTimeoutMs: CONNECT_MS,
        reconnect: reconnects && QUICKLY,
      })
      const client = await connected(connecting, counts)
      client?.on('reconnecting', () => proxy.heal())
      if (client !== undefined && !meetsConnecting) proxy.setFaults(plan)
      const judge =
        client &&
        (await runOperations(attempt, client, all, counts).finally(() => client.close({ drainMs: 0 })))
      await within(
        CLEAN_MS,
        'cleaning up',
        until(() => isQuiet(all, proxy)),
      )
      judge?.()
    },
  )

  expect(uncaught).toEqual([])
  const failures = Object.values(tally.failures).reduce((sum, count) => sum + count, 0)
  if (RUN.count > 100) {
    expect(tally.successes).toBeGreaterThan(RUN.count / 5)
    expect(failures).toBeGreaterThan(RUN.count / 5)
  }
})

/** Both ends know that the connection is over, and hold nothing of it. */
function isQuiet(all: Served, proxy: FaultProxy): boolean {
  if (proxy.connections.length > 0) {
    // Behind a black hole neither end hears that the other one has closed.
    proxy.heal()
    return false
  }
  const isOver = all.events('connection').length === all.events('disconnect').length
  return isOver && all.leftovers().length + openBelow(all.root).length + openBelow(all.local).length === 0
}
