/** The events of a client. All of them tell; none is needed for anything to work. */
import type { ConnectionError } from '../errors.js'
import type { TransferProgress } from '../files/progress.js'
import type { FileMetadata, TransferChecksum, TransferInfo } from '../files/transfer.js'

/** The connection ended. @public */
export interface DisconnectEvent {
  /** Undefined when both sides meant it. */
  readonly error?: ConnectionError | undefined
}

/** The events of a {@link FakeSshClient}. @public */
export interface FakeSshClientEvents {
  /** Emitted once, after every pending operation was told. */
  disconnect: (event: DisconnectEvent) => void
  /** What is known of a remote file, before its bytes. */
  metadata: (event: TransferInfo & FileMetadata) => void
  /** A transfer moves: at most every 100 ms for each, and once at its end. */
  progress: (event: TransferInfo & TransferProgress) => void
  /** Both digests of a transfer are known, just before it succeeds or fails. */
  checksum: (event: TransferInfo & TransferChecksum) => void
  /** Something of this side's own failed that no operation reports. */
  fault: (event: { readonly error: unknown }) => void
}
