/** From nothing to the first answer. */
import type { Bench } from '../bench.js'
import type { Cleanup } from '../cleanup.js'
import type { ClientSpec } from '../clients/client-spec.js'
import { coldOpenSsh, ssh2Spec, startClient, startFakeSshServer } from '../contenders/processes.js'
import { median } from '../measure/statistics.js'
import type { Contender, Row } from '../row.js'

const CONNECTIONS = 20

async function contenders(bench: Bench, cleanup: Cleanup): Promise<Contender[]> {
  const server = await startFakeSshServer(bench, cleanup)
  const { cold } = await coldOpenSsh(bench)
  const make = async (spec: ClientSpec) => {
    const client = await startClient(bench, cleanup, spec.kind === 'fake-ssh')
    const trial = async () => ({
      time: median(await client.call('firstResults', spec, 'true', bench.count(CONNECTIONS))),
    })
    return { client, trial }
  }
  return [
    { name: 'fake-ssh', kind: 'subject', ...(await make(server.spec)), server: server.worker },
    { name: 'ssh2', kind: 'peer', ...(await make(await ssh2Spec(bench, 'no delay'))) },
    { name: 'cold ssh', kind: 'peer', ...(await make(cold)) },
  ]
}

export const firstResult: Row = {
  name: 'first-result',
  title: 'connect, authenticate, first result',
  what:
    'The median of 20 connections, from the call that connects to the exit code of `true`; closing is not counted. fake-ssh with a token, the others ' +
    'with an Ed25519 key. Cold ssh is the whole of `ssh host true`, as a program that spawns it sees it.',
  rounds: 5,
  measures: { time: { label: 'time', unit: 'ms', better: 'less' } },
  thresholds: [{ measure: 'time', to: 'cold ssh', atMost: 1 / 3 }],
  open: contenders,
}
