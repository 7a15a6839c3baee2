/** A temporary file beside its target on the local disk, which becomes the target by one rename. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { link, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { ClaimOptions, CommitOptions, KeptFile, StagedFile, StageOptions } from './file-system.js'
import { claimLeftover, removeQuietly } from './local-disk-claim.js'
import { diskFailure, notAFile, toDiskError } from './local-disk-errors.js'
import { DiskHandle } from './local-disk-handle.js'
import { LocalKept } from './local-disk-kept.js'
import { rememberLatest } from './local-disk-kept-names.js'
import { holdName, randomKey, releaseName, type StagedKind } from './local-disk-owner.js'
import type { Target } from './local-disk-resolve.js'

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_RDONLY } = constants

/** Set-uid and its like are never taken over: not from a peer, not from the file that is replaced. */
const PERMISSION_BITS = 0o777
const DEFAULT_MODE = 0o666
/** Whoever takes a file over has to open it, whatever it is to become. */
const RESUMABLE_MODE = 0o600

/** Seconds added to a time in whole milliseconds: `futimes` cuts to microseconds a double that may lie just below. */
const HALF_MICROSECOND = 5e-7

/** Where a staged file is, and what it is to become. */
interface Place {
  /** As the peer or caller wrote it. */
  readonly path: string
  readonly target: Target
  readonly kind: StagedKind
  /** The directory of the target, as a peer would write it. */
  readonly shownDirectory: string
  readonly options: StageOptions
}

export class LocalStaged implements StagedFile {
  readonly #handle: DiskHandle
  readonly #place: Place
  /** Of the temporary file. */
  readonly #name: string
  /** To be set on the file at the commit, unless the commit names another. */
  readonly #mode: number | undefined
  #bytes: number
  #ending: Promise<void> | undefined

  private constructor(handle: DiskHandle, name: string, place: Place, bytes: number, mode?: number) {
    this.#handle = handle
    this.#name = name
    this.#place = place
    this.#bytes = bytes
    this.#mode = place.options.mode ?? place.target.existing?.mode ?? mode
  }

  static async create(place: Place): Promise<LocalStaged> {
    const { path, target, kind, options } = place
    checkTarget(place)
    const name = holdName(keyOf(place) ?? randomKey(), kind)
    try {
      const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW
      const handle = await DiskHandle.open(join(target.directory, name), flags, initialMode(target, options))
      return new LocalStaged(handle, name, place, 0)
    } catch (error) {
      releaseName(name)
      throw toDiskError(error, path)
    }
  }

  /** Undefined when there is nothing to take over. */
  static async claim(place: Place & { readonly options: ClaimOptions }): Promise<LocalStaged | undefined> {
    const { path, target, kind, options } = place
    checkTarget(place)
    const { directory } = target
    const key = keyFor(place, options.resumeKey)
    const claimed = await claimLeftover({ directory, kind, key, staleMs: options.staleMs })
    if (claimed === undefined) return undefined
    const { handle, name, bytes } = claimed
    // What was wanted then may have been more open than what is wanted now.
    const usual = DEFAULT_MODE & ~process.umask()
    const staged = new LocalStaged(handle, name, place, bytes, usual)
    try {
      await handle.chmod(
        initialMode(target, options) & (target.existing ? PERMISSION_BITS : ~process.umask()),
      )
      return staged
    } catch (error) {
      await staged.discard()
      throw toDiskError(error, path)
    }
  }

  get directory(): string {
    return this.#place.shownDirectory
  }

  get bytes(): number {
    return this.#bytes
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    try {
      return await this.#handle.read(into, position)
    } catch (error) {
      throw toDiskError(error, this.#place.path)
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes
    try {
      while (rest.length > 0) {
        const written = await this.#handle.write(rest, this.#bytes)
        this.#bytes += written
        rest = rest.subarray(written)
      }
    } catch (error) {
      throw toDiskError(error, this.#place.path)
    }
  }

  async restart(): Promise<void> {
    // It may be the target by now.
    if (this.#ending !== undefined) throw this.#ended()
    try {
      await this.#handle.truncate()
      this.#bytes = 0
    } catch (error) {
      throw toDiskError(error, this.#place.path)
    }
  }

  async commit(options: CommitOptions = {}): Promise<void> {
    if (this.#ending !== undefined) throw this.#ended()
    const committing = this.#commit(options)
    this.#ending = committing.catch(() => undefined)
    await committing
  }

  discard(): Promise<void> {
    this.#ending ??= this.#remove()
    return this.#ending
  }

  async keep(): Promise<KeptFile | undefined> {
    if (this.#ending !== undefined || this.#bytes === 0 || this.#place.options.resumeKey === undefined) {
      await this.discard()
      return undefined
    }
    const keeping = this.#keep()
    this.#ending = keeping.then(() => undefined)
    return keeping
  }

  #ended(): FakeSshError {
    const { path } = this.#place
    const message = `'${escapeText(path)}' was already committed or discarded`
    return new FakeSshError('ERR_FAKESSH_CLOSED', message, { path })
  }

  async #keep(): Promise<KeptFile | undefined> {
    try {
      await this.#handle.close()
    } catch {
      // What was written may not be there.
      await this.#remove()
      return undefined
    }
    releaseName(this.#name)
    const { target, shownDirectory } = this.#place
    rememberLatest(target.directory, this.#name)
    return new LocalKept(shownDirectory, target.directory, this.#name)
  }

  async #commit({ mode = this.#mode, mtimeMs, fsync = false }: CommitOptions): Promise<void> {
    const { path, target, options } = this.#place
    const temporary = join(target.directory, this.#name)
    const destination = join(target.directory, target.name)
    try {
      // While the bytes are flushed, which can take long, it can still be taken over by whoever comes after a kill.
      if (fsync) await this.#handle.sync()
      if (mode !== undefined) await this.#handle.chmod(mode & PERMISSION_BITS)
      if (mtimeMs !== undefined) {
        await this.#handle.utimes(Date.now() / 1000, mtimeMs / 1000 + HALF_MICROSECOND)
      }
      if (fsync) await this.#handle.sync()
      // Some file systems tell of a full disk only here, so it comes before the rename.
      await this.#handle.close()
      if (options.overwrite !== false) {
        await rename(temporary, destination)
      } else {
        // Unlike rename, link fails when somebody else made the target meanwhile.
        await link(temporary, destination)
        await unlink(temporary).catch(() => undefined)
      }
      releaseName(this.#name)
      if (fsync) await syncDirectory(target.directory)
    } catch (error) {
      await this.#remove()
      throw toDiskError(error, path)
    }
  }

  async #remove(): Promise<void> {
    await this.#handle.close().catch(() => undefined)
    await removeQuietly(this.#place.target.directory, this.#name)
    releaseName(this.#name)
  }
}

async function syncDirectory(location: string): Promise<void> {
  const directory = await DiskHandle.open(location, O_RDONLY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function checkTarget({ path, target, options }: Place): void {
  const { existing, namesDirectory } = target
  if (existing?.isDirectory()) throw diskFailure('EISDIR', path)
  if (namesDirectory) throw diskFailure(existing ? 'ENOTDIR' : 'EISDIR', path)
  if (existing && !existing.isFile()) throw notAFile(path)
  if (existing && options.overwrite === false) throw diskFailure('EEXIST', path)
}

/** Never more open than what it replaces, not even while it is being written. */
function initialMode({ existing }: Target, { mode, resumeKey }: StageOptions): number {
  const wanted = mode ?? (existing ? PERMISSION_BITS : DEFAULT_MODE)
  const allowed = (existing?.mode ?? PERMISSION_BITS) & wanted & PERMISSION_BITS
  return resumeKey === undefined ? allowed : allowed | RESUMABLE_MODE
}

function keyOf(place: Place): string | undefined {
  const { resumeKey } = place.options
  return resumeKey === undefined ? undefined : keyFor(place, resumeKey)
}

/** Finds only what was for the same name; that it is for the same directory shows in where it is. */
function keyFor({ target }: Place, resumeKey: string): string {
  return createHash('sha256').update(`${resumeKey}\0${target.name}`).digest('hex').slice(0, 32)
}
