/**
 * What an upload has committed, for the next attempt of the same call, which did not hear of it: it looks like a staged file that holds everything,
 * and to commit it again does nothing. Only a restart makes a file of its own.
 */
import { FakeSshError } from '../errors.js'
import type { CommitOptions, KeptFile, StagedFile } from './file-system.js'

export class CommittedFile implements StagedFile {
  readonly #directory: string
  readonly #committedBytes: number
  readonly #create: () => Promise<StagedFile>
  #creating: Promise<StagedFile> | undefined
  #created: StagedFile | undefined

  /** `create`: for what is to replace it. */
  constructor(directory: string, bytes: number, create: () => Promise<StagedFile>) {
    this.#directory = directory
    this.#committedBytes = bytes
    this.#create = create
  }

  get directory(): string {
    return this.#directory
  }

  get bytes(): number {
    return this.#created?.bytes ?? this.#committedBytes
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.#own().read(into, position)
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#own().write(bytes)
  }

  async restart(): Promise<void> {
    this.#creating ??= this.#create()
    this.#created = await this.#creating
  }

  async commit(options?: CommitOptions): Promise<void> {
    await this.#created?.commit(options)
  }

  async discard(): Promise<void> {
    await (await this.#settled())?.discard()
  }

  async keep(): Promise<KeptFile | undefined> {
    return (await this.#settled())?.keep()
  }

  #own(): StagedFile {
    if (this.#created) return this.#created
    const message = 'the source has grown since it was committed'
    throw new FakeSshError('ERR_FAKESSH_SOURCE_CHANGED', message)
  }

  /** Undefined when it could not be created, too. */
  #settled(): Promise<StagedFile | undefined> {
    return Promise.resolve(this.#creating).catch(() => undefined)
  }
}
