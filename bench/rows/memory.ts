/** What a transfer costs in memory, however large it is. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, Source } from '../bench.js'
import type { Cleanup } from '../cleanup.js'
import { type ClientWorker, connectedClient, ssh2Spec, startFakeSshServer } from '../contenders/processes.js'
import { loopReadings, watchLoops } from '../peers/watch-loops.js'
import type { Worker } from '../peers/worker.js'
import type { Methods } from '../processes/serve-methods.js'
import type { Contender, Readings, Row } from '../row.js'

const BYTES = 8 * 2 ** 30
const WARM_UP_BYTES = 2 ** 20
/** From a reader that has stopped until everything before it has filled up. */
const FILL_MS = 1_000
const STALL_MS = 5_000
const MIB = 2 ** 20
const GROWTH = { below: 48 } as const
const FLAT = { atMost: 4 } as const

interface Sides {
  readonly client: ClientWorker
  /** Undefined for sshd, which is not one process. */
  readonly server: Worker<Methods> | undefined
}

type Connect = (cleanup: Cleanup) => Promise<Sides>

/** Fresh processes each time: one that has grown before does not grow again. */
async function trial(bench: Bench, connect: Connect): Promise<Readings> {
  const source = await bench.sparseSource(bench.bytes(BYTES))
  const cleanup = bench.scope()
  try {
    const sides = await connect(cleanup)
    await warmUp(bench, sides.client)
    const { result, loops } = await watchLoops(sides, () => transfers(bench, sides, source))
    const stalled = await connect(cleanup)
    await warmUp(bench, stalled.client)
    return { ...result, ...(await stall(bench, stalled, source)), ...loopReadings(loops) }
  } finally {
    await cleanup.run()
  }
}

/** Both directions once, so that all code is loaded; too little for buffers to grow. */
async function warmUp(bench: Bench, client: ClientWorker): Promise<void> {
  const source = await bench.source(WARM_UP_BYTES)
  const { remote } = bench.target()
  await client.call('readAll', source.name, source.bytes)
  await client.call('transferOne', 'put', { remote, local: source.local })
  await bench.checkAndRemove(bench.remotePath(remote), source)
}

async function transfers(bench: Bench, sides: Sides, source: Source): Promise<Readings> {
  const get = await growth(sides, () => sides.client.call('readAll', source.name, source.bytes))
  const { remote } = bench.target()
  const put = await growth(sides, () =>
    sides.client.call('transferOne', 'put', { remote, local: source.local }),
  )
  await bench.checkAndRemove(bench.remotePath(remote), source)
  return {
    getClient: get.client,
    putClient: put.client,
    ...(get.server !== undefined && put.server !== undefined
      ? { getServer: get.server, putServer: put.server }
      : {}),
  }
}

async function stall(bench: Bench, sides: Sides, source: Source): Promise<Readings> {
  await sides.client.call('stall', source.name)
  await delay(bench.count(FILL_MS))
  const { client, server } = await growth(sides, () => delay(bench.count(STALL_MS)))
  return { stallClient: client, ...(server === undefined ? {} : { stallServer: server }) }
}

/** MiB by which each side's resident set peaked above its start. */
async function growth({ client, server }: Sides, work: () => Promise<unknown>) {
  await Promise.all([client.watch('startMemoryWatch'), server?.watch('startMemoryWatch')])
  await work()
  const [clientBytes, serverBytes] = await Promise.all([
    client.watch('stopMemoryWatch'),
    server?.watch('stopMemoryWatch'),
  ])
  return { client: clientBytes / MIB, server: serverBytes === undefined ? undefined : serverBytes / MIB }
}

async function contenders(bench: Bench): Promise<Contender[]> {
  await bench.requireSpace(bench.bytes(BYTES))
  const ours: Connect = async (cleanup) => {
    const { worker, spec } = await startFakeSshServer(bench, cleanup)
    return { client: await connectedClient(bench, cleanup, spec), server: worker }
  }
  const theirs: Connect = async (cleanup) => ({
    client: await connectedClient(bench, cleanup, await ssh2Spec(bench, 'defaults')),
    server: undefined,
  })
  return [
    { name: 'fake-ssh', kind: 'subject', trial: () => trial(bench, ours) },
    { name: 'ssh2', kind: 'peer', trial: () => trial(bench, theirs) },
  ]
}

export const memory: Row = {
  name: 'memory',
  title: 'memory during an 8 GiB transfer, and with a stalled reader',
  what:
    'How far the resident set of a fresh process peaks above where it was after a transfer of 1 MiB. A stalled reader takes 1 MiB of the file and then ' +
    'nothing; the growth is that of 5 s, from 1 s after. Of ssh2 only the client is shown, as sshd is not one process. The file is one of zeros that takes no space where it is read.',
  rounds: 1,
  warmups: 0,
  measures: {
    getClient: { label: 'get, client growth', unit: 'MiB', better: 'less' },
    getServer: { label: 'get, server growth', unit: 'MiB', better: 'less' },
    putClient: { label: 'put, client growth', unit: 'MiB', better: 'less' },
    putServer: { label: 'put, server growth', unit: 'MiB', better: 'less' },
    stallClient: { label: 'stalled get, client growth', unit: 'MiB', better: 'less' },
    stallServer: { label: 'stalled get, server growth', unit: 'MiB', better: 'less' },
  },
  thresholds: [
    { measure: 'getClient', ...GROWTH },
    { measure: 'getServer', ...GROWTH },
    { measure: 'putClient', ...GROWTH },
    { measure: 'putServer', ...GROWTH },
    { measure: 'stallClient', ...FLAT },
    { measure: 'stallServer', ...FLAT },
  ],
  open: contenders,
}
