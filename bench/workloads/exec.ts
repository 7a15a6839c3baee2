/** Commands, one after the other and all at once. */
import type { ClientSpec } from '../clients/client-spec.js'
import { connectClient } from '../clients/client-spec.js'
import type { RemoteClient } from '../clients/remote-client.js'
import { timed } from './timed.js'

async function execOk(client: RemoteClient, command: string): Promise<void> {
  const exitCode = await client.exec(command)
  if (exitCode !== 0) throw new Error(`'${command}' exited with ${exitCode}`)
}

/** Milliseconds of each. */
export async function execInSequence(
  client: RemoteClient,
  command: string,
  count: number,
): Promise<number[]> {
  const latencies: number[] = []
  for (let index = 0; index < count; index += 1) {
    latencies.push(await timed(() => execOk(client, command)))
  }
  return latencies
}

/** Milliseconds until the last has ended. */
export function execAtOnce(client: RemoteClient, command: string, count: number): Promise<number> {
  return timed(() => Promise.all(Array.from({ length: count }, () => execOk(client, command))))
}

/** Milliseconds from nothing to a command's exit code, `count` times. Closing is not counted. */
export async function firstResults(spec: ClientSpec, command: string, count: number): Promise<number[]> {
  const latencies: number[] = []
  for (let index = 0; index < count; index += 1) {
    let client: RemoteClient | undefined
    latencies.push(
      await timed(async () => {
        client = await connectClient(spec)
        await execOk(client, command)
      }),
    )
    await client?.close()
  }
  return latencies
}
