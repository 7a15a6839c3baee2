/** What the server halves of `get` and `put` share: what they are given, and how an OPEN is refused. */
import type { IncomingOpen } from '../connection/channel-handler.js'
import type { DigestTurns } from './digest-turns.js'
import type { FileSystem } from './file-system.js'
import { failureOf } from './proof.js'
import type { TransferInfo, TransferObserver } from './transfer.js'
import { TransferTracker } from './transfer-tracker.js'
import type { UploadTable } from './upload-table.js'

export interface FileServiceDeps {
  /** The user's root. */
  readonly fileSystem: FileSystem
  readonly observe?: TransferObserver | undefined
  /** Whose transfers they are. */
  readonly user: string
  /** Of the whole server. */
  readonly digests: DigestTurns
  /** Where uploads are resumed. Default: none can be. */
  readonly uploads?: UploadTable | undefined
}

export function trackOpen(
  op: TransferInfo['op'],
  open: IncomingOpen,
  deps: FileServiceDeps,
): TransferTracker {
  const { path } = open.params
  return new TransferTracker({ op, path: typeof path === 'string' ? path : '' }, [deps.observe])
}

/** Answers an OPEN that came to nothing, and tells the observer. */
export function refuse(open: IncomingOpen, tracker: TransferTracker, error: unknown): void {
  const { code, message } = failureOf(error)
  open.reject(code, message)
  tracker.failed(error)
}
