/** Many transfers over one connection. */
import type { Bench, Source } from '../bench.js'
import type { Cleanup } from '../cleanup.js'
import type { Direction } from '../clients/remote-client.js'
import { ratePerSecond } from '../contenders/one-file.js'
import { type ClientWorker, connectedClient, ssh2Spec, startFakeSshServer } from '../contenders/processes.js'
import type { Contender, Readings, Row } from '../row.js'

const TRANSFERS = 20
const TOTAL_BYTES = 2 ** 30
const DIRECTIONS: readonly Direction[] = ['get', 'put']

/** The same number of bytes in `count` files at once, there and back. */
async function trial(bench: Bench, client: ClientWorker, count: number): Promise<Readings> {
  const source = await bench.source(Math.round(bench.bytes(TOTAL_BYTES) / count))
  const readings: Record<string, number> = {}
  for (const direction of DIRECTIONS) {
    const targets = Array.from({ length: count }, () => bench.target())
    const pairs = targets.map(({ remote, local }) =>
      direction === 'get' ? { remote: source.name, local } : { remote, local: source.local },
    )
    const { ms, smallestShare, largestShare } = await client.call(
      'transferAtOnce',
      direction,
      pairs,
      source.bytes,
    )
    await checkAll(
      bench,
      source,
      targets.map(({ remote, local }) => (direction === 'get' ? local : bench.remotePath(remote))),
    )
    readings[`${direction}Rate`] = ratePerSecond(source.bytes * count, ms)
    if (count === 1) continue
    readings[`${direction}Smallest`] = smallestShare
    readings[`${direction}Largest`] = largestShare
  }
  return readings
}

async function checkAll(bench: Bench, source: Source, paths: readonly string[]): Promise<void> {
  for (const path of paths) await bench.checkAndRemove(path, source)
}

async function contenders(bench: Bench, cleanup: Cleanup): Promise<Contender[]> {
  await bench.requireSpace(2 * bench.bytes(TOTAL_BYTES))
  const server = await startFakeSshServer(bench, cleanup)
  const client = await connectedClient(bench, cleanup, server.spec)
  const ssh2 = await connectedClient(bench, cleanup, await ssh2Spec(bench, 'defaults'))
  const ours = { client, server: server.worker }
  return [
    { name: 'fake-ssh', kind: 'subject', ...ours, trial: () => trial(bench, client, TRANSFERS) },
    { name: 'fake-ssh, one', kind: 'ours', ...ours, trial: () => trial(bench, client, 1) },
    { name: 'ssh2', kind: 'peer', client: ssh2, trial: () => trial(bench, ssh2, TRANSFERS) },
    { name: 'ssh2, one', kind: 'peer', client: ssh2, trial: () => trial(bench, ssh2, 1) },
  ]
}

export const transfersAtOnce: Row = {
  name: 'transfers-at-once',
  title: '20 transfers at once on one connection',
  what:
    '1 GiB in 20 files at once, beside 1 GiB in one. The shares are the bytes of the slowest and of the fastest transfer at the moment when ' +
    'half of all bytes have been moved, as multiples of the mean.',
  rounds: 5,
  measures: {
    getRate: { label: 'get throughput', unit: 'MiB/s', better: 'more' },
    putRate: { label: 'put throughput', unit: 'MiB/s', better: 'more' },
    getSmallest: { label: 'get, smallest share', unit: '× fair', better: 'more' },
    getLargest: { label: 'get, largest share', unit: '× fair', better: 'less' },
    putSmallest: { label: 'put, smallest share', unit: '× fair', better: 'more' },
    putLargest: { label: 'put, largest share', unit: '× fair', better: 'less' },
  },
  thresholds: [
    { measure: 'getRate', to: 'fake-ssh, one', atLeast: 0.9 },
    { measure: 'putRate', to: 'fake-ssh, one', atLeast: 0.9 },
    { measure: 'getSmallest', atLeast: 0.5 },
    { measure: 'getLargest', atMost: 2 },
    { measure: 'putSmallest', atLeast: 0.5 },
    { measure: 'putLargest', atMost: 2 },
  ],
  open: contenders,
}
