// Ten thousand operations on one connection leave nothing: no listener, no timer, no handle, no memory.
import { expect, test } from 'vitest'
import { childPeer } from '../helpers/child-peer.js'

const OPERATIONS = 10_000
/** Compiled code, caches and the collector's own slack; a leak of 1 KiB an operation would be ten times as much. */
const HEAP_SLACK_BYTES = 1_048_576

interface Readings {
  readonly heapBytes: number
  readonly listeners: number[]
  readonly pending: number
  readonly resources: string[]
}

test('10,000 sequential operations: listeners, handles and heap stay as they were', {
  timeout: 120_000,
}, async () => {
  const peer = await childPeer('many-operations', ['--expose-gc'])
  await peer.call('start')
  const warm = await peer.call<Readings>('run', 1_000)
  const { heapBytes, ...rest } = await peer.call<Readings>('run', OPERATIONS)
  expect(heapBytes - warm.heapBytes).toBeLessThan(HEAP_SLACK_BYTES)
  expect(rest).toEqual({ listeners: warm.listeners, pending: 0, resources: warm.resources })
  expect(peer.output).not.toContain('MaxListenersExceeded')
  await peer.call('stop')
})
