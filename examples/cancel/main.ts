/** Cancels commands and transfers, by signal and by time, and shows what is left: nothing, and a connection that works. See README.md. */
import { readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type FakeSshClient, FakeSshError, type FakeSshServer } from 'fake-ssh'
import { byteSize } from '../common/byte-size.js'
import { withLoopback } from '../common/loopback.js'

/** Sparse, so it costs no disk; but its bytes travel, so there is time to cancel. */
const BIG_FILE_BYTES = 4 * 1024 ** 3

/** What the operation failed with, as one line. */
async function failureOf(operation: Promise<unknown>): Promise<string> {
  try {
    await operation
    return 'it succeeded, which was not the plan'
  } catch (error) {
    return FakeSshError.is(error) ? `${error.code}: ${error.message}` : String(error)
  }
}

/** A client learns at once that its operation is cancelled. The server then cleans up, and tells when it has. */
function serverEnd(server: FakeSshServer, event: 'exec' | 'transfer'): Promise<void> {
  return new Promise((resolve) => {
    const onEvent = ({ phase }: { readonly phase: string }) => {
      if (phase === 'end') resolve()
    }
    server.on(event, onEvent)
  })
}

function isRunning(pid: number | undefined): boolean {
  try {
    return process.kill(pid ?? 0, 0)
  } catch {
    return false
  }
}

async function cancelledCommands(client: FakeSshClient, server: FakeSshServer): Promise<void> {
  console.log('a command, by AbortSignal')
  const controller = new AbortController()
  const sleeper = client.exec('sleep 60', { signal: controller.signal })
  let ended = serverEnd(server, 'exec')
  sleeper.once('spawn', ({ pid }) => {
    console.log(`  process ${pid} runs on the server`)
    controller.abort(new Error('changed my mind'))
  })
  console.log(`  rejected with our own reason: ${await failureOf(sleeper.result)}`)
  await ended
  console.log(`  its process runs: ${isRunning(sleeper.pid)}`)

  console.log('a command that ignores SIGTERM, by timeoutMs')
  const stubborn = client.exec('trap "" TERM; sleep 10', { timeoutMs: 1_000 })
  ended = serverEnd(server, 'exec')
  console.log(`  ${await failureOf(stubborn.result)}`)
  await ended
  console.log(`  its process runs: ${isRunning(stubborn.pid)}`)

  console.log('a command, by kill(): an end like any other, with a result')
  const killed = client.exec('sleep 60')
  await killed.kill()
  console.log(`  ended by ${(await killed.result).signal}`)
}

async function cancelledTransfers(
  client: FakeSshClient,
  server: FakeSshServer,
  directory: string,
): Promise<void> {
  const big = join(directory, 'big')
  await writeFile(big, '')
  await truncate(big, BIG_FILE_BYTES)
  await writeFile(join(directory, 'target'), 'what was there before')

  console.log('an upload, by AbortSignal, at its first progress')
  const controller = new AbortController()
  const ended = serverEnd(server, 'transfer')
  const upload = client.upload(big, 'target', {
    // Otherwise what had arrived would be kept, for the next attempt to go on from.
    resume: false,
    signal: controller.signal,
    onProgress: ({ transferred }) => controller.abort(new Error(`stopped after ${byteSize(transferred)}`)),
  })
  console.log(`  rejected with our own reason: ${await failureOf(upload)}`)
  await ended
  console.log(`  the target holds: ${(await client.run('cat target')).stdout}`)

  console.log('a download, by timeoutMs')
  const download = client.download('big', join(directory, 'copy'), { resume: false, timeoutMs: 200 })
  console.log(`  ${await failureOf(download)}`)
  console.log(`files, here and there: ${(await readdir(directory)).sort().join(', ')}`)
}

await withLoopback(async ({ client, server, directory }) => {
  await cancelledCommands(client, server)
  await cancelledTransfers(client, server, directory)
  console.log(`the same connection, still: ${(await client.run('echo works')).stdout.trim()}`)
})
