// A reader that stops reading stops the far writer, and nothing piles up at either end: 4 GiB between two processes over TLS.

import { createHash } from 'node:crypto'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { TransferReceipt } from '../../src/index.js'
import type { MemoryReading } from '../fixtures/memory-meter.js'
import { type ChildPeer, childPeer } from '../helpers/child-peer.js'
import { shareOf } from '../helpers/share.js'
import { temporaryDirectory } from '../helpers/temporary-directory.js'

const GIB = 2 ** 30
const MIB = 2 ** 20
const BYTES = shareOf(4 * GIB)
/** Far more than half of all small execs take on a busy machine; if they had to wait for the stalled stream, they would never end. */
const QUICK_MS = 250
/** Small execs done beside the stalled stream: how many times the far side could have moved on. */
const OBSERVATIONS = 20
/**
 * Bytes that resident memory may grow by, at each end. V8 lets garbage wait: fresh buffers of 32 MiB until Node 22 and of 64 MiB from
 * Node 24 on, whoever makes them. Where that alone is above the bound, what is measured is what we add to it.
 */
const MAX_GROWTH = 48 * MIB
const ADDED_GROWTH = 24 * MIB
let allowed: Promise<number> | undefined

async function allowedGrowth(): Promise<number> {
  const [writer, reader] = await Promise.all([childPeer('bare-tls'), childPeer('bare-tls')])
  const bytes = GIB / 2
  expect(await reader.call('receive', await writer.call('listen', bytes))).toBe(bytes)
  const { before, peak } = await reader.call<MemoryReading>('read')
  return peak - before > MAX_GROWTH ? peak - before + ADDED_GROWTH : MAX_GROWTH
}

interface Peers {
  readonly server: ChildPeer
  readonly client: ChildPeer
  readonly root: string
  /** Growth of resident memory in bytes since both were connected. */
  growth(): Promise<{ server: number; client: number }>
}

async function connectedProcesses(): Promise<Peers> {
  const { path: root } = temporaryDirectory()
  const [server, client] = await Promise.all([childPeer('bulk-server'), childPeer('bulk-client')])
  await client.call('connect', await server.call('listen', root))
  await Promise.all([server.call('begin'), client.call('begin')])
  const growthOf = async (peer: ChildPeer) => {
    const { before, peak } = await peer.call<MemoryReading>('read')
    return peak - before
  }
  return {
    server,
    client,
    root,
    growth: async () => ({ server: await growthOf(server), client: await growthOf(client) }),
  }
}

const small = (client: ChildPeer, command: string) =>
  client.call<{ stdout: string; durationMs: number }>('small', command)

/**
 * The number that a command prints, once it has come to rest: the same in so many looks that a process would have had its turn. Then
 * that it stays so, and that each look, a small exec beside the stalled stream, was quick.
 */
async function expectAtRest(client: ChildPeer, command: string): Promise<number> {
  const times: number[] = []
  const look = async () => {
    const { stdout, durationMs } = await small(client, command)
    times.push(durationMs)
    return Number(stdout)
  }
  let last = await look()
  for (let same = 0; same < OBSERVATIONS; same += 1) {
    const now = await look()
    if (now !== last) same = 0
    last = now
  }
  for (let i = 0; i < OBSERVATIONS; i += 1) expect(await look()).toBe(last)
  times.sort((a, b) => a - b)
  expect(times[times.length >> 1]).toBeLessThan(QUICK_MS)
  return last
}

async function expectFlat(peers: Peers): Promise<void> {
  allowed ??= allowedGrowth()
  const maxGrowth = await allowed
  const { server, client } = await peers.growth()
  expect(server, `growth of the server: ${server / MIB} MiB`).toBeLessThan(maxGrowth)
  expect(client, `growth of the client: ${client / MIB} MiB`).toBeLessThan(maxGrowth)
}

test('exec: a stalled reader of 4 GiB of stdout stops the command, memory stays flat, a small exec stays quick', {
  timeout: 240_000,
}, async () => {
  const peers = await connectedProcesses()
  const { client } = peers
  const { bytes, pid } = await client.call<{ bytes: number; pid: number }>('startExec', 'head', [
    '-c',
    String(BYTES),
    '/dev/zero',
  ])

  // What the kernel counts as written by the far process: the reader's bytes, and what fits between the two.
  const written = await expectAtRest(client, `sed -n 's/wchar: //p' /proc/${pid}/io`)
  expect(written - bytes).toBeLessThan(4 * MIB)
  await expectFlat(peers)

  const rest = await client.call<{ bytes: number; exitCode: number; stdoutBytes: number }>('finishExec')
  expect(rest).toEqual({ bytes: BYTES - bytes, exitCode: 0, stdoutBytes: BYTES })
  await expectFlat(peers)
})

test('get: a stalled reader of a 4 GiB file stops the server reading it, memory stays flat, all of it arrives', {
  timeout: 240_000,
}, async () => {
  const peers = await connectedProcesses()
  const { client, server, root } = peers
  writeFileSync(join(root, 'sparse'), '')
  truncateSync(join(root, 'sparse'), BYTES)
  const bytes = await client.call<number>('startGet', 'sparse')

  // The position of the server in the file that it has open.
  const position = `grep -l sparse /dev/null; for fd in /proc/${server.pid}/fd/*; do case $(readlink $fd) in */sparse) sed -n 's/pos:[^0-9]*//p' /proc/${server.pid}/fdinfo/\${fd##*/};; esac; done`
  const read = await expectAtRest(client, `${position}; true`)
  expect(read - bytes).toBeLessThan(4 * MIB)
  await expectFlat(peers)

  const rest = await client.call<{ bytes: number; receipt: TransferReceipt }>('finishGet')
  expect(rest.bytes).toBe(BYTES - bytes)
  expect(rest.receipt).toMatchObject({ bytes: BYTES, algorithm: 'sha256' })
  await expectFlat(peers)
})

test('put: a server that stands still stops the writer within a few MiB, and gets everything once it goes on', {
  timeout: 60_000,
}, async () => {
  const size = 256 * MIB
  const peers = await connectedProcesses()
  const { client, server } = peers
  await client.call('startPut', 'upload')
  await small(client, 'true')
  server.kill('SIGSTOP')
  let taken = await client.call<number>('fillPut')
  for (let looks = 0; looks < OBSERVATIONS; looks += 1) {
    if (await client.call<boolean>('drained')) {
      taken = await client.call<number>('fillPut')
      looks = 0
    }
  }
  // Our own buffers, those of both kernels, and the window.
  expect(taken).toBeLessThan(16 * MIB)
  server.kill('SIGCONT')
  const receipt = await client.call<TransferReceipt>('finishPut', size)
  const digest = createHash('sha256').update(Buffer.alloc(size)).digest('hex')
  expect(receipt).toMatchObject({ bytes: size, digest })
  await expectFlat(peers)
})
