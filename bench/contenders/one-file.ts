/** Everybody who can move one whole file, in either direction. */
import type { Bench, Source } from '../bench.js'
import type { Cleanup } from '../cleanup.js'
import type { CommandSpec } from '../clients/client-spec.js'
import type { Direction } from '../clients/remote-client.js'
import type { Contender } from '../row.js'
import {
  type ClientWorker,
  connectedClient,
  masteredOpenSsh,
  ssh2Spec,
  startFakeSshServer,
  startTlsPump,
} from './processes.js'

const MIB = 2 ** 20

export async function oneFileContenders(
  bench: Bench,
  cleanup: Cleanup,
  direction: Direction,
  bytes: number,
): Promise<Contender[]> {
  const source = await bench.source(bytes)
  await bench.requireSpace(bytes)
  const server = await startFakeSshServer(bench, cleanup)
  const client = await connectedClient(bench, cleanup, server.spec)
  const pathClient = await connectedClient(bench, cleanup, { ...server.spec, usesPaths: true })
  const ssh2 = await connectedClient(bench, cleanup, await ssh2Spec(bench, 'defaults'))
  const quickSsh2 = await connectedClient(bench, cleanup, await ssh2Spec(bench, 'no delay'))
  const programs = await programContenders(bench, cleanup, direction, source)
  return [
    {
      name: 'fake-ssh',
      kind: 'subject',
      client: pathClient,
      server: server.worker,
      trial: fileTrial(bench, pathClient, direction, source),
    },
    {
      name: direction === 'get' ? 'fake-ssh get()' : 'fake-ssh put()',
      kind: 'ours',
      client,
      server: server.worker,
      trial: fileTrial(bench, client, direction, source),
    },
    { name: 'ssh2', kind: 'peer', client: ssh2, trial: fileTrial(bench, ssh2, direction, source) },
    {
      name: 'ssh2, no delay',
      kind: 'peer',
      client: quickSsh2,
      trial: fileTrial(bench, quickSsh2, direction, source),
    },
    ...programs,
    await tlsPumpContender(bench, cleanup, direction, bytes),
  ]
}

/** Moves the file to a place of its own and proves what arrived there. */
export function fileTrial(
  bench: Bench,
  worker: ClientWorker,
  direction: Direction,
  source: Source,
): Contender['trial'] {
  return async () => {
    const target = bench.target()
    const pair =
      direction === 'get'
        ? { remote: source.name, local: target.local }
        : { remote: target.remote, local: source.local }
    const ms = await worker.call('transferOne', direction, pair)
    const written = direction === 'get' ? target.local : bench.remotePath(target.remote)
    await bench.checkAndRemove(written, source)
    return { rate: ratePerSecond(source.bytes, ms) }
  }
}

/** MiB/s. */
export function ratePerSecond(bytes: number, ms: number): number {
  return bytes / MIB / (ms / 1000)
}

/** Bytes from memory to nowhere, over a connection of its own between two processes. */
async function tlsPumpContender(
  bench: Bench,
  cleanup: Cleanup,
  direction: Direction,
  bytes: number,
): Promise<Contender> {
  const [receiver, sender] = [await startTlsPump(bench, cleanup), await startTlsPump(bench, cleanup)]
  const { port } = await sender.call('listen')
  const trial = async () => ({
    rate: ratePerSecond(bytes, await receiver.call('move', port, direction, bytes)),
  })
  return { name: 'TLS pump', kind: 'limit', client: receiver, server: sender, trial }
}

async function programContenders(
  bench: Bench,
  cleanup: Cleanup,
  direction: Direction,
  source: Source,
): Promise<Contender[]> {
  const { scp, sftp, rsync, tar } = await masteredOpenSsh(bench, cleanup)
  const remote = `${bench.remoteRoot}/{remote}`
  const cp: CommandSpec = {
    kind: 'command',
    get: ['cp', remote, '{local}'],
    put: ['cp', '{local}', remote],
  }
  const programs = { scp, sftp, 'rsync -W': rsync, 'tar | ssh': tar, cp }
  return Promise.all(
    Object.entries(programs).map(async ([name, spec]): Promise<Contender> => {
      const worker = await connectedClient(bench, cleanup, spec)
      const kind = name === 'cp' ? 'limit' : 'peer'
      return { name, kind, trial: fileTrial(bench, worker, direction, source) }
    }),
  )
}
