/** What a command writes, in bulk. */
import type { Bench } from '../bench.js'
import type { Cleanup } from '../cleanup.js'
import { ratePerSecond } from '../contenders/one-file.js'
import { type ClientWorker, connectedClient, ssh2Spec, startFakeSshServer } from '../contenders/processes.js'
import type { Contender, Row } from '../row.js'

const BYTES = 2 ** 30
/** More than a pipe and than most windows hold, but not more than ssh2 survives: it shares one window of 2 MiB with stdout. */
const STDERR_BYTES = 2 ** 20

async function contenders(bench: Bench, cleanup: Cleanup): Promise<Contender[]> {
  const { name, bytes } = await bench.source(bench.bytes(BYTES))
  const path = bench.remotePath(name)
  const little = `head -c ${STDERR_BYTES} /dev/zero >&2 & cat ${path}`
  // As much as stdout, and ended with it.
  const flood = `head -c ${bytes} /dev/zero >&2 & cat ${path}; kill $! 2>/dev/null; true`
  const trialOf = (client: ClientWorker, command: string) => async () => ({
    rate: ratePerSecond(bytes, await client.call('readStdout', command, bytes)),
  })
  const server = await startFakeSshServer(bench, cleanup)
  const client = await connectedClient(bench, cleanup, server.spec)
  const ssh2 = await connectedClient(bench, cleanup, await ssh2Spec(bench, 'defaults'))
  const quickSsh2 = await connectedClient(bench, cleanup, await ssh2Spec(bench, 'no delay'))
  const ours = { client, server: server.worker }
  return [
    { name: 'fake-ssh', kind: 'subject', ...ours, trial: trialOf(client, little) },
    { name: 'fake-ssh, 1 GiB of stderr', kind: 'ours', ...ours, trial: trialOf(client, flood) },
    { name: 'ssh2', kind: 'peer', client: ssh2, trial: trialOf(ssh2, little) },
    { name: 'ssh2, no delay', kind: 'peer', client: quickSsh2, trial: trialOf(quickSsh2, little) },
  ]
}

export const execStdout: Row = {
  name: 'exec-stdout',
  title: 'stdout of cat 1 GiB, unread stderr beside it',
  what:
    'A command that writes 1 GiB to stdout, which is compared byte by byte as it arrives, and 1 MiB to stderr, which nobody ever reads. ssh2 has one ' +
    'window for both and would stall for good at 2 MiB, so that only fake-ssh is also given a whole GiB of stderr.',
  rounds: 5,
  measures: { rate: { label: 'throughput', unit: 'MiB/s', better: 'more' } },
  thresholds: [{ measure: 'rate', to: 'ssh2', atLeast: 2.5 }],
  open: contenders,
}
