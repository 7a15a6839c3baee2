/**
 * A server and a client of it in one process, over TLS on loopback, with a directory of their own. Enough for an example; in real
 * life they are two programs, as in ../demo and ../cli.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeSshClient, FakeSshServer, type FakeSshServerOptions, generateToken } from 'fake-ssh'

export interface Loopback {
  /** What the server serves. */
  readonly directory: string
  readonly server: FakeSshServer
  readonly client: FakeSshClient
}

/** Runs an example, and clears up after it: also when it fails, and when Ctrl-C cuts it short. */
export async function withLoopback(
  run: (loopback: Loopback) => Promise<void>,
  options: Pick<FakeSshServerOptions, 'commands'> = {},
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'fakessh-example-'))
  const users = { example: { token: generateToken(), root: directory, exec: 'shell' } } as const
  try {
    await using server = new FakeSshServer({ users, ...options })
    await server.listen()
    await using client = await FakeSshClient.connect(server.connectionString('example'))
    const interrupted = new Promise<never>((_resolve, reject) => {
      process.once('SIGINT', () => {
        process.exitCode = 130
        // What runs is not waited for: it fails, and the server ends its own part of it.
        client.close({ drainMs: 0 }).then(reject, reject)
      })
    })
    await Promise.race([run({ directory, server, client }), interrupted])
  } catch (error) {
    if (process.exitCode !== 130) throw error
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 })
  }
}
