/** What a connection costs while nothing happens on it. */
import type { Bench } from '../bench.js'
import type { Cleanup } from '../cleanup.js'
import type { FakeSshSpec, Ssh2Spec } from '../clients/client-spec.js'
import { startClient, startFakeSshServer, startSsh2Server, startTlsPump } from '../contenders/processes.js'
import { loopReadings, watchLoops } from '../peers/watch-loops.js'
import type { Worker } from '../peers/worker.js'
import type { Methods } from '../processes/serve-methods.js'
import type { Contender, Readings, Row } from '../row.js'

const CONNECTIONS = 2_000
/** Opened before anything is measured, so that all code is loaded. */
const WARM_UP_CONNECTIONS = 20
const AT_ONCE = 32
const KIB = 1_024

interface Sides {
  readonly client: Worker<Methods>
  readonly server: Worker<Methods>
  readonly open: (count: number) => Promise<void>
}

type Start = (cleanup: Cleanup) => Promise<Sides>

/** Fresh processes each time: memory that was given back inside a process would hide what is taken. */
async function trial(bench: Bench, start: Start): Promise<Readings> {
  const cleanup = bench.scope()
  try {
    const { client, server, open } = await start(cleanup)
    const settled = () => Promise.all([client.watch('settledBytes'), server.watch('settledBytes')])
    await open(WARM_UP_CONNECTIONS)
    const [clientBefore, serverBefore] = await settled()
    const count = bench.count(CONNECTIONS)
    const { loops } = await watchLoops({ client, server }, () => open(count))
    const [clientAfter, serverAfter] = await settled()
    return {
      server: (serverAfter - serverBefore) / count / KIB,
      client: (clientAfter - clientBefore) / count / KIB,
      ...loopReadings(loops),
    }
  } finally {
    await cleanup.run()
  }
}

async function contenders(bench: Bench): Promise<Contender[]> {
  const { hostKeyFile } = await bench.sshd()
  const library = async (cleanup: Cleanup, server: Worker<Methods>, spec: FakeSshSpec | Ssh2Spec) => {
    const client = await startClient(bench, cleanup, spec.kind === 'fake-ssh')
    return { client, server, open: (count: number) => client.call('holdIdle', spec, count, AT_ONCE) }
  }
  const ours: Start = async (cleanup) => {
    const { worker, spec } = await startFakeSshServer(bench, cleanup)
    return library(cleanup, worker, spec)
  }
  const ssh2: Start = async (cleanup) => {
    const server = await startSsh2Server(bench, cleanup)
    const { port } = await server.call('listen', hostKeyFile)
    return library(cleanup, server, { kind: 'ssh2', port, user: 'bench', root: bench.remoteRoot })
  }
  const bare: Start = async (cleanup) => {
    const [client, server] = [await startTlsPump(bench, cleanup), await startTlsPump(bench, cleanup)]
    const { port } = await server.call('listen')
    return { client, server, open: (count) => client.call('holdIdle', port, count, AT_ONCE) }
  }
  return [
    { name: 'fake-ssh', kind: 'subject', trial: () => trial(bench, ours) },
    { name: 'ssh2', kind: 'peer', trial: () => trial(bench, ssh2) },
    { name: 'bare TLS', kind: 'limit', trial: () => trial(bench, bare) },
  ]
}

export const idleConnections: Row = {
  name: 'idle-connections',
  title: 'memory of 2,000 idle connections',
  what:
    'By how much the resident set of the process has grown, after garbage collection, for each of 2,000 authenticated connections. Beside the server and ' +
    'client of ssh2, and sockets of `node:tls` with nothing on top of them.',
  rounds: 3,
  warmups: 0,
  measures: {
    server: { label: 'server, each', unit: 'KiB', better: 'less' },
    client: { label: 'client, each', unit: 'KiB', better: 'less' },
  },
  thresholds: [{ measure: 'server', to: 'ssh2', below: 1 }],
  open: contenders,
}
