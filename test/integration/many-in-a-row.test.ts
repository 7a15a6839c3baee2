// Ten thousand operations, one after the other, on one connection: nothing is left behind by any of them.
import { expect, test } from 'vitest'
import type { Account } from '../fixtures/long-run.js'
import { childPeer } from '../helpers/child-peer.js'
import { shareOf } from '../helpers/share.js'

const MIB = 2 ** 20
/** What caches fill and code is optimised for comes before; what comes after would have to grow with each operation. */
const WARM_UP = shareOf(2_000)
/** Each kind of operation once, so that every account follows the same one. */
const ROUND = 20
const REST = shareOf(8_000)
/** A collection more or less moves the heap by as much; what an operation forgot would be seen among the objects. */
const HEAP_NOISE = 2 * MIB
/** Objects of one class that the engine itself may have made meanwhile. */
const OBJECT_NOISE = 50

/** Of the helper that starts programs, which it makes ahead of them and whenever it comes to it. */
const CONNECTIONS_AHEAD = 8

test('10,000 operations in a row leave neither a listener nor a byte of heap nor a handle', {
  timeout: 120_000,
}, async () => {
  const peer = await childPeer('long-run', ['--expose-gc'])
  await peer.call('connect')
  const fresh = await peer.call<Account>('operate', ROUND)
  const warm = await peer.call<Account>('operate', WARM_UP - ROUND)
  const end = await peer.call<Account>('operate', REST)

  expect(end.listeners).toEqual(fresh.listeners)
  expect(end.listeners.signal).toEqual({ abort: 0 })
  for (const [kind, count] of Object.entries(end.resources)) {
    expect(count - (fresh.resources[kind] ?? 0), `${kind} more`).toBeLessThanOrEqual(CONNECTIONS_AHEAD)
  }
  expect(end.openFiles - fresh.openFiles).toBeLessThanOrEqual(CONNECTIONS_AHEAD)
  expect(end.pendingOperations).toBe(0)
  expect(end.warnings).toEqual([])
  for (const [name, count] of Object.entries(end.objects)) {
    expect(count - (warm.objects[name] ?? 0), `${name} objects more`).toBeLessThan(OBJECT_NOISE)
  }
  expect(end.heapUsed - warm.heapUsed, `bytes more than ${warm.heapUsed}`).toBeLessThan(HEAP_NOISE)
  // Not the time on the clock, in which other tests run too.
  expect(end.cpuMs).toBeLessThan(60_000)

  expect(await peer.call('close')).toEqual([])
  await peer.call('leave')
  await expect(peer.exited).resolves.toEqual({ code: 0, signal: null })
})
