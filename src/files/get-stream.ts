/** What `client.get()` returns, as its user sees it. */
import type { Readable } from 'node:stream'
import type { TransferProgress } from './progress.js'
import type { FileMetadata, TransferChecksum, TransferReceipt } from './transfer.js'

/** Events of a {@link GetStream}. @public */
export interface GetStreamEvents {
  /** The server has opened the file. */
  metadata: (metadata: FileMetadata) => void
  /** At most every 100 ms, and once at the end. */
  progress: (progress: TransferProgress) => void
  /** Both digests are known, just before success or failure. */
  checksum: (checksum: TransferChecksum) => void
  /** Bytes of the file; after `setEncoding`, a string. */
  data: (chunk: Buffer) => void
  /** Every byte was read, and length and digest are those of the server. */
  end: () => void
  error: (error: Error) => void
  close: () => void
  pause: () => void
  resume: () => void
  readable: () => void
}

/**
 * A remote file as a Readable of Buffers. It ends only when length and digest have been verified. Destroying it cancels
 * the transfer at the server. With `reconnect` a lost connection does not end it: it goes on with the next byte, or with
 * `ERR_FAKESSH_SOURCE_CHANGED` when the file no longer begins as what was read.
 *
 * A failure goes to {@link GetStream.result} if that was asked for, and to the stream as Node does it: to whoever listens to `'error'`, as
 * `pipeline()`, `finished()` and `for await` do. With no such listener the stream is only closed; nothing is thrown.
 *
 * Codes: POSIX codes of the server, `ERR_FAKESSH_OUTSIDE_ROOT`, `ERR_FAKESSH_NOT_A_FILE`, `ERR_FAKESSH_DENIED`, `ERR_FAKESSH_SOURCE_CHANGED`,
 * `ERR_FAKESSH_LENGTH_MISMATCH`, `ERR_FAKESSH_DIGEST_MISMATCH`, `ERR_FAKESSH_TIMEOUT`, `ERR_FAKESSH_CANCELLED`, `ERR_FAKESSH_CLOSED`, and those of a lost connection.
 *
 * @public
 */
export interface GetStream extends Readable {
  /** The remote path, as the caller wrote it. */
  readonly path: string
  /** Undefined before the `metadata` event. */
  readonly metadata: FileMetadata | undefined
  /**
   * The proof, once everything has arrived and been verified. Rejects with a `TransferError`, or with `signal.reason`.
   *
   * The bytes still have to be read: a stream that is not read stops the sender. Only if nothing at all reads it while half a window
   * (512 KiB) is waiting, having asked for the result means that the bytes do not matter: they are verified and thrown away, and who
   * starts to read later gets an `'error'` with `ERR_FAKESSH_CLOSED`.
   */
  readonly result: Promise<TransferReceipt>

  // A plain `event: 'data'` would be tried first, and make every unannotated chunk a string.
  on<Name extends keyof GetStreamEvents>(event: Name, listener: GetStreamEvents[Name]): this
  /** After `setEncoding`. */
  on<Name extends 'data'>(event: Name, listener: (text: string) => void): this
  on(event: string | symbol, listener: (...args: unknown[]) => void): this
  once<Name extends keyof GetStreamEvents>(event: Name, listener: GetStreamEvents[Name]): this
  /** After `setEncoding`. */
  once<Name extends 'data'>(event: Name, listener: (text: string) => void): this
  once(event: string | symbol, listener: (...args: unknown[]) => void): this
  off<Name extends keyof GetStreamEvents>(event: Name, listener: GetStreamEvents[Name]): this
  /** After `setEncoding`. */
  off<Name extends 'data'>(event: Name, listener: (text: string) => void): this
  off(event: string | symbol, listener: (...args: unknown[]) => void): this
}
