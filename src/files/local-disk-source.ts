/** A regular file on the local disk, or a part of one, read from start to end and proved unchanged. */
import type { BigIntStats } from 'node:fs'
import { constants } from 'node:fs'
import { FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { FileFacts, FilePart, SourceFile } from './file-system.js'
import { diskFailure, errnoOf, notAFile, toDiskError } from './local-disk-errors.js'
import { DiskHandle } from './local-disk-handle.js'

// A FIFO without a writer would block the open for ever, and a terminal could become ours. Absent on Windows.
const { O_RDONLY, O_NONBLOCK = 0, O_NOCTTY = 0, O_NOFOLLOW = 0 } = constants

/** Bytes on ordinary file systems come in blocks of 512; a virtual file (`/proc`, `/sys`) has none, whatever its size says. */
const hasHonestSize = (stats: BigIntStats): boolean => stats.size > 0n && stats.blocks > 0n

/** The part of `fs.Stats` that storage tells. */
export function factsOf(stats: BigIntStats): FileFacts {
  return {
    size: Number(stats.size),
    mode: Number(stats.mode & 0o7777n),
    mtimeMs: wholeMilliseconds(stats.mtimeNs),
    mtimeNs: stats.mtimeNs,
    ino: stats.ino,
  }
}

/**
 * Down to the whole millisecond, also before 1970. A time that was set to whole milliseconds, by Node or by whoever else counts
 * seconds in floating point, may lie up to a microsecond below them.
 */
function wholeMilliseconds(nanoseconds: bigint): number {
  const tolerant = nanoseconds + 1_000n
  const rest = tolerant % 1_000_000n
  return Number((tolerant - (rest < 0n ? rest + 1_000_000n : rest)) / 1_000_000n)
}

export class LocalSource implements SourceFile {
  readonly facts: FileFacts
  readonly #handle: DiskHandle
  readonly #path: string
  readonly #offset: number
  /** Bytes to give at most; undefined for all there are. */
  readonly #length: number | undefined
  /** Bytes there are to give, where the size is to be believed. */
  readonly #expected: number | undefined
  /** Undefined while the file is read from its start, which files that know no positions allow as well. */
  #position: number | undefined
  #bytesRead = 0
  #isAtEnd = false

  private constructor(handle: DiskHandle, path: string, stats: BigIntStats, part: FilePart) {
    const { offset = 0, length } = part
    this.#handle = handle
    this.#path = path
    this.facts = factsOf(stats)
    this.#offset = offset
    this.#length = length
    if (offset > 0) this.#position = offset
    if (hasHonestSize(stats)) {
      this.#expected = Math.min(Math.max(0, this.facts.size - offset), length ?? Number.POSITIVE_INFINITY)
    }
  }

  /** `path` is how the peer wrote it, `location` where it is. `noFollow` when links were resolved before. */
  static async open(
    path: string,
    location: string,
    noFollow: boolean,
    part: FilePart = {},
  ): Promise<LocalSource> {
    let handle: DiskHandle | undefined
    try {
      handle = await DiskHandle.open(location, O_RDONLY | O_NONBLOCK | O_NOCTTY | (noFollow ? O_NOFOLLOW : 0))
      const stats = await handle.stat()
      if (stats.isDirectory()) throw diskFailure('EISDIR', path)
      if (!stats.isFile()) throw notAFile(path)
      return new LocalSource(handle, path, stats, part)
    } catch (error) {
      await handle?.close().catch(() => undefined)
      // What opening a socket, or a device without a driver, gives.
      throw errnoOf(error) === 'ENXIO' ? notAFile(path) : toDiskError(error, path)
    }
  }

  async read(into: Uint8Array): Promise<number> {
    const room = this.#length === undefined ? into.length : this.#length - this.#bytesRead
    const wanted = room < into.length ? into.subarray(0, room) : into
    if (this.#isAtEnd || wanted.length === 0) return 0
    const bytes = await this.#handle.read(wanted, this.#position).catch((error: unknown) => {
      throw toDiskError(error, this.#path)
    })
    this.#bytesRead += bytes
    if (this.#position !== undefined) this.#position += bytes
    const expected = this.#expected
    // More than there was: it grows, and could do so for as long as we read.
    if (expected !== undefined && this.#bytesRead > expected) throw this.#changed('it grew')
    // A short read that completes an honest size needs no further read to see the end; verifyUnchanged() confirms the size.
    const isComplete = this.#bytesRead === expected && bytes < wanted.length
    this.#isAtEnd = bytes === 0 || isComplete
    return bytes
  }

  rewind(): void {
    this.#position = this.#offset
    this.#bytesRead = 0
    this.#isAtEnd = false
  }

  async verifyUnchanged(): Promise<void> {
    const now = await this.#handle.stat().catch((error: unknown) => {
      throw toDiskError(error, this.#path)
    })
    const { size, mtimeNs, ino } = this.facts
    const sizeNow = Number(now.size)
    if (sizeNow !== size) throw this.#changed(`its size went from ${size} to ${sizeNow} bytes`)
    if (now.mtimeNs !== mtimeNs) throw this.#changed('it was written to')
    if (now.ino !== ino) throw this.#changed('it was replaced')
    const expected = this.#expected ?? this.#bytesRead
    if (this.#bytesRead !== expected) {
      throw this.#changed(`it gave ${this.#bytesRead} of ${expected} bytes`)
    }
  }

  async close(): Promise<void> {
    // Nothing was written, so a failing close loses nothing.
    await this.#handle.close().catch(() => undefined)
  }

  #changed(how: string): FakeSshError {
    const path = this.#path
    const message = `'${escapeText(path)}' changed while it was being read: ${how}`
    return new FakeSshError('ERR_FAKESSH_SOURCE_CHANGED', message, { path })
  }
}
