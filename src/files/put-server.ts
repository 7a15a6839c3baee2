/** The server's half of `put`, up to its answer (docs/protocol.md, section 7.4). */
import type { IncomingOpen } from '../connection/channel-handler.js'
import { Digest } from './digest.js'
import { digestStaged } from './digest-prefix.js'
import { type FileServiceDeps, refuse, trackOpen } from './file-service.js'
import type { StagedFile } from './file-system.js'
import { type PutParams, parsePutParams } from './messages.js'
import { cancelledByPeer } from './proof.js'
import { MIN_RESUMABLE_BYTES, uploadKey } from './resume-ids.js'
import { ServedPut } from './served-put.js'
import type { UploadPlace, UploadScope } from './upload-table.js'

/** Serves one `put` that has been permitted. Settles when it is over and its channel closed; never rejects. */
export async function servePut(open: IncomingOpen, deps: FileServiceDeps): Promise<void> {
  const tracker = trackOpen('put', open, deps)
  let staged: StagedFile | undefined
  let place: UploadPlace | undefined
  let put: ServedPut
  try {
    const params = parsePutParams(open.params)
    // Before anything is made that an algorithm which this machine lacks would leave behind.
    let digest = new Digest(params.algorithm)
    const scope = scopeOf(params, deps)
    place = scope && (await deps.uploads?.table.begin(scope))
    const stop = AbortSignal.any([open.signal, ...(place ? [place.signal] : [])])
    throwIfStopped(open, place)
    const { path, mode, overwrite } = params
    const options = { mode, overwrite, resumeKey: scope?.key }
    staged = scope && (await deps.fileSystem.claimStaged(path, { ...options, resumeKey: scope.key }))
    if (staged && !(await isReadable(staged, digest, stop))) {
      await staged.discard()
      staged = undefined
      digest = new Digest(params.algorithm)
    }
    staged ??= await deps.fileSystem.createStaged(path, options)
    throwIfStopped(open, place)
    put = new ServedPut(open, { params, staged, digest, place, tracker })
  } catch (error) {
    // Only the end of the channel or a newer attempt can have come between: what was found is no worse for it.
    place?.end(await staged?.keep())
    await staged?.discard()
    refuse(open, tracker, error)
    return
  }
  await put.run()
}

/** Adds all that is in a file to the digest, or less of it when nobody needs that any more. */
async function isReadable(staged: StagedFile, digest: Digest, signal: AbortSignal): Promise<boolean> {
  try {
    await digestStaged(staged, digest, signal)
    return true
  } catch {
    // A sector may have gone bad since.
    return signal.aborted
  }
}

function throwIfStopped(open: IncomingOpen, place: UploadPlace | undefined): void {
  if (open.signal.aborted) throw cancelledByPeer()
  place?.signal.throwIfAborted()
}

/** Undefined when nothing is to be found or kept. */
function scopeOf({ path, size = 0, resume }: PutParams, deps: FileServiceDeps): UploadScope | undefined {
  if (resume === undefined || deps.uploads === undefined || size < MIN_RESUMABLE_BYTES) return undefined
  const { user } = deps.uploads
  const { id, holder, attempt } = resume
  return { key: uploadKey(user, id, path), user, path, holder, attempt }
}
