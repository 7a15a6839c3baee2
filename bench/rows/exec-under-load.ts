/** How long a command takes while the same connection is full. */
import type { Bench } from '../bench.js'
import type { Cleanup } from '../cleanup.js'
import type { ClientSpec } from '../clients/client-spec.js'
import { ratePerSecond } from '../contenders/one-file.js'
import {
  type ClientWorker,
  connectedClient,
  masteredOpenSsh,
  ssh2Spec,
  startFakeSshServer,
} from '../contenders/processes.js'
import { percentile } from '../measure/statistics.js'
import type { Contender, Readings, Row } from '../row.js'

const COMMANDS = 200
const PUT_BYTES = 2 ** 30
const PERCENT = 95

async function trial(bench: Bench, client: ClientWorker): Promise<Readings> {
  const source = await bench.source(bench.bytes(PUT_BYTES))
  const { remote } = bench.target()
  const count = bench.count(COMMANDS)
  const plan = { command: 'true', count, local: source.local, remote }
  const { idleMs, loadedMs, puts, putMs } = await client.call('execUnderLoad', plan)
  await bench.checkAndRemove(bench.remotePath(remote), source)
  const [idle, loaded] = [percentile(idleMs, PERCENT), percentile(loadedMs, PERCENT)]
  return { idle, loaded, added: loaded - idle, rate: ratePerSecond(source.bytes * puts, putMs) }
}

async function contenders(bench: Bench, cleanup: Cleanup): Promise<Contender[]> {
  await bench.requireSpace(2 * bench.bytes(PUT_BYTES))
  const server = await startFakeSshServer(bench, cleanup)
  const { ssh, scp } = await masteredOpenSsh(bench, cleanup)
  const make = async (spec: ClientSpec) => {
    const client = await connectedClient(bench, cleanup, spec)
    return { client, trial: () => trial(bench, client) }
  }
  return [
    { name: 'fake-ssh', kind: 'subject', ...(await make(server.spec)), server: server.worker },
    { name: 'ssh2', kind: 'peer', ...(await make(await ssh2Spec(bench, 'no delay'))) },
    { name: 'ControlMaster', kind: 'peer', ...(await make({ ...scp, exec: ssh })) },
  ]
}

export const execUnderLoad: Row = {
  name: 'exec-under-load',
  title: 'exec latency while a bulk put saturates the link',
  what:
    'The 95th percentile of 200 commands in sequence, idle and then while 1 GiB files are put over the same connection, one after the other. The ' +
    'throughput of the puts is shown because an exec is only quick beside a put that is not held back.',
  rounds: 5,
  measures: {
    added: { label: 'p95 added by the put', unit: 'ms', better: 'less' },
    idle: { label: 'p95 idle', unit: 'ms', better: 'less' },
    loaded: { label: 'p95 during the put', unit: 'ms', better: 'less' },
    rate: { label: 'put meanwhile', unit: 'MiB/s', better: 'more' },
  },
  thresholds: [{ measure: 'added', atMost: 10 }],
  open: contenders,
}
