/** A temporary file beside its target on the local disk, which becomes the target by one rename. */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { link, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { CommitOptions, StagedFile, StageOptions } from './file-system.js'
import { diskFailure, notAFile, toDiskError } from './local-disk-errors.js'
import { DiskHandle } from './local-disk-handle.js'
import type { Target } from './local-disk-resolve.js'

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_RDONLY } = constants

/** Set-uid and its like are never taken over: not from a peer, not from the file that is replaced. */
const PERMISSION_BITS = 0o777
const DEFAULT_MODE = 0o666

/** Seconds added to a time in whole milliseconds: `futimes` cuts to microseconds a double that may lie just below. */
const HALF_MICROSECOND = 5e-7

export class LocalStaged implements StagedFile {
  readonly #handle: DiskHandle
  readonly #path: string
  readonly #directory: string
  readonly #temporary: string
  readonly #target: string
  /** To be set on the file at the commit, unless the commit names another. */
  readonly #mode: number | undefined
  readonly #overwrite: boolean
  #ending: Promise<void> | undefined

  private constructor(
    handle: DiskHandle,
    path: string,
    target: Target,
    temporary: string,
    options: StageOptions,
  ) {
    this.#handle = handle
    this.#path = path
    this.#directory = target.directory
    this.#temporary = temporary
    this.#target = join(target.directory, target.name)
    this.#mode = options.mode ?? target.existing?.mode
    this.#overwrite = options.overwrite !== false
  }

  static async create(path: string, target: Target, options: StageOptions): Promise<LocalStaged> {
    const { existing } = target
    if (existing?.isDirectory()) throw diskFailure('EISDIR', path)
    if (target.namesDirectory) throw diskFailure(existing ? 'ENOTDIR' : 'EISDIR', path)
    if (existing && !existing.isFile()) throw notAFile(path)
    if (existing && options.overwrite === false) throw diskFailure('EEXIST', path)

    // Never more open than what it replaces, not even while it is being written.
    const mode =
      (existing?.mode ?? PERMISSION_BITS) & (options.mode ?? (existing ? PERMISSION_BITS : DEFAULT_MODE))
    const temporary = join(target.directory, `.fakessh-${randomBytes(16).toString('hex')}.part`)
    try {
      const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
      const handle = await DiskHandle.open(temporary, flags, mode & PERMISSION_BITS)
      return new LocalStaged(handle, path, target, temporary, options)
    } catch (error) {
      throw toDiskError(error, path)
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes
    try {
      while (rest.length > 0) {
        rest = rest.subarray(await this.#handle.write(rest))
      }
    } catch (error) {
      throw toDiskError(error, this.#path)
    }
  }

  async commit(options: CommitOptions = {}): Promise<void> {
    if (this.#ending !== undefined) {
      const message = `'${escapeText(this.#path)}' was already committed or discarded`
      throw new FakeSshError('ERR_FAKESSH_CLOSED', message, { path: this.#path })
    }
    const committing = this.#commit(options)
    this.#ending = committing.catch(() => undefined)
    await committing
  }

  discard(): Promise<void> {
    this.#ending ??= this.#remove()
    return this.#ending
  }

  async #commit({ mode = this.#mode, mtimeMs, fsync = false }: CommitOptions): Promise<void> {
    try {
      if (mode !== undefined) await this.#handle.chmod(mode & PERMISSION_BITS)
      if (mtimeMs !== undefined) {
        await this.#handle.utimes(Date.now() / 1000, mtimeMs / 1000 + HALF_MICROSECOND)
      }
      if (fsync) await this.#handle.sync()
      // Some file systems tell of a full disk only here, so it comes before the rename.
      await this.#handle.close()
      if (this.#overwrite) {
        await rename(this.#temporary, this.#target)
      } else {
        // Unlike rename, link fails when somebody else made the target meanwhile.
        await link(this.#temporary, this.#target)
        await unlink(this.#temporary).catch(() => undefined)
      }
      if (fsync) await this.#syncDirectory()
    } catch (error) {
      await this.#remove()
      throw toDiskError(error, this.#path)
    }
  }

  async #syncDirectory(): Promise<void> {
    const directory = await DiskHandle.open(this.#directory, O_RDONLY)
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }

  async #remove(): Promise<void> {
    await this.#handle.close().catch(() => undefined)
    // Gone already, or beyond our reach: there is nobody to tell who could do more.
    await unlink(this.#temporary).catch(() => undefined)
  }
}
