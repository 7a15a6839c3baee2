// The link between client and server breaks in every way, in the middle of every operation, over TLS.
import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Operation, stateOf, within } from '../helpers/operations.js'
import { until } from '../helpers/processes.js'
import { openBelow } from '../helpers/temporary-directory.js'
import { boundOf, codeOf, expectOutcome } from './expect-outcome.js'
import { carryingOf, LINK_FAULTS, type LinkFault, operationOf } from './link-faults.js'
import { type Case, casesOf } from './outcomes.js'
import { KEEPALIVE_MS, proxied } from './proxied.js'

const BYTES = 700_000

/** One operation on a server and a connection of its own. */
async function attempt(operation: Operation, { id, outcome, scenario }: Case<LinkFault>): Promise<void> {
  const { all, proxy, what, connect } = await proxied(operation, BYTES)
  const client = await connect()
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
