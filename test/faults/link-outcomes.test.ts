// The link between client and server breaks in every way, in the middle of every operation, over TLS.
import { rmSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { FakeSshClient } from '../../src/index.js'
import { faultProxy } from '../../src/testing/index.js'
import { material, type Operation, stateOf, within } from '../helpers/operations.js'
import { until } from '../helpers/processes.js'
import { served } from '../helpers/served.js'
import { openBelow } from '../helpers/temporary-directory.js'
import { boundOf, codeOf, expectOutcome } from './expect-outcome.js'
import { carryingOf, LINK_FAULTS, type LinkFault, operationOf } from './link-faults.js'
import { type Case, casesOf } from './outcomes.js'

const KEEPALIVE_MS = 500
const BYTES = 700_000
/** One operation on a server and a connection of its own. */
async function attempt(operation: Operation, { id, outcome, scenario }: Case<LinkFault>): Promise<void> {
  const all = await served({ transport: 'tls', keepaliveIntervalMs: KEEPALIVE_MS, expectsFaults: true })
  const direct = all.server.connectionString('test')
  const proxy = await faultProxy({ target: { port: Number(new URL(direct).port) }, seed: 1 })
  onTestFinished(() => proxy.close())
  const what = material(BYTES, 1_000)
  operation.prepare(all, what)
  const options = { keepaliveIntervalMs: KEEPALIVE_MS }
  const client = await FakeSshClient.connect(proxy.connectionString(direct), options)
  onTestFinished(() => client.close({ drainMs: 0 }))
  // In full once, so that the fault is the only thing that happens.
  expect(codeOf(await operation.run(client, all, what))).toBe(undefined)
  const target = operation.target(all)
  if (target !== undefined) rmSync(target)
  operation.prepare(all, what)

  const startedAt = performance.now()
  proxy.setFaults(scenario(carryingOf(operation)))
  const limitMs = boundOf(outcome, KEEPALIVE_MS)
  const where = `${operation.name}, ${id}`
  const settled = await within(limitMs, where, operation.run(client, all, what))
  const afterMs = performance.now() - startedAt
  const isClean = () =>
    all.running().length + all.leftovers().length + openBelow(all.root).length === 0 &&
    all.events('disconnect').length === 1
  await within(limitMs, `${where}: cleaning up`, until(isClean))
  const state = target === undefined ? undefined : stateOf(target, what)
  const seen = { code: codeOf(settled), afterMs, target: state, leftovers: all.leftovers().length }
  expectOutcome(where, outcome, seen, KEEPALIVE_MS)
  expect(client.isConnected, where).toBe(outcome.isUsable)
}

test.each(casesOf('link', LINK_FAULTS))('$id: $outcome.fault', async (one) => {
  await Promise.all(one.outcome.operations.map((name) => attempt(operationOf(name), one)))
})
