/** The server's half of `put`, up to its answer (docs/protocol.md, section 7.4). */
import type { IncomingOpen } from '../connection/channel-handler.js'
import { CommittedFile } from './committed-file.js'
import { Digest } from './digest.js'
import { digestStaged } from './digest-prefix.js'
import { type FileServiceDeps, refuse, trackOpen } from './file-service.js'
import type { StagedFile } from './file-system.js'
import { type PutParams, parsePutParams } from './messages.js'
import { cancelledByPeer } from './proof.js'
import { MIN_RESUMABLE_BYTES, uploadKey } from './resume-ids.js'
import { ServedPut } from './served-put.js'
import type { UploadPlace, UploadScope } from './upload-table.js'

/** What a put begins with: the digest is of what the file holds. */
interface Begun {
  readonly staged: StagedFile
  readonly digest: Digest
}

/** Serves one `put` that has been permitted. Settles when it is over and its channel closed; never rejects. */
export async function servePut(open: IncomingOpen, deps: FileServiceDeps): Promise<void> {
  const tracker = trackOpen('put', open, deps)
  let begun: Begun | undefined
  let scope: UploadScope | undefined
  let place: UploadPlace | undefined
  let put: ServedPut
  try {
    const params = parsePutParams(open.params)
    // Before anything is made that an algorithm which this machine lacks would leave behind.
    const digest = new Digest(params.algorithm)
    scope = scopeOf(params, deps)
    place = scope && (await deps.uploads?.begin(scope))
    throwIfStopped(open, place)
    begun = repeated(params, place, deps, scope) ??
      (await resumed(params, scope, deps, stopSignal(open, place))) ?? {
        staged: await create(params, deps, scope),
        digest,
      }
    throwIfStopped(open, place)
    put = new ServedPut(open, { params, ...begun, place, isKept: scope?.isKept === true, tracker })
  } catch (error) {
    // Only the end of the channel or a newer attempt can have come between: what was found is no worse for it.
    const kept = scope?.isKept ? await begun?.staged.keep() : undefined
    await begun?.staged.discard()
    place?.end({ kept })
    refuse(open, tracker, error)
    return
  }
  await put.run()
}

function create({ path, mode, overwrite }: PutParams, deps: FileServiceDeps, scope?: UploadScope) {
  return deps.fileSystem.createStaged(path, {
    mode,
    overwrite,
    resumeKey: scope?.isKept ? scope.key : undefined,
  })
}

/** What an earlier attempt of the same call has committed, if this one still sends as much. */
function repeated(
  params: PutParams,
  place: UploadPlace | undefined,
  deps: FileServiceDeps,
  scope?: UploadScope,
): Begun | undefined {
  const { committed } = place ?? {}
  if (committed?.digest.algorithm !== params.algorithm || committed.bytes !== params.size) return undefined
  const staged = new CommittedFile(committed.directory, committed.bytes, () => create(params, deps, scope))
  return { staged, digest: committed.digest.copy() }
}

/** What an earlier attempt left. */
async function resumed(
  params: PutParams,
  scope: UploadScope | undefined,
  deps: FileServiceDeps,
  stop: AbortSignal,
): Promise<Begun | undefined> {
  if (scope?.isKept !== true) return undefined
  const { path, mode, overwrite, algorithm } = params
  const staged = await deps.fileSystem.claimStaged(path, { mode, overwrite, resumeKey: scope.key })
  if (staged === undefined) return undefined
  const digest = new Digest(algorithm)
  if (await isReadable(staged, digest, deps, stop)) return { staged, digest }
  await staged.discard()
  return undefined
}

/** Adds all that is in a file to the digest, or less of it when nobody needs that any more. */
async function isReadable(
  staged: StagedFile,
  digest: Digest,
  { digests, user }: FileServiceDeps,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await digests.during(user, signal, () => digestStaged(staged, digest, signal))
    return true
  } catch {
    // A sector may have gone bad since.
    return signal.aborted
  }
}

function stopSignal(open: IncomingOpen, place: UploadPlace | undefined): AbortSignal {
  return place ? AbortSignal.any([open.signal, place.signal]) : open.signal
}

function throwIfStopped(open: IncomingOpen, place: UploadPlace | undefined): void {
  if (open.signal.aborted) throw cancelledByPeer()
  place?.signal.throwIfAborted()
}

/** Undefined when there is no earlier attempt, and nothing to be found or kept. */
function scopeOf({ path, size = 0, resume }: PutParams, deps: FileServiceDeps): UploadScope | undefined {
  if (resume === undefined || deps.uploads === undefined) return undefined
  const { user } = deps
  const { id, holder, attempt } = resume
  const isKept = size >= MIN_RESUMABLE_BYTES
  return { key: uploadKey(user, id, path), user, path, holder, attempt, isKept }
}
