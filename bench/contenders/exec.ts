/** Everybody who can run a command, each in a client process of its own. */
import type { Bench } from '../bench.js'
import type { Cleanup } from '../cleanup.js'
import type { ClientSpec } from '../clients/client-spec.js'
import type { Contender, ContenderKind, Readings } from '../row.js'
import {
  type ClientWorker,
  connectedClient,
  masteredOpenSsh,
  ssh2Spec,
  startFakeSshServer,
} from './processes.js'

export interface ExecContenderOptions {
  /** Bytes of live objects in the process that spawns: our server, and the local one. Default 0. */
  readonly heapBytes?: number
  readonly trial: (client: ClientWorker) => Promise<Readings>
}

/** What every remote shell is given, done here: no more than this is asked of anybody. */
const LOCAL: ClientSpec = { kind: 'command', exec: ['/bin/sh', '-c'] }

export async function execContenders(
  bench: Bench,
  cleanup: Cleanup,
  { heapBytes = 0, trial }: ExecContenderOptions,
): Promise<Contender[]> {
  const server = await startFakeSshServer(bench, cleanup)
  const { ssh } = await masteredOpenSsh(bench, cleanup)
  const make = async (name: string, kind: ContenderKind, spec: ClientSpec): Promise<Contender> => {
    const client = await connectedClient(bench, cleanup, spec)
    if (kind === 'limit' && heapBytes > 0) await client.watch('fillHeap', heapBytes)
    return { name, kind, client, trial: () => trial(client) }
  }
  if (heapBytes > 0) await server.worker.watch('fillHeap', heapBytes)
  return [
    { ...(await make('fake-ssh', 'subject', server.spec)), server: server.worker },
    await make('ssh2', 'peer', await ssh2Spec(bench, 'no delay')),
    await make('ControlMaster', 'peer', { kind: 'command', exec: ssh }),
    await make('local spawn', 'limit', LOCAL),
  ]
}
