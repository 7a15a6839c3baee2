/** A line that is long rather than slow. */
import type { Bench } from '../bench.js'
import type { Cleanup } from '../cleanup.js'
import { ratePerSecond } from '../contenders/one-file.js'
import {
  type ClientWorker,
  coldOpenSsh,
  connectedClient,
  ssh2Spec,
  startDelayProxy,
  startFakeSshServer,
  startTlsPump,
} from '../contenders/processes.js'
import type { Contender, Readings, Row } from '../row.js'

const ONE_WAY_MS = 25
const ROUND_TRIP_MS = 2 * ONE_WAY_MS
/** Timers and a busy machine add a little; more would be another line than the one that is named. */
const ROUND_TRIP_TOLERANCE_MS = 25
const BYTES = 2 ** 30
const SMALL_BYTES = 4_096
const SMALL_FILES = 1_000
/** ssh2 takes four round trips for each, one after the other; a rate is known long before the thousandth. */
const SEQUENTIAL_FILES = 40

type SmallOrder = 'at once' | 'in sequence'

async function bulk(bench: Bench, client: ClientWorker): Promise<Readings> {
  const source = await bench.source(bench.bytes(BYTES))
  const { remote, local } = bench.target()
  const getMs = await client.call('transferOne', 'get', { remote: source.name, local })
  await bench.checkAndRemove(local, source)
  const putMs = await client.call('transferOne', 'put', { remote, local: source.local })
  await bench.checkAndRemove(bench.remotePath(remote), source)
  return { getRate: ratePerSecond(source.bytes, getMs), putRate: ratePerSecond(source.bytes, putMs) }
}

async function small(bench: Bench, client: ClientWorker, count: number, order: SmallOrder) {
  const { name } = await bench.source(SMALL_BYTES)
  const names = Array.from({ length: count }, () => name)
  const ms = await client.call('readSmall', names, SMALL_BYTES, order)
  return count / (ms / 1000)
}

async function pumpContender(bench: Bench, cleanup: Cleanup): Promise<Contender> {
  const [client, server] = [await startTlsPump(bench, cleanup), await startTlsPump(bench, cleanup)]
  const { port } = await server.call('listen')
  const far = await startDelayProxy(bench, cleanup, port, ONE_WAY_MS)
  const roundTripMs = await client.call('roundTrip', far)
  if (roundTripMs < ROUND_TRIP_MS || roundTripMs > ROUND_TRIP_MS + ROUND_TRIP_TOLERANCE_MS)
    throw new Error(`a round trip through the proxy took ${roundTripMs.toFixed(1)} ms`)
  const bytes = bench.bytes(BYTES)
  const trial = async () => ({
    getRate: ratePerSecond(bytes, await client.call('move', far, 'get', bytes)),
    putRate: ratePerSecond(bytes, await client.call('move', far, 'put', bytes)),
  })
  return { name: 'TLS pump', kind: 'limit', client, server, trial }
}

async function contenders(bench: Bench, cleanup: Cleanup): Promise<Contender[]> {
  await bench.requireSpace(2 * bench.bytes(BYTES))
  const far = (port: number) => startDelayProxy(bench, cleanup, port, ONE_WAY_MS)
  const server = await startFakeSshServer(bench, cleanup)
  const client = await connectedClient(bench, cleanup, {
    ...server.spec,
    port: await far(server.spec.port),
  })
  const spec = await ssh2Spec(bench, 'defaults')
  const farSsh = await far(spec.port)
  const ssh2 = await connectedClient(bench, cleanup, { ...spec, port: farSsh })
  const scp = await connectedClient(bench, cleanup, (await coldOpenSsh(bench, farSsh)).scp)
  const smallFiles = bench.count(SMALL_FILES)
  return [
    {
      name: 'fake-ssh',
      kind: 'subject',
      client,
      server: server.worker,
      trial: async () => ({
        ...(await bulk(bench, client)),
        smallRate: await small(bench, client, smallFiles, 'at once'),
      }),
    },
    {
      name: 'ssh2',
      kind: 'peer',
      client: ssh2,
      trial: async () => ({
        ...(await bulk(bench, ssh2)),
        smallRate: await small(bench, ssh2, bench.count(SEQUENTIAL_FILES), 'in sequence'),
      }),
    },
    {
      name: 'ssh2, at once',
      kind: 'peer',
      client: ssh2,
      trial: async () => ({ smallRate: await small(bench, ssh2, smallFiles, 'at once') }),
    },
    { name: 'scp', kind: 'peer', trial: () => bulk(bench, scp) },
    await pumpContender(bench, cleanup),
  ]
}

export const roundTrip: Row = {
  name: 'round-trip',
  title: '50 ms round trip: 1 GiB, and 1,000 small gets',
  what:
    'Through a forwarder that holds everything back for 25 ms each way and limits nothing else. Small gets are 1,000 files of 4 KiB: all started at ' +
    'once by fake-ssh; one after the other, 40 of them, by ssh2, and once more with all 1,000 at once.',
  rounds: 3,
  // A GiB warms up by itself, and at 50 ms takes ssh2 half a minute.
  warmups: 0,
  measures: {
    getRate: { label: 'get throughput', unit: 'MiB/s', better: 'more' },
    putRate: { label: 'put throughput', unit: 'MiB/s', better: 'more' },
    smallRate: { label: 'small gets', unit: '1/s', better: 'more' },
  },
  thresholds: [
    { measure: 'getRate', to: 'TLS pump', atLeast: 0.8 },
    { measure: 'putRate', to: 'TLS pump', atLeast: 0.8 },
    { measure: 'smallRate', to: 'ssh2', atLeast: 20 },
  ],
  open: contenders,
}
