/**
 * A server and a client of it in one process, over TLS on loopback, with a directory of their own that is gone afterwards. Enough for an
 * example; in real life they are two programs, as in ../demo and ../cli.
 */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeSshClient, FakeSshServer, type FakeSshServerOptions, generateToken } from 'fake-ssh'

export interface Loopback extends AsyncDisposable {
  /** What the server serves. */
  readonly directory: string
  readonly server: FakeSshServer
  readonly client: FakeSshClient
}

export async function loopback(options: Pick<FakeSshServerOptions, 'commands'> = {}): Promise<Loopback> {
  const directory = await mkdtemp(join(tmpdir(), 'fakessh-example-'))
  // However the process ends.
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const server = new FakeSshServer({
    users: { example: { token: generateToken(), root: directory, exec: 'shell' } },
    ...options,
  })
  // To end the connections is to end the commands that run for them.
  process.once('SIGINT', () => void server.close({ drainMs: 0 }).finally(() => process.exit(130)))
  await server.listen()
  const client = await FakeSshClient.connect(server.connectionString('example'))
  return {
    directory,
    server,
    client,
    async [Symbol.asyncDispose]() {
      await client.close()
      await server.close()
    },
  }
}
