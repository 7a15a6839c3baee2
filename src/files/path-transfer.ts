/** What `download` and `upload` share. */
import type { FileSystem } from './file-system.js'
import type { ServerIdentity } from './resume-ids.js'
import type { PathTransferOptions, TransferObserver } from './transfer.js'
import { callListener } from './transfer-events.js'

export interface PathTransferDeps {
  readonly observe?: TransferObserver | undefined
  /** Where local paths lead. Default: the whole disk of this machine. */
  readonly fileSystem?: FileSystem | undefined
  /** What parts of transfers are kept under. Default: none are kept beyond the call. */
  readonly server?: ServerIdentity | undefined
}

/** The caller's `onProgress` as an observer. */
export function progressListener(
  onProgress: PathTransferOptions['onProgress'],
): TransferObserver | undefined {
  if (!onProgress) return undefined
  return { progress: (_transfer, progress) => callListener(() => onProgress(progress)) }
}
