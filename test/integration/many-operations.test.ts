// Ten thousand operations on one connection leave nothing: no listener, no timer, no handle, no memory.
import { expect, test } from 'vitest'
import { childPeer } from '../helpers/child-peer.js'

const OPERATIONS = 10_000
/** After so many, code is compiled and caches are filled. */
const WARM_UP = 4_000
/** The collector's own slack; a leak of 256 bytes an operation would be more. */
const HEAP_SLACK_BYTES = 2_097_152

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
  const warm = await peer.call<Readings>('run', WARM_UP)
  const { heapBytes, pending, ...rest } = await peer.call<Readings>('run', OPERATIONS)
  expect(heapBytes - warm.heapBytes).toBeLessThan(HEAP_SLACK_BYTES)
  // The last one may still exchange its CLOSE.
  expect(pending).toBeLessThanOrEqual(1)
  expect(rest).toEqual({ listeners: warm.listeners, resources: warm.resources })
  expect(peer.output).not.toContain('MaxListenersExceeded')
  await peer.call('stop')
})
