/** What a command's latency becomes while a bulk put takes all the connection can give. */
import type { FileClient } from '../clients/remote-client.js'
import { execInSequence } from './exec.js'
import { timed } from './timed.js'

export interface UnderLoad {
  /** Milliseconds of each command. */
  readonly idleMs: readonly number[]
  readonly loadedMs: readonly number[]
  /** Whole puts that ran meanwhile, and how long they took together. */
  readonly puts: number
  readonly putMs: number
}

export interface UnderLoadPlan {
  readonly command: string
  readonly count: number
  readonly local: string
  readonly remote: string
}

export async function execUnderLoad(client: FileClient, plan: UnderLoadPlan): Promise<UnderLoad> {
  const { command, count, local, remote } = plan
  const idleMs = await execInSequence(client, command, count)
  let isMeasured = false
  let puts = 0
  const bulk = timed(async () => {
    do {
      await client.put(local, remote)
      puts += 1
    } while (!isMeasured)
  })
  try {
    const commands = execInSequence(client, command, count + 1)
    // The bulk ends by itself only when it fails.
    await Promise.race([commands, bulk])
    // The first went while the put was still being opened.
    const [, ...loadedMs] = await commands
    isMeasured = true
    const putMs = await bulk
    return { idleMs, loadedMs, puts, putMs }
  } finally {
    isMeasured = true
  }
}
