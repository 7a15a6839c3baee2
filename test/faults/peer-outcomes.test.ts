// Client and server are processes of their own, joined by TLS, and one of them is stopped or killed in the middle of every operation at once.
// The other one notices in time, settles everything, ends what it ran, and frees what it held.
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, readlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Ended } from '../fixtures/fault-peer.js'
import { type ChildPeer, childPeer } from '../helpers/child-peer.js'
import { MARK, markedProcesses } from '../helpers/marked-processes.js'
import { within } from '../helpers/operations.js'
import { killIfThere, until } from '../helpers/processes.js'
import { type TemporaryDirectory, temporaryDirectory } from '../helpers/temporary-directory.js'
import { expectOutcome } from './expect-outcome.js'
import { casesOf, type Outcome, type Scenarios } from './outcomes.js'

const KEEPALIVE_MS = 200
/** Sparse, and more than can be moved before the fault comes. */
const BIG_BYTES = 8 * 2 ** 30
const SETTLE_MS = 8_000
const OPERATIONS = ['exec', 'get', 'put', 'upload', 'download'] as const

interface Scene {
  readonly server: ChildPeer
  readonly client: ChildPeer
  /** What each of them held when there was no connection. */
  readonly idle: Map<ChildPeer, string>
  readonly directory: TemporaryDirectory
  /** Programs that the server has started. */
  programs(): number[]
  /** Temporary files below one of the two directories. */
  parts(side: 'remote' | 'local'): number
  target(operation: string): 'old' | 'broken' | undefined
}

/** The file that an operation writes, below the directory. */
const TARGETS: { readonly [operation: string]: string } = {
  put: 'remote/put',
  upload: 'remote/upload',
  download: 'local/download',
}

/** Open descriptors that are no sockets. Of sockets the helper that starts programs makes some ahead, now more, now fewer. */
function files({ pid }: ChildPeer): number {
  const directory = `/proc/${pid}/fd`
  const names = readdirSync(directory).map((name) => readlinkSync(join(directory, name)))
  return names.filter((name) => !name.startsWith('socket:')).length
}

/** The parent and the helper that starts programs; what listens. */
const LASTING = ['PipeWrap', 'TCPServerWrap']

/** What a process has at rest: descriptors, and the kinds of what keeps its event loop alive. Waits for what is only passing. */
async function atRest(peer: ChildPeer): Promise<string> {
  for (;;) {
    const kinds = await peer.call<string[]>('resources')
    if (kinds.every((kind) => LASTING.includes(kind))) return [files(peer), ...kinds].join(' ')
  }
}

async function begin({ client, directory }: Scene, resume = true): Promise<void> {
  await client.call('exec', 'sleep 1000 & sleep 1000')
  await client.call('get', 'big')
  await client.call('put', 'put')
  await Promise.all([
    client.call('upload', directory.at('local/big'), 'upload', resume),
    client.call('download', 'big', directory.at('local/download'), resume),
  ])
}

/** Both processes, connected, with one of each operation under way. */
async function stage(): Promise<Scene> {
  const directory = temporaryDirectory()
  for (const side of ['remote', 'local']) {
    mkdirSync(directory.at(side))
    writeFileSync(directory.at(side, 'big'), '')
    truncateSync(directory.at(side, 'big'), BIG_BYTES)
  }
  for (const path of Object.values(TARGETS)) writeFileSync(directory.at(path), 'old')
  const mark = randomUUID()
  const [server, client] = await Promise.all([childPeer('fault-peer'), childPeer('fault-peer')])
  onTestFinished(() => {
    for (const pid of markedProcesses(mark)) killIfThere(pid)
  })
  const scene: Scene = {
    server,
    client,
    directory,
    idle: new Map(),
    programs: () => markedProcesses(mark),
    parts: (side) => readdirSync(directory.at(side)).filter((name) => name.endsWith('.part')).length,
    target: (operation) => {
      const path = TARGETS[operation]
      if (path === undefined) return undefined
      return readFileSync(directory.at(path), 'utf8').slice(0, 100) === 'old' ? 'old' : 'broken'
    },
  }
  const where = await server.call<string>('listen', {
    root: directory.at('remote'),
    keepaliveIntervalMs: KEEPALIVE_MS,
    env: { [MARK]: mark },
  })
  // Once through everything first: what the first operation of its kind makes stays.
  await client.call('connect', where, KEEPALIVE_MS)
  await begin(scene, false)
  await client.call('closeClient')
  await until(() => scene.programs().length === 0 && scene.parts('remote') + scene.parts('local') === 0)
  for (const peer of [server, client]) scene.idle.set(peer, await atRest(peer))
  await client.call('connect', where, KEEPALIVE_MS)
  await begin(scene)
  return scene
}

/** The process holds what it held before it was connected. */
async function expectFreed({ idle }: Scene, peer: ChildPeer): Promise<void> {
  expect(await within(SETTLE_MS, 'handles', atRest(peer))).toBe(idle.get(peer))
}

async function expectClient(scene: Scene, outcome: Outcome, faultAtMs: number): Promise<void> {
  for (const operation of OPERATIONS) {
    const { code, atMs } = await within(SETTLE_MS, operation, scene.client.call<Ended>('ended', operation))
    const afterMs = Math.max(0, atMs - faultAtMs)
    expectOutcome(operation, outcome, { code, afterMs, target: scene.target(operation) }, KEEPALIVE_MS)
  }
}

/** The server has noticed the end of the connection in time, ended its programs, and freed everything. */
async function expectServer(scene: Scene, outcome: Outcome, faultAtMs: number): Promise<void> {
  const { server } = scene
  let ends: Ended[] = []
  // The first one was the warm-up's.
  const noticed = async () => {
    while (ends.length < 2) ends = await server.call<Ended[]>('disconnects')
  }
  await within(SETTLE_MS, 'the end of the connection at the server', noticed())
  const { code, atMs } = ends[1] as Ended
  expectOutcome('server', outcome, { code, afterMs: Math.max(0, atMs - faultAtMs) }, KEEPALIVE_MS)
  await within(
    SETTLE_MS,
    'programs and files',
    until(() => isClean(scene)),
  )
  await expectFreed(scene, server)
}

/** The part of the upload is kept, that of `put` is not. */
const isClean = (scene: Scene) => scene.programs().length === 0 && scene.parts('remote') === 1

const SCENARIOS: Scenarios<'peer', (scene: Scene, outcome: Outcome) => Promise<void>> = {
  'server-stopped': async (scene, outcome) => {
    const atMs = Date.now()
    scene.server.kill('SIGSTOP')
    await expectClient(scene, outcome, atMs)
    await expectFreed(scene, scene.client)
    // Nobody can clean up at the server before it runs again.
    const wokenAtMs = Date.now()
    scene.server.kill('SIGCONT')
    await expectServer(scene, { ...outcome, codes: [...outcome.codes, ...ENDED_MEANWHILE] }, wokenAtMs)
  },
  'client-stopped': async (scene, outcome) => {
    const atMs = Date.now()
    scene.client.kill('SIGSTOP')
    await expectServer(scene, outcome, atMs)
    const wokenAtMs = Date.now()
    scene.client.kill('SIGCONT')
    await expectClient(scene, outcome, wokenAtMs)
    await expectFreed(scene, scene.client)
  },
  'server-killed': async (scene, outcome) => {
    const atMs = Date.now()
    scene.server.kill('SIGKILL')
    await expectClient(scene, outcome, atMs)
    await expectFreed(scene, scene.client)
    await within(
      SETTLE_MS,
      'programs',
      until(() => scene.programs().length === 0),
    )
  },
  'client-killed': async (scene, outcome) => {
    const atMs = Date.now()
    scene.client.kill('SIGKILL')
    await expectServer(scene, outcome, atMs)
  },
}

/** One that stood still finds the end that the other side has made of the connection. */
const ENDED_MEANWHILE = ['ERR_FAKESSH_CONNECTION_LOST']

test.each(casesOf('peer', SCENARIOS))('$id: $outcome.fault', { timeout: 60_000 }, async (one) => {
  const scene = await stage()
  await one.scenario(scene, one.outcome)
  // Of the upload and the download; and of the put, where nobody was left to remove it.
  const remote = one.outcome.remains === 'temporary file' ? 2 : 1
  expect({ remote: scene.parts('remote'), local: scene.parts('local') }).toEqual({ remote, local: 1 })
})
