/**
 * The uploads of a server that are made in attempts: those that run, so that a newer attempt can end an older one, and those that are kept, until
 * they expire. Belongs to the server, not to a connection.
 */
import type { Attempt } from '../connection/attempt.js'
import { Drain } from '../connection/drain.js'
import { FakeSshError } from '../errors.js'
import type { Digest } from './digest.js'
import { ExpiringEntries } from './expiring-entries.js'
import type { FileSystem, KeptFile } from './file-system.js'
import { hashOf } from './resume-ids.js'

/** An upload that can be resumed, as {@link FakeSshServer.uploads} lists it. @public */
export interface UploadInfo {
  /** `kept`: it was interrupted, and waits to be resumed until it expires. */
  readonly state: 'running' | 'kept'
  /** Undefined for what was found on disk after a restart. */
  readonly user?: string | undefined
  /** The target as the client wrote it: escape it before showing it. Undefined for what was found on disk after a restart. */
  readonly path?: string | undefined
  /** Directory in which the temporary file is: below the user's root, without a leading `/`; the root itself is empty. */
  readonly directory: string
  /** Bytes that have arrived. */
  readonly bytes: number
  /** Milliseconds since 1970 of the last change. */
  readonly updatedAtMs: number
}

/** Which upload an OPEN means. */
export interface UploadScope extends Attempt {
  /** What its part is found by. */
  readonly key: string
  readonly user: string
  readonly path: string
  /** What has arrived is kept when it is interrupted, and found by the next attempt. */
  readonly isKept: boolean
}

/** What the table may ask a running upload. */
export interface RunningUpload {
  readonly directory: string
  readonly bytes: number
  readonly updatedAtMs: number
}

/** An upload that was committed. */
interface CommittedUpload {
  /** Where: below the root, without a leading `/`; the root itself is empty. */
  readonly directory: string
  readonly bytes: number
  readonly digest: Digest
}

/** The place of one attempt in the table. */
export interface UploadPlace {
  /** Aborted, with `ERR_FAKESSH_FENCED`, when a newer attempt waits for it to end. */
  readonly signal: AbortSignal
  /** What an earlier attempt of the same holder has committed, whose answer was lost then. */
  readonly committed: CommittedUpload | undefined
  /** To be called when the temporary file exists. */
  running(upload: RunningUpload): void
  /** To be called once, when the temporary file is closed: with what became of it, unless it was discarded. */
  end(outcome?: {
    readonly kept?: KeptFile | undefined
    readonly committed?: CommittedUpload | undefined
  }): void
}

interface Running {
  readonly scope: UploadScope
  upload: RunningUpload | undefined
  readonly fence: AbortController
  readonly ended: Promise<void>
}

interface Kept {
  /** Undefined for what was found on disk. */
  readonly scope: UploadScope | undefined
  readonly file: KeptFile
}

interface Committed extends CommittedUpload {
  /** Which attempt it was. */
  readonly attempt: number
}

/** More than this many are not remembered of one user: the oldest are given up. */
const MAX_KEPT_PER_USER = 1_000
/** More than this many are not remembered of one user. */
const MAX_COMMITTED_PER_USER = 1_000
/** Nor of all together. What was committed and is forgotten costs its holder to send the file again. */
const MAX_COMMITTED = 10_000
/** More than this many that were found below one root stay on disk. */
const MAX_FOUND_PER_ROOT = 10_000
/** Milliseconds that a search may take to end. */
const MAX_CLOSE_MS = 1_000

export class UploadTable {
  readonly #expiryMs: number
  readonly #onFault: (error: unknown) => void
  /** By upload and holder. */
  readonly #running = new Map<string, Running>()
  /** By where they are: below two roots it is one. */
  readonly #kept = new ExpiringEntries<Kept>(MAX_KEPT_PER_USER, ({ file }) => void file.remove())
  readonly #found = new ExpiringEntries<Kept>(MAX_FOUND_PER_ROOT, ({ file }) => void file.remove())
  /** By upload and holder. */
  readonly #committed = new ExpiringEntries<Committed>(MAX_COMMITTED_PER_USER, undefined, MAX_COMMITTED)
  /** The latest attempt that has begun, by upload and holder; of first attempts none, as there is nothing older. */
  readonly #latest = new ExpiringEntries<number>(MAX_COMMITTED_PER_USER, undefined, MAX_COMMITTED)
  readonly #roots = new Set<string>()
  readonly #sweeps = new Set<Promise<void>>()
  readonly #closed = new AbortController()

  /** `expiryMs`: milliseconds for which an interrupted upload is kept. `onFault`: a search failed, or did not find all. */
  constructor(expiryMs: number, onFault: (error: unknown) => void = () => undefined) {
    this.#expiryMs = expiryMs
    this.#onFault = onFault
  }

  /**
   * Ends an older attempt of the same holder that still runs, and takes its place once its file is closed. Rejects with `ERR_FAKESSH_FENCED`
   * when a newer one has begun or this one was committed: then it comes from a connection that was given up.
   */
  async begin(scope: UploadScope): Promise<UploadPlace> {
    const slot = hashOf([scope.key, scope.holder])
    for (let older = this.#running.get(slot); older; older = this.#running.get(slot)) {
      if (older.scope.attempt >= scope.attempt) throw fenced()
      older.fence.abort(fenced())
      await older.ended
    }
    const committed = this.#committed.get(slot)
    const latest = Math.max(committed?.attempt ?? 0, this.#latest.get(slot) ?? 0)
    if (latest >= scope.attempt) throw fenced()
    if (scope.attempt > 1) this.#latest.set(slot, scope.user, scope.attempt, Date.now() + this.#expiryMs)
    let finish: () => void = () => undefined
    const ended = new Promise<void>((resolve) => {
      finish = resolve
    })
    const fence = new AbortController()
    const running: Running = { scope, upload: undefined, fence, ended }
    this.#running.set(slot, running)
    return {
      signal: fence.signal,
      committed,
      running: (upload) => {
        running.upload = upload
      },
      end: ({ kept, committed: newly } = {}) => {
        this.#running.delete(slot)
        if (kept) this.#keep(scope, kept)
        const { user, attempt } = scope
        if (newly) this.#committed.set(slot, user, { ...newly, attempt }, Date.now() + this.#expiryMs)
        // It is newer than what was committed before, and what the next attempt goes on with.
        else if (kept) this.#committed.delete(slot)
        if (scope.isKept) void this.#forgetClaimed(scope)
        finish()
      },
    }
  }

  /** What runs, then what is kept. */
  async list(): Promise<UploadInfo[]> {
    const list: UploadInfo[] = []
    for (const { scope, upload } of this.#running.values()) {
      if (!upload) continue
      const { directory, bytes, updatedAtMs } = upload
      list.push({ state: 'running', user: scope.user, path: scope.path, directory, bytes, updatedAtMs })
    }
    for (const entries of [this.#kept, this.#found]) {
      for (const [id, { scope, file }] of entries.all()) {
        const facts = await file.look()
        // Claimed, by this process or another one, or removed by somebody else.
        if (facts === undefined) entries.delete(id)
        else
          list.push({
            state: 'kept',
            user: scope?.user,
            path: scope?.path,
            directory: file.directory,
            ...facts,
          })
      }
    }
    return list
  }

  /** Looks in the background, once for each root, for what a killed server left there: removes what has expired, and keeps the rest. */
  sweep(root: string, fileSystem: FileSystem): void {
    if (this.#roots.has(root) || this.#closed.signal.aborted) return
    this.#roots.add(root)
    const sweeping = this.#sweep(root, fileSystem)
      .catch(this.#onFault)
      .then(() => void this.#sweeps.delete(sweeping))
    this.#sweeps.add(sweeping)
  }

  /** Nothing is removed any more; settles when no search is under way, but does not wait for a disk that hangs. */
  async close(): Promise<void> {
    this.#closed.abort()
    this.#kept.close()
    this.#found.close()
    this.#committed.close()
    this.#latest.close()
    const drain = new Drain()
    drain.start(MAX_CLOSE_MS)
    void Promise.all(this.#sweeps).then(() => drain.finish())
    await drain.done
  }

  async #sweep(root: string, fileSystem: FileSystem): Promise<void> {
    let isBeyond = false
    for await (const file of fileSystem.leftovers(this.#closed.signal)) {
      const facts = await file.look()
      if (this.#closed.signal.aborted) return
      if (facts === undefined || this.#kept.get(file.id)) continue
      const expiresAtMs = facts.updatedAtMs + this.#expiryMs
      if (expiresAtMs <= Date.now()) await file.remove()
      else if (this.#found.get(file.id) !== undefined) continue
      else if (this.#found.hasRoomFor(root))
        this.#found.set(file.id, root, { scope: undefined, file }, expiresAtMs)
      else isBeyond = true
    }
    if (isBeyond) {
      const message = `'${root}': there are more than ${MAX_FOUND_PER_ROOT} parts of uploads; the others are not listed, and stay`
      throw new FakeSshError('ERR_FAKESSH_LIMIT', message)
    }
  }

  #keep(scope: UploadScope, file: KeptFile): void {
    // A search may have come across it just now.
    this.#found.delete(file.id)
    this.#kept.set(file.id, scope.user, { scope, file }, Date.now() + this.#expiryMs)
  }

  /** So that what was continued, however often, does not count any more. */
  async #forgetClaimed({ user, key }: UploadScope): Promise<void> {
    for (const [id, { scope, file }] of this.#kept.of(user)) {
      if (scope?.key === key && (await file.look()) === undefined) this.#kept.delete(id)
    }
  }
}

function fenced(): FakeSshError {
  return new FakeSshError('ERR_FAKESSH_FENCED', 'the upload was taken up again on another connection')
}
