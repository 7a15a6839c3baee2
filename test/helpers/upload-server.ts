/** The server's half of resumable uploads, and clients of it written out message by message, of any user, on as many connections as wanted. */
import { createHash } from 'node:crypto'
import { afterEach, expect } from 'vitest'
import type { Channel } from '../../src/connection/channel-handler.js'
import type { FakeSshError } from '../../src/errors.js'
import { DigestTurns } from '../../src/files/digest-turns.js'
import type { FileSystem } from '../../src/files/file-system.js'
import { LocalDisk } from '../../src/files/local-disk.js'
import { servePut } from '../../src/files/put-server.js'
import { UploadTable } from '../../src/files/upload-table.js'
import type { CommitMessage, JsonObject } from '../../src/protocol/messages.js'
import { type ConnectionPair, connectionPair } from './connection-pair.js'
import { openBelow, type TemporaryDirectory, temporaryDirectory } from './temporary-directory.js'
import { until } from './until.js'

interface PutAttempt {
  readonly channel: Channel
  /** The server's answer. Rejects when it refuses. */
  readonly opened: Promise<JsonObject>
  /** The server's COMMIT; undefined when the channel ended without. */
  readonly answer: Promise<CommitMessage | undefined>
  /** Settles when the server's consumer has taken all that was sent. */
  send(bytes: Uint8Array): Promise<void>
  /** EOF, and our COMMIT over the whole content. */
  finish(content: Uint8Array): void
}

export interface UploadServer {
  readonly root: TemporaryDirectory
  readonly table: UploadTable
  connect(user: string): Promise<{
    readonly pair: ConnectionPair
    put(params: JsonObject): PutAttempt
    /** Loses the connection, and waits until the server is done with it. */
    lose(): Promise<void>
  }>
}

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

const open: {
  pair: ConnectionPair
  running: Promise<void>[]
  root: TemporaryDirectory
  table: UploadTable
}[] = []

export function uploadServer(
  options: { readonly expiryMs?: number; readonly storage?: (root: string) => FileSystem } = {},
): UploadServer {
  const root = temporaryDirectory()
  const table = new UploadTable(options.expiryMs ?? 60_000)
  const digests = new DigestTurns()
  const fileSystem = options.storage?.(root.path) ?? new LocalDisk(root.path)
  return {
    root,
    table,
    connect: async (user) => {
      const running: Promise<void>[] = []
      const deps = { fileSystem, user, uploads: table, digests }
      const pair = await connectionPair({ onOpen: (incoming) => running.push(servePut(incoming, deps)) })
      open.push({ pair, running, root, table })
      return {
        pair,
        put: (params) => putAttempt(pair, params),
        lose: async () => {
          pair.server.transport.stream.destroy()
          await Promise.all(running)
        },
      }
    },
  }
}

function putAttempt({ client }: ConnectionPair, params: JsonObject): PutAttempt {
  let acknowledged = 0
  let sent = 0
  let isClosed = false
  let channel: Channel | undefined
  let settleAnswer: (answer: CommitMessage | undefined) => void = () => undefined
  const answer = new Promise<CommitMessage | undefined>((resolve) => {
    settleAnswer = resolve
  })
  const opened = new Promise<JsonObject>((resolve, reject) => {
    channel = client.open('put', params, [], {
      onOpened: resolve,
      onData: () => undefined,
      onEof: () => undefined,
      onAcknowledged: (_stream, consumed) => {
        acknowledged = consumed
      },
      onCommit: settleAnswer,
      onClosed: (error: FakeSshError | undefined) => {
        isClosed = true
        settleAnswer(undefined)
        reject(error)
        channel?.close()
      },
    })
  })
  opened.catch(() => undefined)
  const self = channel as unknown as Channel
  return {
    channel: self,
    opened,
    answer,
    send: async (bytes) => {
      sent += bytes.length
      self.send(0, bytes, () => undefined)
      // A quarter of a window is acknowledged at once, so what is sent here comes in such steps.
      await until(() => acknowledged >= sent - 262_144 || isClosed)
    },
    finish: (content) => {
      self.sendEof(0)
      self.sendCommit({ bytes: content.length, algorithm: 'sha256', digest: sha256(content) })
    },
  }
}

// Whatever a test did: everything ends, and no file is open any more.
afterEach(async () => {
  const ended = open.splice(0)
  for (const { pair, running, table } of ended) {
    await pair.close()
    await Promise.all(running)
    await table.close()
  }
  for (const { pair, root } of ended) {
    expect(openBelow(root.path)).toEqual([])
    expect(pair.internalErrors).toEqual([])
  }
})
