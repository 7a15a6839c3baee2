// The link breaks once, in every way, under a client that reconnects: what can go on does, by itself; what cannot is told so.
import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Operation, stateOf, within } from '../helpers/operations.js'
import { until } from '../helpers/processes.js'
import { codeOf, expectOutcome } from './expect-outcome.js'
import { carryingOf, LINK_FAULTS, type LinkFault, operationOf } from './link-faults.js'
import { type Case, casesOf, OUTCOMES, type Outcome } from './outcomes.js'
import { proxied } from './proxied.js'

/** Large enough for its part to be kept and gone on from. */
const BYTES = 3_000_000
const SETTLE_MS = 10_000

/** One operation on a server and a client of its own. */
async function attempt(
  operation: Operation,
  outcome: Outcome,
  { id, scenario }: Case<LinkFault>,
): Promise<void> {
  const { all, proxy, what, connect } = await proxied(operation, BYTES)
  const client = await connect({ reconnect: { minDelayMs: 1, maxDelayMs: 50 } })
  let connections = 1
  client.on('reconnecting', () => proxy.heal())
  client.on('reconnect', () => {
    connections += 1
  })

  proxy.setFaults(scenario(carryingOf(operation)))
  const where = `${operation.name}, ${id}`
  const settled = await within(SETTLE_MS, where, operation.run(client, all, what))
  await within(
    SETTLE_MS,
    `${where}: reconnecting`,
    until(() => connections === 2 && client.isConnected),
  )
  const target = operation.target(all)
  const state = target === undefined ? undefined : stateOf(target, what)
  await within(
    SETTLE_MS,
    `${where}: cleaning up`,
    until(() => all.running().length + all.leftovers().length === 0),
  )
  expectOutcome(where, outcome, { code: codeOf(settled), target: state, leftovers: all.leftovers().length })

  // The other connection is of use.
  if (target !== undefined) rmSync(target, { force: true })
  operation.prepare(all, what)
  expect(codeOf(await operation.run(client, all, what)), `${where}: again`).toBe(undefined)
  expect(connections).toBe(2)
}

test.each(casesOf('link', LINK_FAULTS))('$id: $outcome.fault', async (one) => {
  const { 'goes-on': goesOn, fails } = OUTCOMES.reconnect
  await Promise.all(
    [goesOn, fails].flatMap((outcome) =>
      outcome.operations.map((name) => attempt(operationOf(name), outcome, one)),
    ),
  )
})
