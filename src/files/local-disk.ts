/** The disk of this machine as a `FileSystem`, whole or below one root. With the other `local-disk-*.ts` the only user of `node:fs`. */
import { stat } from 'node:fs/promises'
import type { FileSystem, PathFacts, SourceFile, StagedFile, StageOptions } from './file-system.js'
import { toDiskError } from './local-disk-errors.js'
import { PathResolver } from './local-disk-resolve.js'
import { factsOf, LocalSource } from './local-disk-source.js'
import { LocalStaged } from './local-disk-staged.js'

export class LocalDisk implements FileSystem {
  readonly #resolver: PathResolver
  readonly #isJailed: boolean

  /**
   * With `root`, `/x` and `x` both name `root/x`, and nothing outside can be reached: `ERR_FAKESSH_OUTSIDE_ROOT`. Where the root
   * really is gets decided at the first use. Without, paths are those of this machine, relative to the working directory.
   */
  constructor(root?: string) {
    this.#resolver = new PathResolver(root)
    this.#isJailed = root !== undefined
  }

  async stat(path: string): Promise<PathFacts> {
    const location = await this.#resolver.existing(path)
    try {
      const stats = await stat(location, { bigint: true })
      const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other'
      return { ...factsOf(stats), kind }
    } catch (error) {
      throw toDiskError(error, path)
    }
  }

  async openSource(path: string): Promise<SourceFile> {
    return LocalSource.open(path, await this.#resolver.existing(path), this.#isJailed)
  }

  async createStaged(path: string, options: StageOptions = {}): Promise<StagedFile> {
    return LocalStaged.create(path, await this.#resolver.target(path), options)
  }
}
