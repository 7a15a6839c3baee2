/**
 * A server and a client, each a process of its own, whose disks are to fail: the test decides where they read and write, and how their
 * processes are started.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Ended } from '../fixtures/fault-peer.js'
import { type ChildPeer, childPeer } from '../helpers/child-peer.js'
import { type Material, stateOf, within } from '../helpers/operations.js'
import { until } from '../helpers/processes.js'
import { temporaryDirectory } from '../helpers/temporary-directory.js'
import { expectOutcome } from './expect-outcome.js'
import type { OperationName, Outcome } from './outcomes.js'

const KEEPALIVE_MS = 15_000
const SETTLE_MS = 10_000
/** What every transfer reads. */
const SOURCE = 'source'
/** What every transfer writes, in a directory of its own. */
const TARGET = 'd/target'

export interface DiskScene {
  readonly server: ChildPeer
  readonly client: ChildPeer
  /** What the server serves. */
  readonly remote: string
  /** Where the client reads and writes. */
  readonly local: string
  readonly what: Material & { readonly old: Buffer }
}

interface SceneOptions {
  readonly bytes: number
  /** Shell commands that become the processes; see `childPeer()`. */
  readonly launchServer?: string | undefined
  readonly launchClient?: string | undefined
  /** Default: fresh directories. */
  readonly remote?: string | undefined
  readonly local?: string | undefined
}

/** Both processes, connected. */
export async function diskScene(options: SceneOptions): Promise<DiskScene> {
  const directory = temporaryDirectory()
  const { remote = directory.at('remote'), local = directory.at('local'), bytes } = options
  const what = { content: Buffer.alloc(bytes, 'new'), old: Buffer.from('old') }
  mkdirSync(remote, { recursive: true })
  mkdirSync(local, { recursive: true })
  const [server, client] = await Promise.all([
    childPeer('fault-peer', [], options.launchServer),
    childPeer('fault-peer', [], options.launchClient),
  ])
  const where = await server.call<string>('listen', { root: remote, keepaliveIntervalMs: KEEPALIVE_MS })
  await client.call('connect', where, KEEPALIVE_MS)
  return { server, client, remote, local, what }
}

/** On both sides a source to read and an old target to replace; what was there before is gone. */
export function layOut({ remote, local, what }: DiskScene): void {
  for (const side of [remote, local]) {
    rmSync(join(side, 'd'), { recursive: true, force: true })
    mkdirSync(join(side, 'd'))
    writeFileSync(join(side, TARGET), what.old)
    rmSync(join(side, SOURCE), { force: true })
    writeFileSync(join(side, SOURCE), what.content)
  }
}

interface Transfer {
  readonly path: string
  readonly localPath?: string
  /** The side that it writes on. */
  readonly directory?: string
  /** The call of the fixture, and its arguments. */
  readonly start: readonly [string, ...unknown[]]
}

/** Runs one transfer, lets the fault end, and holds what it told and left against its row; then the same connection has to carry out others. */
export async function expectDiskOutcome(
  { client, remote, local, what }: DiskScene,
  outcome: Outcome,
  operation: OperationName,
  heal: () => Promise<unknown> = async () => {},
): Promise<void> {
  const [source, target] = [join(local, SOURCE), join(local, TARGET)]
  const transfers: { readonly [operation: string]: Transfer } = {
    get: { path: SOURCE, start: ['getWhole', SOURCE] },
    download: { path: SOURCE, localPath: target, directory: local, start: ['download', SOURCE, target] },
    put: { path: TARGET, directory: remote, start: ['putWhole', TARGET, what.content] },
    upload: { path: TARGET, localPath: source, directory: remote, start: ['upload', source, TARGET] },
  }
  const transfer = transfers[operation]
  if (transfer === undefined) throw new Error(`${operation} has nothing to do with disks`)
  const { path, localPath, directory, start } = transfer
  const [call, ...args] = start
  await client.call(call, ...args)
  const { code, ...named } = await within(SETTLE_MS, operation, client.call<Ended>('ended', operation))
  await heal()

  const parent = directory && join(directory, 'd')
  const isThere = parent !== undefined && existsSync(parent)
  const parts = () => (isThere ? readdirSync(parent).filter((name) => name.endsWith('.part')).length : 0)
  // The other end hears of it a moment later.
  if (outcome.remains === 'nothing')
    await within(
      SETTLE_MS,
      'temporary files',
      until(() => parts() === 0),
    )
  expectOutcome(operation, outcome, {
    code,
    target: isThere ? stateOf(join(parent, 'target'), what) : undefined,
    leftovers: parts(),
  })
  if (code !== undefined) expect(named).toMatchObject({ path, localPath })

  expect(await client.call('isConnected')).toBe(outcome.isUsable)
  await client.call('exec', 'true')
  expect(await client.call<Ended>('ended', 'exec')).toMatchObject({ code: undefined })
}
