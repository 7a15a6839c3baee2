/** Starts the processes that contenders are made of. All of them end with the row. */
import { join } from 'node:path'
import type { Bench } from '../bench.js'
import type { Cleanup } from '../cleanup.js'
import type { ClientSpec, FakeSshSpec, Ssh2Spec } from '../clients/client-spec.js'
import { type OpenSsh, openSsh, startMaster } from '../peers/openssh.js'
import { Worker } from '../peers/worker.js'
import type { ClientMethods } from '../processes/client.js'
import type { DelayProxyMethods } from '../processes/delay-proxy.js'
import type { FakeSshServerMethods } from '../processes/fake-ssh-server.js'
import type { Methods } from '../processes/serve-methods.js'
import type { Ssh2ServerMethods } from '../processes/ssh2-server.js'
import type { TlsPumpMethods } from '../processes/tls-pump.js'

export type ClientWorker = Worker<ClientMethods>

const MAX_CONNECTIONS = 10_000

export interface FakeSshServerProcess {
  readonly worker: Worker<FakeSshServerMethods>
  readonly spec: FakeSshSpec
}

export async function startFakeSshServer(bench: Bench, cleanup: Cleanup): Promise<FakeSshServerProcess> {
  const worker = await start<FakeSshServerMethods>('fake-ssh-server', bench, cleanup, true)
  const { port, user, token } = await worker.call('listen', bench.remoteRoot, MAX_CONNECTIONS)
  return { worker, spec: { kind: 'fake-ssh', port, user, token } }
}

/** A client process that is nobody yet. `isOurs`: it will be this library, which profiles are wanted of. */
export function startClient(bench: Bench, cleanup: Cleanup, isOurs = false): Promise<ClientWorker> {
  return start<ClientMethods>('client', bench, cleanup, isOurs)
}

export async function connectedClient(
  bench: Bench,
  cleanup: Cleanup,
  spec: ClientSpec,
): Promise<ClientWorker> {
  const worker = await startClient(bench, cleanup, spec.kind === 'fake-ssh')
  await worker.call('connect', spec)
  return worker
}

export function startTlsPump(bench: Bench, cleanup: Cleanup): Promise<Worker<TlsPumpMethods>> {
  return start<TlsPumpMethods>('tls-pump', bench, cleanup)
}

export function startSsh2Server(bench: Bench, cleanup: Cleanup): Promise<Worker<Ssh2ServerMethods>> {
  return start<Ssh2ServerMethods>('ssh2-server', bench, cleanup)
}

/** Resolves with the port that leads to `port`, a while away. */
export async function startDelayProxy(
  bench: Bench,
  cleanup: Cleanup,
  port: number,
  delayMs: number,
): Promise<number> {
  const worker = await start<DelayProxyMethods>('delay-proxy', bench, cleanup)
  return (await worker.call('listen', port, delayMs)).port
}

/** How the `ssh2` client reaches our sshd: with its own defaults, or with `setNoDelay(true)`. */
export async function ssh2Spec(bench: Bench, socket: 'defaults' | 'no delay'): Promise<Ssh2Spec> {
  const { port, user, keyFile } = await bench.sshd()
  const hasNoDelay = socket === 'no delay'
  return { kind: 'ssh2', port, user: user.name, keyFile, root: bench.remoteRoot, hasNoDelay }
}

/** OpenSSH's programs, each with a connection of its own. */
export async function coldOpenSsh(bench: Bench, port?: number): Promise<OpenSsh> {
  const sshd = await bench.sshd()
  const { directory, remoteRoot } = bench
  return openSsh({ directory, sshd, root: remoteRoot, ...(port === undefined ? {} : { port }) })
}

/** OpenSSH's programs over one open connection. */
export async function masteredOpenSsh(bench: Bench, cleanup: Cleanup): Promise<OpenSsh> {
  const master = await startMaster(await coldOpenSsh(bench), bench.directory, cleanup)
  return openSsh({ directory: bench.directory, sshd: await bench.sshd(), root: bench.remoteRoot, master })
}

async function start<Served extends Methods>(
  file: string,
  bench: Bench,
  cleanup: Cleanup,
  isOurs = false,
): Promise<Worker<Served>> {
  const { profiles } = bench
  const nodeArgs =
    isOurs && profiles !== undefined ? ['--cpu-prof', `--cpu-prof-dir=${join(profiles, file)}`] : []
  const worker = await Worker.start<Served>(file, { nodeArgs })
  cleanup.add(() => worker.stop())
  return worker
}
