/** A temporary file on the local disk that nobody works on, by its name. A claim renames it, so this can never hit what was claimed. */
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeptFile } from './file-system.js'
import { removeQuietly } from './local-disk-claim.js'

export class LocalKept implements KeptFile {
  readonly id: string
  readonly directory: string
  readonly #location: string
  readonly #name: string

  /** `directory` is how a peer would write it, `location` where it is. */
  constructor(directory: string, location: string, name: string) {
    this.id = join(location, name)
    this.directory = directory
    this.#location = location
    this.#name = name
  }

  async look(): Promise<{ bytes: number; updatedAtMs: number } | undefined> {
    // Not the mtime, which is what the sender said once it is all there.
    const stats = await lstat(join(this.#location, this.#name)).catch(() => undefined)
    return stats && { bytes: stats.size, updatedAtMs: Math.floor(stats.ctimeMs) }
  }

  remove(): Promise<void> {
    return removeQuietly(this.#location, this.#name)
  }
}
