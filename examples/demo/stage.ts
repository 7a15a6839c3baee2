/** What the demo plays on: a server in a process of its own, a client, and a directory for each. All of it is gone afterwards. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FakeSshClient } from 'fake-ssh'

export interface Stage {
  readonly client: FakeSshClient
  readonly serverPid: number | undefined
  /** Served to the client as `/`. */
  readonly remote: string
  readonly local: string
}

/** Sets the stage, plays, and clears up: also when the play fails, and when it is cut short by `signal`. */
export async function onStage(
  signal: AbortSignal,
  play: (stage: Stage) => Promise<void>,
): Promise<{ isCleared: boolean }> {
  const directory = await mkdtemp(join(tmpdir(), 'fakessh-demo-'))
  const clear = () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  // Should everything else fail, even the clearing up below.
  process.once('exit', clear)
  let server: ChildProcess | undefined
  try {
    const [remote, local] = [join(directory, 'server'), join(directory, 'client')]
    await Promise.all([mkdir(remote), mkdir(local)])
    server = fork(fileURLToPath(new URL('server.ts', import.meta.url)), [remote])
    const url = await connectionString(server)
    await using client = await FakeSshClient.connect(url, { signal })
    const cut = () => void client.close({ drainMs: 0 })
    signal.addEventListener('abort', cut)
    signal.throwIfAborted()
    await play({ client, serverPid: server.pid, remote, local })
  } finally {
    if (server) await ended(server)
    clear()
    process.off('exit', clear)
  }
  return { isCleared: server.exitCode === 0 && !existsSync(directory) }
}

/** The first message of the server. Rejects when it ends without one. */
async function connectionString(server: ChildProcess): Promise<string> {
  const message = await Promise.race([once(server, 'message'), once(server, 'exit')])
  if (typeof message[0] !== 'string') throw new Error(`the server did not start: exit code ${message[0]}`)
  return message[0]
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const exit = once(server, 'exit')
  if (server.connected) server.disconnect()
  await exit
}
