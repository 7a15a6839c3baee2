/** Whether the programs that both sides live in stay responsive, also when they are large. */
import type { Bench } from '../bench.js'
import type { Cleanup } from '../cleanup.js'
import { fileTrial } from '../contenders/one-file.js'
import { type ClientWorker, connectedClient, ssh2Spec, startFakeSshServer } from '../contenders/processes.js'
import { watchLoops } from '../peers/watch-loops.js'
import type { Watchable } from '../peers/worker.js'
import { LOOP_BOUND, LOOP_ROW } from '../report/loop-summary.js'
import type { Contender, Measure, Readings, Row } from '../row.js'

const HEAP_BYTES = 2 ** 30
const FILE_BYTES = 2 ** 30
const IN_SEQUENCE = 200
const AT_ONCE = 100

const WORK = { get: 'get', put: 'put', exec: 'exec in sequence', atOnce: '100 execs at once' } as const

async function trial(bench: Bench, client: ClientWorker, server: Watchable | undefined): Promise<Readings> {
  const source = await bench.source(bench.bytes(FILE_BYTES))
  const work: { readonly [name in keyof typeof WORK]: () => Promise<unknown> } = {
    get: fileTrial(bench, client, 'get', source),
    put: fileTrial(bench, client, 'put', source),
    exec: () => client.call('execInSequence', 'true', bench.count(IN_SEQUENCE)),
    atOnce: () => client.call('execAtOnce', 'true', bench.count(AT_ONCE)),
  }
  const readings: Record<string, number> = {}
  for (const [name, run] of Object.entries(work)) {
    const { loops } = await watchLoops({ client, server }, run)
    if (loops.client) readings[`${name}Client`] = loops.client.p99Ms
    if (loops.server) readings[`${name}Server`] = loops.server.p99Ms
  }
  return readings
}

async function contenders(bench: Bench, cleanup: Cleanup): Promise<Contender[]> {
  const heapBytes = bench.bytes(HEAP_BYTES)
  const server = await startFakeSshServer(bench, cleanup)
  const client = await connectedClient(bench, cleanup, server.spec)
  const ssh2 = await connectedClient(bench, cleanup, await ssh2Spec(bench, 'defaults'))
  for (const worker of [server.worker, client, ssh2]) await worker.watch('fillHeap', heapBytes)
  return [
    { name: 'fake-ssh', kind: 'subject', trial: () => trial(bench, client, server.worker) },
    { name: 'ssh2', kind: 'peer', trial: () => trial(bench, ssh2, undefined) },
  ]
}

const SIDES = ['Client', 'Server'] as const

const measures: { readonly [name: string]: Measure } = Object.fromEntries(
  Object.entries(WORK).flatMap(([name, label]) =>
    SIDES.map((side): [string, Measure] => [
      `${name}${side}`,
      { label: `${label}, ${side.toLowerCase()} p99`, unit: 'ms', better: 'less' },
    ]),
  ),
)

export const eventLoop: Row = {
  name: LOOP_ROW,
  title: 'event loop with a 1 GiB heap, and in all other rows',
  what:
    'The 99th percentile of the delay of the event loop, from `perf_hooks`, less the 10 ms between its ticks, with 1 GiB of live objects in the client and ' +
    'in the server. Below it, the worst of the other rows, whose delays stand beside each of them. sshd has no event loop to look into.',
  rounds: 3,
  measures,
  thresholds: Object.keys(measures).map((measure) => ({ measure, ...LOOP_BOUND })),
  open: contenders,
}
