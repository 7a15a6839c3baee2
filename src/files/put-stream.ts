/** What `client.put()` returns, as its user sees it. */
import type { Writable } from 'node:stream'
import type { TransferProgress } from './progress.js'
import type { TransferChecksum, TransferReceipt } from './transfer.js'

/** Events of a {@link PutStream}. @public */
export interface PutStreamEvents {
  /** At most every 100 ms, and once at the end. */
  progress: (progress: TransferProgress) => void
  /** Both digests are known, just before success or failure. */
  checksum: (checksum: TransferChecksum) => void
  drain: () => void
  /** The server has verified length and digest and put the file in its place. */
  finish: () => void
  error: (error: Error) => void
  close: () => void
  pipe: (source: NodeJS.ReadableStream) => void
  unpipe: (source: NodeJS.ReadableStream) => void
}

/**
 * A remote file as a Writable. It finishes only when the server has committed: before that nothing is visible under the path. When it
 * fails or is destroyed the path is as it was, unless the server had just committed and only its answer was lost; then it is the
 * complete file. A full disk or a lost connection ends it at once, not at the end: also with `reconnect`, because what was written to it
 * cannot be read again. `upload()` can go on.
 *
 * A failure goes to {@link PutStream.result} if that was asked for, and to the stream as Node does it: to whoever listens to `'error'`, as
 * `pipeline()` and `finished()` do. With no such listener the stream is only closed; nothing is thrown.
 *
 * Codes: POSIX codes of the server, `ERR_FAKESSH_OUTSIDE_ROOT`, `ERR_FAKESSH_NOT_A_FILE`, `ERR_FAKESSH_DENIED`, `ERR_FAKESSH_LENGTH_MISMATCH`,
 * `ERR_FAKESSH_DIGEST_MISMATCH`, `ERR_FAKESSH_TIMEOUT`, `ERR_FAKESSH_CANCELLED`, `ERR_FAKESSH_CLOSED`, and those of a lost connection.
 *
 * @public
 */
export interface PutStream extends Writable {
  /** The remote path, as the caller wrote it. */
  readonly path: string
  /** The proof, once the server has committed. Rejects with a `TransferError`, or with `signal.reason`. Call `end()`, or it never comes. */
  readonly result: Promise<TransferReceipt>

  on<Name extends keyof PutStreamEvents>(event: Name, listener: PutStreamEvents[Name]): this
  on(event: string | symbol, listener: (...args: unknown[]) => void): this
  once<Name extends keyof PutStreamEvents>(event: Name, listener: PutStreamEvents[Name]): this
  once(event: string | symbol, listener: (...args: unknown[]) => void): this
  off<Name extends keyof PutStreamEvents>(event: Name, listener: PutStreamEvents[Name]): this
  off(event: string | symbol, listener: (...args: unknown[]) => void): this
}
