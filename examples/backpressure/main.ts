/** A slow reader stops the far writer, and a slow far reader stops ours; memory stays flat meanwhile. See README.md. */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { CommandContext, ExecProcess, FakeSshClient } from 'fake-ssh'
import { byteSize } from '../common/byte-size.js'
import { withLoopback } from '../common/loopback.js'

const CHUNK = Buffer.alloc(65_536)
const READ_BYTES = 64 * 1024 * 1024
/** Windows and buffers of both ends together; more would mean that something piles up. */
const IN_FLIGHT_LIMIT_BYTES = 8 * 1024 * 1024

/** The far writer: writes as fast as it may, for ever, and counts. */
const far = { writtenBytes: 0 }
async function flood({ stdout, signal }: CommandContext): Promise<void> {
  while (!signal.aborted) {
    far.writtenBytes += CHUNK.length
    if (!stdout.write(CHUNK)) await once(stdout, 'drain', { signal })
  }
}

/** Reads that many bytes and stops again. */
async function take(stream: ExecProcess, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; ) {
    const chunk: Buffer | null = stream.read(Math.min(left, CHUNK.length)) ?? stream.read()
    if (chunk === null) await once(stream, 'readable')
    else left -= chunk.length
  }
}

/** When a count has not moved for a quarter of a second, whoever counts is waiting. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; before !== count(); ) {
    before = count()
    await delay(250)
  }
  return count()
}

const memory = () => process.memoryUsage().rss
let failures = 0
function check(what: string, holds: boolean): void {
  if (!holds) failures += 1
  console.log(`  ${holds ? 'ok' : 'FAILED'}: ${what}`)
}

async function slowReader(client: FakeSshClient): Promise<void> {
  console.log('nobody reads what the server writes')
  const process = client.exec('flood')
  await once(process, 'readable')
  const stalledAt = await settled(() => far.writtenBytes)
  console.log(`  the server wrote ${byteSize(stalledAt)} and waits`)
  check('the far writer stopped', stalledAt < IN_FLIGHT_LIMIT_BYTES)

  const startedAt = performance.now()
  await client.run('echo beside it')
  console.log(`  a command beside it took ${(performance.now() - startedAt).toFixed(0)} ms`)

  console.log(`we read ${byteSize(READ_BYTES)}, and stop again`)
  const memoryBefore = memory()
  await take(process, READ_BYTES)
  const written = (await settled(() => far.writtenBytes)) - stalledAt
  const grown = Math.max(0, memory() - memoryBefore)
  console.log(`  meanwhile the server wrote ${byteSize(written)} more; memory grew by ${byteSize(grown)}`)
  check('the far writer kept the pace of the reader', Math.abs(written - READ_BYTES) < IN_FLIGHT_LIMIT_BYTES)
  process.destroy()
}

async function slowFarReader(client: FakeSshClient): Promise<void> {
  console.log('we write to a command that reads nothing')
  const process = client.exec('sleep 60')
  let sentBytes = 0
  const write = () => {
    do sentBytes += CHUNK.length
    while (process.write(CHUNK))
    process.once('drain', write)
  }
  write()
  const stalledAt = await settled(() => sentBytes)
  console.log(`  write() took ${byteSize(stalledAt)}, then returned false and no 'drain' came`)
  check('our writer was stopped', stalledAt < IN_FLIGHT_LIMIT_BYTES)
  process.destroy()
}

await withLoopback(
  async ({ client }) => {
    await slowReader(client)
    await slowFarReader(client)
  },
  { commands: { flood } },
)
if (failures > 0) process.exitCode = 1
