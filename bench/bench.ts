/** What all rows of a run share: a directory on tmpfs, files to move, the scale, and one sshd. */
import { randomUUID } from 'node:crypto'
import { chmod, link, mkdir, rm, stat, statfs, truncate, writeFile } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'
import type { Cleanup } from './cleanup.js'
import { sha256Of } from './measure/digest.js'
import { writePatternFile } from './measure/pattern.js'
import { TMPFS_MAGIC } from './measure/tmpfs.js'
import { type Sshd, startSshd } from './peers/sshd.js'

/** A file that lies at both ends, under the same name. */
export interface Source {
  readonly name: string
  readonly local: string
  readonly bytes: number
  readonly sha256: string
}

/** A place to write to that nothing has written to before: new pages cost the same for everybody. */
export interface Target {
  readonly remote: string
  readonly local: string
}

/** Root may write anywhere, but the user that peers log in as must be able to as well. */
const SHARED_MODE = 0o1777
const MIN_BYTES = 4_096
/** Memory left for the processes themselves. */
const SPARE_BYTES = 2 ** 30

export class Bench {
  readonly directory: string
  /** What servers serve. */
  readonly remoteRoot: string
  readonly localRoot: string
  readonly scale: number
  /** Where the processes of this library write CPU profiles. */
  readonly profiles: string | undefined
  readonly #cleanup: Cleanup
  readonly #sources = new Map<string, Promise<Source>>()
  #sshd: Promise<Sshd> | undefined

  constructor(
    directory: string,
    scale: number,
    cleanup: Cleanup,
    options: { profiles?: string | undefined } = {},
  ) {
    this.directory = directory
    this.remoteRoot = join(directory, 'remote')
    this.localRoot = join(directory, 'local')
    this.scale = scale
    this.profiles = options.profiles
    this.#cleanup = cleanup
  }

  /** For what a row or a trial starts: undone by them, or with the run when that is interrupted. */
  scope(): Cleanup {
    return this.#cleanup.part()
  }

  async prepare(): Promise<void> {
    for (const path of [this.remoteRoot, this.localRoot]) {
      await mkdir(path)
      await chmod(path, SHARED_MODE)
    }
  }

  /** A size of the table, at the scale of this run. */
  bytes(full: number): number {
    return Math.max(MIN_BYTES, Math.round(full * this.scale))
  }

  /** A number of repetitions, at the scale of this run. */
  count(full: number, min = 2): number {
    return Math.max(min, Math.round(full * this.scale))
  }

  /** A file of that size, the same one for everybody who asks. */
  source(bytes: number): Promise<Source> {
    return this.#once(`source-${bytes}`, async (path) => {
      await this.requireSpace(bytes)
      await writePatternFile(path, bytes)
    })
  }

  /** As `source`, but zeros that take no space: for sizes that would not fit. */
  sparseSource(bytes: number): Promise<Source> {
    return this.#once(`zeros-${bytes}`, async (path) => {
      await writeFile(path, '')
      await truncate(path, bytes)
    })
  }

  target(): Target {
    const name = `target-${randomUUID()}`
    return { remote: name, local: join(this.localRoot, name) }
  }

  remotePath(name: string): string {
    return join(this.remoteRoot, name)
  }

  /** Proves a written file by its length and digest, and removes it. */
  async checkAndRemove(path: string, source: Source): Promise<void> {
    try {
      const { size } = await stat(path)
      if (size !== source.bytes) throw new Error(`${size} bytes were written instead of ${source.bytes}`)
      if ((await sha256Of(path)) !== source.sha256)
        throw new Error('the bytes written are not those of the source')
    } finally {
      await rm(path, { force: true })
    }
  }

  /** Rejects when so much cannot be written. */
  async requireSpace(bytes: number): Promise<void> {
    const { bavail, bsize, type } = await statfs(this.directory)
    // A tmpfs promises what memory may not hold.
    const free = type === TMPFS_MAGIC ? Math.min(bavail * bsize, freemem() - SPARE_BYTES) : bavail * bsize
    if (free >= bytes) return
    const [needed, there] = [bytes, free].map((count) => `${(count / 2 ** 30).toFixed(1)} GiB`)
    throw new Error(`needs ${needed} in ${this.directory}, where ${there} are free`)
  }

  sshd(): Promise<Sshd> {
    this.#sshd ??= startSshd(this.directory, this.remoteRoot, this.#cleanup)
    return this.#sshd
  }

  #once(name: string, write: (path: string) => Promise<void>): Promise<Source> {
    const made = this.#sources.get(name) ?? this.#makeSource(name, write)
    this.#sources.set(name, made)
    return made
  }

  async #makeSource(name: string, write: (path: string) => Promise<void>): Promise<Source> {
    const local = join(this.localRoot, name)
    await write(local)
    await link(local, this.remotePath(name))
    return { name, local, bytes: (await stat(local)).size, sha256: await sha256Of(local) }
  }
}
