// Storage on the real disk with one thing changed, for what a healthy disk does not do on request.
import { constants } from 'node:fs'
import type { FileSystem, SourceFile, StagedFile } from '../../src/files/file-system.js'
import { LocalDisk } from '../../src/files/local-disk.js'
import { toDiskError } from '../../src/files/local-disk-errors.js'
import { DiskHandle } from '../../src/files/local-disk-handle.js'

export interface StorageChanges {
  /** Wraps a file that was opened for reading. */
  readonly source?: (source: SourceFile) => Partial<SourceFile>
  /** Wraps a file that was created. */
  readonly staged?: (staged: StagedFile) => Partial<StagedFile>
}

export function changedStorage(root: string | undefined, changes: StorageChanges): FileSystem {
  const disk = new LocalDisk(root)
  return {
    stat: (path) => disk.stat(path),
    openSource: async (path, part) => {
      const source = await disk.openSource(path, part)
      const plain: SourceFile = {
        facts: source.facts,
        read: (into) => source.read(into),
        rewind: () => source.rewind(),
        verifyUnchanged: () => source.verifyUnchanged(),
        close: () => source.close(),
      }
      return { ...plain, ...changes.source?.(source) }
    },
    createStaged: async (path, options) => changed(await disk.createStaged(path, options), changes),
    claimStaged: async (path, options) => {
      const staged = await disk.claimStaged(path, options)
      return staged && changed(staged, changes)
    },
    leftovers: (signal) => disk.leftovers(signal),
  }
}

function changed(staged: StagedFile, changes: StorageChanges): StagedFile {
  const plain: StagedFile = {
    directory: staged.directory,
    get bytes() {
      return staged.bytes
    },
    read: (into, position) => staged.read(into, position),
    write: (bytes) => staged.write(bytes),
    restart: () => staged.restart(),
    commit: (commit) => staged.commit(commit),
    discard: () => staged.discard(),
    keep: () => staged.keep(),
  }
  // The getter is to stay one.
  return Object.defineProperties(plain, Object.getOwnPropertyDescriptors(changes.staged?.(staged) ?? {}))
}

/** Storage whose disk is full after so many bytes. The error is a real one. */
export function fullStorage(root: string, capacityBytes: number): FileSystem {
  return changedStorage(root, {
    staged: (staged) => {
      let written = 0
      return {
        write: async (bytes) => {
          written += bytes.length
          if (written <= capacityBytes) return staged.write(bytes)
          const full = await DiskHandle.open('/dev/full', constants.O_WRONLY)
          await full
            .write(bytes)
            .catch((error: unknown) => Promise.reject(toDiskError(error, 'target')))
            .finally(() => full.close())
        },
      }
    },
  })
}

/** Something that waits until it is let go; `reached` settles when something waits. */
export class Gate {
  readonly reached: Promise<void>
  readonly #opened: Promise<void>
  #reach: () => void = () => undefined
  #open: () => void = () => undefined

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve
    })
    this.#opened = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  open(): void {
    this.#open()
  }

  pass(): Promise<void> {
    this.#reach()
    return this.#opened
  }
}
