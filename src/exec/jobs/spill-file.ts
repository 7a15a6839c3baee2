/** Blocks of a job's output that no longer fit into memory: a file of a fixed number of slots, without a name, that goes with its handle. */
import { randomBytes } from 'node:crypto'
import { constants, type FileHandle, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class SpillFile {
  readonly #blockBytes: number
  #handle: Promise<FileHandle> | undefined
  /** What is being read and written; never rejects. */
  readonly #busy = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes
  }

  /** Fills a slot. Rejects with the error of the operating system (ENOSPC, EMFILE, …). */
  write(slot: number, bytes: Uint8Array): Promise<void> {
    return this.#during(async (handle) => {
      const position = slot * this.#blockBytes
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
        done += bytesWritten
      }
    })
  }

  /** Bytes of a slot that was written. Rejects with the error of the operating system. */
  read(slot: number, offset: number, length: number): Promise<Uint8Array> {
    return this.#during(async (handle) => {
      const bytes = Buffer.allocUnsafeSlow(length)
      const position = slot * this.#blockBytes + offset
      for (let done = 0; done < length; ) {
        const { bytesRead } = await handle.read(bytes, done, length - done, position + done)
        if (bytesRead === 0) throw new RangeError('a slot of the spill file is shorter than it was written')
        done += bytesRead
      }
      return bytes
    })
  }

  /** Gives the disk space back, once what was begun is done. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all(this.#busy)
    const handle = await this.#handle?.catch(() => undefined)
    await handle?.close().catch(() => {})
  }

  /** Keeps the handle open until the work is done. */
  async #during<Result>(work: (handle: FileHandle) => Promise<Result>): Promise<Result> {
    if (this.#closing !== undefined) throw new RangeError('the spill file is closed')
    this.#handle ??= openUnnamed()
    const done = this.#handle.then(work)
    const settled = done.then(
      () => {},
      () => {},
    )
    this.#busy.add(settled)
    try {
      return await done
    } finally {
      this.#busy.delete(settled)
    }
  }
}

/** `O_TMPFILE` of Linux, which Node does not name: a file in a directory, without an entry there. */
const TEMPORARY_FILE = 0o20000000 | constants.O_DIRECTORY | constants.O_RDWR

/** Nobody else can open what has no name, and nothing has to be removed, however this process ends. */
async function openUnnamed(): Promise<FileHandle> {
  if (process.platform !== 'linux') return openUnlinked()
  // Not every file system has it.
  return open(tmpdir(), TEMPORARY_FILE, 0o600).catch(openUnlinked)
}

/** Has a name for a moment: a process that is killed just then leaves an empty file. */
async function openUnlinked(): Promise<FileHandle> {
  const path = join(tmpdir(), `fake-ssh-spill-${randomBytes(16).toString('hex')}`)
  const handle = await open(path, 'wx+', 0o600)
  try {
    await unlink(path)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}
