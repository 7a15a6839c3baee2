/** The events of a client. All of them tell; none is needed for anything to work. */
import type { ConnectionError } from '../errors.js'
import type { TransferProgress } from '../files/progress.js'
import type { FileMetadata, TransferChecksum, TransferInfo } from '../files/transfer.js'

/** The connection ended. @public */
export interface DisconnectEvent {
  /** Undefined when both sides meant it. */
  readonly error?: ConnectionError | undefined
  /** True while another connection will be tried; operations that can wait for it do. */
  readonly willReconnect: boolean
}

/** Another connection will be tried. @public */
export interface ReconnectingEvent {
  /** 1 for the first one after a loss. */
  readonly attempt: number
  /** Milliseconds until it is made. */
  readonly delayMs: number
}

/** The client is connected again. @public */
export interface ReconnectEvent {
  /** How many it took. */
  readonly attempts: number
  /** Milliseconds from the loss. */
  readonly downMs: number
}

/** The events of a {@link FakeSshClient}. @public */
export interface FakeSshClientEvents {
  /** Emitted once for every connection, after every pending operation was told; and once more if `reconnect` gives up. */
  disconnect: (event: DisconnectEvent) => void
  /** With `reconnect`: before each attempt. */
  reconnecting: (event: ReconnectingEvent) => void
  /** With `reconnect`: operations can be started again, and what waited goes on. */
  reconnect: (event: ReconnectEvent) => void
  /** What is known of a remote file, before its bytes. */
  metadata: (event: TransferInfo & FileMetadata) => void
  /** A transfer moves: at most every 100 ms for each, and once at its end. */
  progress: (event: TransferInfo & TransferProgress) => void
  /** Both digests of a transfer are known, just before it succeeds or fails. */
  checksum: (event: TransferInfo & TransferChecksum) => void
  /** Something of this side's own failed that no operation reports. */
  fault: (event: { readonly error: unknown }) => void
}
