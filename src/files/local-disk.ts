/** The disk of this machine as a `FileSystem`, whole or below one root. With the other `local-disk-*.ts` the only user of `node:fs`. */
import { stat } from 'node:fs/promises'
import type {
  ClaimOptions,
  FilePart,
  FileSystem,
  KeptFile,
  PathFacts,
  SourceFile,
  StagedFile,
  StageOptions,
} from './file-system.js'
import { toDiskError } from './local-disk-errors.js'
import { LocalKept } from './local-disk-kept.js'
import { rememberFound } from './local-disk-kept-names.js'
import { leftoversBelow } from './local-disk-leftovers.js'
import type { StagedKind } from './local-disk-owner.js'
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

  async openSource(path: string, part?: FilePart): Promise<SourceFile> {
    return LocalSource.open(path, await this.#resolver.existing(path), this.#isJailed, part)
  }

  async createStaged(path: string, options: StageOptions = {}): Promise<StagedFile> {
    return LocalStaged.create(await this.#place(path, options))
  }

  async claimStaged(path: string, options: ClaimOptions): Promise<StagedFile | undefined> {
    return LocalStaged.claim(await this.#place(path, options))
  }

  /** Below the root; without one there is no such search. */
  async *leftovers(signal: AbortSignal): AsyncGenerator<KeptFile> {
    const root = this.#isJailed ? await this.#resolver.existing('/').catch(() => undefined) : undefined
    if (root === undefined) return
    for await (const { directory, name } of leftoversBelow(root, signal)) {
      rememberFound(directory, name)
      yield new LocalKept(this.#shown(directory), directory, name)
    }
  }

  async #place<Options extends StageOptions>(path: string, options: Options) {
    const target = await this.#resolver.target(path)
    const kind: StagedKind = this.#isJailed ? 'served' : 'local'
    return { path, target, kind, options, shownDirectory: this.#shown(target.directory) }
  }

  #shown(directory: string): string {
    return this.#resolver.shown(directory)?.slice(1) ?? ''
  }
}
