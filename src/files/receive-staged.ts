/** The receiving pump, for the server of a `put` and the client of a `download`: stream 0 into a staged file. */
import type { ChecksumAlgorithm } from '../options.js'
import { PieceQueue } from '../streams/piece-queue.js'
import { Digest } from './digest.js'
import type { StagedFile } from './file-system.js'
import { commitBeforeEnd, type Proof } from './proof.js'

/** Bytes collected for one write, so that the pieces a transport delivers (16 KiB with TLS) do not each cost a call. */
const WRITE_BYTES = 262_144

export interface StagedReceiverOptions {
  readonly staged: StagedFile
  readonly algorithm: ChecksumAlgorithm
  /** Bytes the sender may send ahead; all that is ever kept in memory. */
  readonly windowBytes: number
  /** So many more bytes are in the file, or were thrown away after `release`: the sender gets credit for them. */
  readonly onTaken: (bytes: number) => void
  /** A write failed; told once. What arrives from now on is thrown away. */
  readonly onFailed: (error: unknown) => void
}

export class StagedReceiver {
  readonly #options: StagedReceiverOptions
  readonly #digest: Digest
  /** Less than the window, or both sides would wait for each other. */
  readonly #writeBytes: number
  readonly #collected = new PieceQueue()
  #receivedBytes = 0
  #isWriting = false
  #isAtEnd = false
  #isReleased = false
  #thrownAwayBytes = 0
  #failure: { readonly error: unknown } | undefined
  #waiting: (() => void) | undefined

  /** Throws `ERR_FAKESSH_UNSUPPORTED` for an algorithm that this machine lacks. */
  constructor(options: StagedReceiverOptions) {
    this.#options = options
    this.#digest = new Digest(options.algorithm)
    this.#writeBytes = Math.min(WRITE_BYTES, Math.ceil(options.windowBytes / 4))
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** The bytes are copied. */
  receive(bytes: Uint8Array): void {
    this.#receivedBytes += bytes.length
    if (this.#failure) {
      this.#throwAway(bytes.length)
      return
    }
    this.#collected.push(bytes)
    if (this.#collected.bytes >= this.#writeBytes) this.#write()
  }

  /** The sender has ended the stream. */
  end(): void {
    this.#isAtEnd = true
    this.#write()
  }

  /**
   * Nothing is written any more, and whoever waits in `finish` gets the reason. There is no credit either, so the sender does not go
   * on for nothing until it has been told.
   */
  stop(reason: unknown): void {
    if (this.#failure) return
    this.#failure = { error: reason }
    const { bytes } = this.#collected
    this.#collected.clear()
    this.#throwAway(bytes)
    this.#wake()
  }

  /** The sender has been told of the `stop`: gives it credit for what was thrown away, and for all that still comes. */
  release(): void {
    this.#isReleased = true
    this.#throwAway(0)
  }

  /** What arrived, once all of it is in the file. Rejects when a write failed, on `stop`, and when the stream has not ended. */
  async finish(): Promise<Proof> {
    if (!this.#isAtEnd && !this.#failure) {
      throw commitBeforeEnd()
    }
    if (this.#isWriting && !this.#failure) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
    if (this.#failure) throw this.#failure.error
    return {
      bytes: this.#receivedBytes,
      algorithm: this.#options.algorithm,
      digest: this.#digest.hex(),
    }
  }

  #write(): void {
    if (this.#isWriting) return
    const piece = this.#collected.shift()
    if (piece === undefined) return
    this.#isWriting = true
    this.#options.staged.write(piece).then(
      () => this.#written(piece),
      (error: unknown) => this.#writeFailed(piece.length, error),
    )
    // While the disk works on it.
    this.#digest.update(piece)
  }

  #written(piece: Uint8Array): void {
    this.#isWriting = false
    this.#collected.giveBack(piece)
    this.#options.onTaken(piece.length)
    if (this.#isAtEnd || this.#collected.bytes >= this.#writeBytes) this.#write()
    if (!this.#isWriting) this.#wake()
  }

  #writeFailed(bytes: number, error: unknown): void {
    this.#isWriting = false
    this.#throwAway(bytes)
    if (this.#failure) return
    this.stop(error)
    this.#options.onFailed(error)
  }

  #throwAway(bytes: number): void {
    this.#thrownAwayBytes += bytes
    if (!this.#isReleased || this.#thrownAwayBytes === 0) return
    const credit = this.#thrownAwayBytes
    this.#thrownAwayBytes = 0
    this.#options.onTaken(credit)
  }

  #wake(): void {
    this.#waiting?.()
    this.#waiting = undefined
  }
}
