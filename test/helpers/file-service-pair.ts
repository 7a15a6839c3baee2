// A client and a server connection where the server serves get and put below a fresh directory, and everything that is told is recorded.
import { afterEach, expect } from 'vitest'
import type { IncomingOpen } from '../../src/connection/channel-handler.js'
import { DigestTurns } from '../../src/files/digest-turns.js'
import type { FileSystem } from '../../src/files/file-system.js'
import { serveGet } from '../../src/files/get-server.js'
import { LocalDisk } from '../../src/files/local-disk.js'
import { servePut } from '../../src/files/put-server.js'
import type { TransferInfo, TransferObserver } from '../../src/files/transfer.js'
import { type ConnectionPair, connectionPair, type PairOptions } from './connection-pair.js'
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.js'

/** What an observer was told, in order. */
interface Told {
  readonly event: 'start' | 'metadata' | 'progress' | 'checksum' | 'end'
  readonly transfer: TransferInfo
  readonly value: unknown
}

export interface RecordingObserver extends TransferObserver {
  readonly told: Told[]
  of(event: Told['event']): unknown[]
  /** The events in order; of the progress reports, whose number depends on the time, only the last. */
  order(): Told['event'][]
}

export function recordingObserver(): RecordingObserver {
  const told: Told[] = []
  const record = (event: Told['event']) => (transfer: TransferInfo, value: unknown) => {
    told.push({ event, transfer, value })
  }
  return {
    told,
    of: (event) => told.filter((one) => one.event === event).map(({ value }) => value),
    order: () => {
      const events = told.map(({ event }) => event)
      return events.filter((event, i) => event !== 'progress' || i === events.lastIndexOf('progress'))
    },
    start: record('start'),
    metadata: record('metadata'),
    progress: record('progress'),
    checksum: record('checksum'),
    end: record('end'),
  }
}

export interface FileServicePair extends ConnectionPair {
  /** What the server serves. */
  readonly root: TemporaryDirectory
  /** Another directory, for local paths. */
  readonly local: TemporaryDirectory
  readonly observed: RecordingObserver
  /** Settles when every transfer served so far is over at the server. */
  served(): Promise<void>
}

export interface FileServiceOptions extends Pick<PairOptions, 'transports' | 'client' | 'server'> {
  /** Instead of serving get and put. */
  readonly serve?: (open: IncomingOpen) => void
  /** What the server stores in. Default: the local disk below `root`. */
  readonly storage?: (root: string) => FileSystem
}

const open: FileServicePair[] = []

export async function fileServicePair(options: FileServiceOptions = {}): Promise<FileServicePair> {
  const root = temporaryDirectory()
  const local = temporaryDirectory()
  const observed = recordingObserver()
  const fileSystem = options.storage?.(root.path) ?? new LocalDisk(root.path)
  const deps = { fileSystem, observe: observed, user: 'test', digests: new DigestTurns() }
  const running: Promise<void>[] = []
  const serve = (incoming: IncomingOpen) => {
    if (options.serve) options.serve(incoming)
    else running.push(incoming.kind === 'get' ? serveGet(incoming, deps) : servePut(incoming, deps))
  }
  const connections = await connectionPair({ ...options, onOpen: serve })
  const pair: FileServicePair = {
    ...connections,
    root,
    local,
    observed,
    served: async () => {
      await Promise.all(running)
    },
  }
  open.push(pair)
  return pair
}

// Whatever a test did, every transfer ends with its connection, and leaves nothing behind.
afterEach(async () => {
  for (const pair of open.splice(0)) {
    await pair.close()
    await pair.served()
    expect([...pair.root.leftovers(), ...pair.local.leftovers()]).toEqual([])
    expect(pair.internalErrors).toEqual([])
  }
})
