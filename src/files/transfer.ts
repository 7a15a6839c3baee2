/** Words shared by everything that moves a file: what is transferred, what is told while it runs, and what is left at the end. */
import type { ChecksumAlgorithm, OperationOptions } from '../options.js'
import type { TransferProgress } from './progress.js'

/** What is known of a remote file before its bytes. @public */
export interface FileMetadata {
  /** Bytes, as the remote storage says; not to be relied on. */
  readonly size: number
  /** Permission bits. */
  readonly mode: number
  /** Last change of the content, in milliseconds since 1970. */
  readonly mtimeMs: number
}

/** Both ends' digests of the same transfer. @public */
export interface TransferChecksum {
  /** What both digests were computed with. */
  readonly algorithm: ChecksumAlgorithm
  /** Lower-case hex, of the bytes as this side saw them. */
  readonly local: string
  /** Lower-case hex, as the peer says. */
  readonly remote: string
  /** True when they are the same. When they are not, the transfer fails. */
  readonly match: boolean
}

/** Proof of a finished transfer. @public */
export interface TransferReceipt {
  /** Bytes of the whole file; of the part, for a `get` with `offset` or `length`. */
  readonly bytes: number
  /** What `digest` was computed with. */
  readonly algorithm: ChecksumAlgorithm
  /** Lower-case hex, computed independently by both ends. */
  readonly digest: string
  /** Milliseconds from the call to the proof. */
  readonly durationMs: number
  /** Bytes that were not sent again when the transfer last went on from where it had stopped; 0 if it never did. */
  readonly resumedFrom: number
  /** The remote path, as the caller wrote it. */
  readonly path: string
  /** The path on this machine, for `download` and `upload`. */
  readonly localPath?: string | undefined
  /** Permission bits: of the remote file, for `get` and `download`; those that were asked for, for `put` and `upload`. */
  readonly mode?: number | undefined
  /** Milliseconds since 1970; of the same file as `mode`. */
  readonly mtimeMs?: number | undefined
}

/** Options of every transfer. @public */
export interface TransferOptions extends OperationOptions {
  /** Digest both ends compute. Default `sha256`. */
  readonly algorithm?: ChecksumAlgorithm | undefined
}

/** Options of `client.get()`. @public */
export interface GetOptions extends TransferOptions {
  /** Bytes to leave out at the beginning of the file. Past its end there is nothing. Default 0. */
  readonly offset?: number | undefined
  /** Bytes to read at most. Default: to the end of the file. */
  readonly length?: number | undefined
}

/** Options of `client.put()`. @public */
export interface PutOptions extends TransferOptions {
  /** Bytes to come, if known; for progress only. */
  readonly size?: number | undefined
  /** Permission bits, such as 0o640; others, such as the file type in `fs.Stats.mode`, are ignored. Default: those of the file that is replaced, else the server's. */
  readonly mode?: number | undefined
  /** Time of the last change, in whole milliseconds since 1970. Default: now. */
  readonly mtimeMs?: number | undefined
  /** False: fail with `EEXIST` when the file exists. Default true. */
  readonly overwrite?: boolean | undefined
  /** True: success only once file and directory entry are on the server's device, so that it holds over a power loss. Default false. */
  readonly fsync?: boolean | undefined
}

/** Options of `client.download()` and `client.upload()`. @public */
export interface PathTransferOptions extends TransferOptions {
  /** Gives the written file the permission bits and mtime of the file that was read. Default false. */
  readonly preserve?: boolean | undefined
  /** Permission bits of the written file; wins over `preserve`. Default: those of the file that is replaced, else the usual ones. */
  readonly mode?: number | undefined
  /** False: fail with `EEXIST` when the file exists. Default true. */
  readonly overwrite?: boolean | undefined
  /** True: success only once the written file and its directory entry are on the device, so that it holds over a power loss. Default false. */
  readonly fsync?: boolean | undefined
  /**
   * Goes on from what an earlier attempt transferred, after both ends have compared its digest, and keeps what was transferred when this
   * one does not get to its end; files of less than 1 MiB are transferred again instead. With `reconnect`, goes on by itself after a lost
   * connection. False: begins at the beginning, keeps nothing, and fails with the connection. Default true.
   */
  readonly resume?: boolean | undefined
  /** Called at most every 100 ms and once at the end. */
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined
}

/** Which transfer an observer is told about. @public */
export interface TransferInfo {
  /** The call that started it; a server knows only `get` and `put`. */
  readonly op: 'get' | 'put' | 'download' | 'upload'
  /** The path at the server, as the peer or caller wrote it. */
  readonly path: string
  /** The path on this machine, for `download` and `upload`. */
  readonly localPath?: string | undefined
}

/** Feeds the events of a client or a server. Must not throw. */
export interface TransferObserver {
  /** The peer, or this side, has agreed to the transfer. `total` as announced. */
  start?(transfer: TransferInfo, total: number | undefined): void
  /** What the server says of a remote file, before its bytes; told to the reading side. */
  metadata?(transfer: TransferInfo, metadata: FileMetadata): void
  progress?(transfer: TransferInfo, progress: TransferProgress): void
  /** Both digests are known: the receiver of a file tells, and the sender of a `put`. */
  checksum?(transfer: TransferInfo, checksum: TransferChecksum): void
  /** Told exactly once for each transfer, also for one that never started. */
  end?(transfer: TransferInfo, outcome: TransferReceipt | { readonly error: unknown }): void
}
