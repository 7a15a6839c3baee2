/**
 * One of each operation of a client, run to whatever end it comes to, with everything that could tell a success: the promise, the
 * streams' own ends, and what is left on disk. For tests that break the connection in every way and then ask whether anything lied.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { FakeSshClient } from '../../src/index.js'

/** What is moved. Random, so that no part of it could stand for another. */
export interface Material {
  readonly content: Buffer
  /** What the target holds before, if it exists before. */
  readonly old: Buffer | undefined
}

/** Where one attempt reads and writes. */
export interface Place {
  readonly root: string
  readonly local: string
  /** Goes before the names of its files, so that several attempts can share the directories. Default: nothing. */
  readonly prefix?: string
}

export type Outcome =
  | { readonly isSuccess: true; readonly value: unknown }
  | { readonly isSuccess: false; readonly error: unknown }

export interface Operation {
  readonly name: string
  /** The frame to the client that proves the operation; without it there is no success. */
  readonly proof: 'EXIT' | 'COMMIT'
  /** True when the server may have made the target visible although the client never learns of it. */
  readonly commitsAtServer: boolean
  /** Lays out what it reads, and the old target. */
  prepare(place: Place, material: Material): void
  /** Runs it to its end. Rejects only when promise and streams contradict each other. */
  run(client: FakeSshClient, place: Place, material: Material): Promise<Outcome>
  /** The file it writes; undefined when it writes none. */
  target(place: Place): string | undefined
}

const remoteName = ({ prefix = '' }: Place) => `${prefix}remote.bin`
const remotePath = (place: Place) => join(place.root, remoteName(place))
const localPath = (place: Place) => join(place.local, `${place.prefix ?? ''}local.bin`)

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'exec',
    proof: 'EXIT',
    commitsAtServer: false,
    prepare: () => {},
    target: () => undefined,
    async run(client, _place, { content }) {
      const proc = client.exec('cat; echo warned >&2; exit 3')
      const stdout = collect(proc)
      const stderr = collect(proc.stderr)
      proc.end(content)
      const [outcome] = await Promise.all([outcomeOf(proc.result), closed(proc), closed(proc.stderr)])
      if (!outcome.isSuccess) return outcome
      const { exitCode, signal } = outcome.value
      if (exitCode !== 3 || signal !== null) throw new Error(`a wrong exit: ${exitCode} ${signal}`)
      if (!stdout.bytes.equals(content)) throw new Error(`wrong stdout of ${stdout.bytes.length} bytes`)
      if (stderr.bytes.toString() !== 'warned\n') throw new Error(`wrong stderr: ${stderr.bytes}`)
      if (!stdout.hasEnded || !stderr.hasEnded) throw new Error('a result without the end of the output')
      return outcome
    },
  },
  {
    name: 'get',
    proof: 'COMMIT',
    commitsAtServer: false,
    prepare: (place, { content }) => writeFileSync(remotePath(place), content),
    target: () => undefined,
    async run(client, place, { content }) {
      const stream = client.get(remoteName(place))
      const read = collect(stream)
      const [outcome] = await Promise.all([outcomeOf(stream.result), closed(stream)])
      if (read.hasEnded !== outcome.isSuccess) throw new Error(`'end' ${read.hasEnded}, result otherwise`)
      if (outcome.isSuccess && !read.bytes.equals(content)) throw new Error('a wrong file was called right')
      return outcome
    },
  },
  {
    name: 'put',
    proof: 'COMMIT',
    commitsAtServer: true,
    prepare: (place, { old }) => old && writeFileSync(remotePath(place), old),
    target: (place) => remotePath(place),
    async run(client, place, { content }) {
      const stream = client.put(remoteName(place))
      const hasFinished = watch(stream, 'finish')
      const half = content.length >> 1
      stream.write(content.subarray(0, half))
      stream.end(content.subarray(half))
      const [outcome] = await Promise.all([outcomeOf(stream.result), closed(stream)])
      if (hasFinished() !== outcome.isSuccess) throw new Error(`'finish' ${hasFinished()}, result otherwise`)
      return outcome
    },
  },
  {
    name: 'download',
    proof: 'COMMIT',
    commitsAtServer: false,
    prepare: (place, { content, old }) => {
      writeFileSync(remotePath(place), content)
      if (old) writeFileSync(localPath(place), old)
    },
    target: (place) => localPath(place),
    run: (client, place) => outcomeOf(client.download(remoteName(place), localPath(place))),
  },
  {
    name: 'upload',
    proof: 'COMMIT',
    commitsAtServer: true,
    prepare: (place, { content, old }) => {
      writeFileSync(localPath(place), content)
      if (old) writeFileSync(remotePath(place), old)
    },
    target: (place) => remotePath(place),
    run: (client, place) => outcomeOf(client.upload(localPath(place), remoteName(place))),
  },
]

/** Every operation, and those that write with and without something to replace. */
export const CASES = OPERATIONS.flatMap((operation) => {
  const { name } = operation
  if (operation.target({ root: '', local: '' }) === undefined)
    return [{ title: name, operation, oldBytes: undefined }]
  return [
    { title: `${name} of a new file`, operation, oldBytes: undefined },
    { title: `${name} over an old file`, operation, oldBytes: 500 },
  ]
})

export function material(bytes: number, oldBytes?: number): Material {
  return { content: randomBytes(bytes), old: oldBytes === undefined ? undefined : randomBytes(oldBytes) }
}

/** What the target is now: as it was, as it is to be, or neither, which must never be seen. */
export function stateOf(target: string, { content, old }: Material): 'old' | 'new' | 'broken' {
  const bytes = existsSync(target) ? readFileSync(target) : undefined
  if (bytes === undefined) return old === undefined ? 'old' : 'broken'
  if (bytes.equals(content)) return 'new'
  return old !== undefined && bytes.equals(old) ? 'old' : 'broken'
}

/** The promise's outcome as a value. */
export function outcomeOf<T>(
  promise: Promise<T>,
): Promise<
  { readonly isSuccess: true; readonly value: T } | { readonly isSuccess: false; readonly error: unknown }
> {
  return promise.then(
    (value) => ({ isSuccess: true as const, value }),
    (error: unknown) => ({ isSuccess: false as const, error }),
  )
}

/** Resolves when the stream has emitted 'close'. */
export function closed(stream: Readable | Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve()
    else stream.once('close', resolve)
  })
}

/** Rejects, naming what did not happen, instead of letting a whole test run into its time limit. */
export function within<T>(limitMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not settled within ${limitMs} ms: ${what}`)), limitMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

function watch(stream: Readable | Writable, event: string): () => boolean {
  let hasHappened = false
  stream.once(event, () => {
    hasHappened = true
  })
  return () => hasHappened
}

function collect(stream: Readable): { readonly bytes: Buffer; readonly hasEnded: boolean } {
  const chunks: Buffer[] = []
  const hasEnded = watch(stream, 'end')
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return {
    get bytes() {
      return Buffer.concat(chunks)
    },
    get hasEnded() {
      return hasEnded()
    },
  }
}
