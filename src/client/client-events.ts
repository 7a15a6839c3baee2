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
  progress: (event: TransferInfo & TransferProgress) => void
  checksum: (event: TransferInfo & TransferChecksum) => void
  /** Something of this side's own failed that no operation reports. */
  fault: (event: { readonly error: unknown }) => void
}
