/** The receiving pump, for the server of a `put` and the client of a `download`: stream 0 into a staged file. */
import type { ChecksumAlgorithm } from '../options.js'
import { PieceQueue } from '../streams/piece-queue.js'
import { Digest } from './digest.js'
import type { StagedFile } from './file-system.js'
import { commitBeforeEnd, type Proof } from './proof.js'

/** Bytes collected for one write, so that the pieces a transport delivers (16 KiB with TLS) do not each cost a call. */
const WRITE_BYTES = 262_144

export interface StagedReceiverOptions {
  /** What it holds already comes before what is received. */
  readonly staged: StagedFile
  readonly algorithm: ChecksumAlgorithm
  /** Of what the staged file holds already. Default: of nothing. */
  readonly digest?: Digest | undefined
  /** Bytes the sender may send ahead; all that is ever kept in memory. */
  readonly windowBytes: number
  /** So many more bytes are in the file, or were thrown away after `release`: the sender gets credit for them. */
  readonly onTaken: (bytes: number) => void
  /** A write failed; told once. What arrives from now on is thrown away. */
  readonly onFailed: (error: unknown) => void
}

export class StagedReceiver {
  readonly #options: StagedReceiverOptions
  #digest: Digest
  /** Less than the window, or both sides would wait for each other. */
  readonly #writeBytes: number
  readonly #collected = new PieceQueue()
  #receivedBytes: number
  #isWriting = false
  #isAtEnd = false
  /** What arrived is being written out, and nothing more is taken. */
  #isFlushing = false
  #isReleased = false
  #thrownAwayBytes = 0
  #failure: { readonly error: unknown } | undefined
  #waiting: (() => void) | undefined

  /** Throws `ERR_FAKESSH_UNSUPPORTED` for an algorithm that this machine lacks. */
  constructor(options: StagedReceiverOptions) {
    this.#options = options
    this.#digest = options.digest ?? new Digest(options.algorithm)
    this.#receivedBytes = options.staged.bytes
    this.#writeBytes = Math.min(WRITE_BYTES, Math.ceil(options.windowBytes / 4))
  }

  /** What the staged file held before included. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** Of all that was received, and of what the staged file held before. */
  get digest(): Digest {
    return this.#digest
  }

  get digestSoFar(): string {
    return this.#digest.hexSoFar()
  }

  /** The bytes are copied. */
  receive(bytes: Uint8Array): void {
    if (this.#failure || this.#isFlushing) {
      this.#throwAway(bytes.length)
      return
    }
    this.#receivedBytes += bytes.length
    this.#collected.push(bytes)
    if (this.#collected.bytes >= this.#writeBytes) this.#write()
  }

  /** The sender has ended the stream. */
  end(): void {
    this.#isAtEnd = true
    this.#write()
  }

  /** The sender begins again with the first byte: what is in the file goes. Rejects when that failed, which `onFailed` hears as well. */
  async restart(): Promise<void> {
    this.#digest = new Digest(this.#options.algorithm)
    this.#receivedBytes = 0
    // What arrives meanwhile waits.
    this.#isWriting = true
    try {
      await this.#options.staged.restart()
    } catch (error) {
      this.#writeFailed(0, error)
      throw error
    }
    this.#isWriting = false
    this.#writeOn()
  }

  /**
   * The sender is gone, for now: settles when all that arrived is in the file. What still comes meanwhile is thrown away. Rejects when a
   * write failed, and on `stop`.
   */
  async flush(): Promise<void> {
    this.#isFlushing = true
    this.#write()
    await this.#idle()
    this.#isFlushing = false
    this.#isAtEnd = false
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
    await this.#idle()
    return {
      bytes: this.#receivedBytes,
      algorithm: this.#options.algorithm,
      digest: this.#digest.hexSoFar(),
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
    this.#writeOn()
  }

  #writeOn(): void {
    if (this.#isAtEnd || this.#isFlushing || this.#collected.bytes >= this.#writeBytes) this.#write()
    if (!this.#isWriting) this.#wake()
  }

  async #idle(): Promise<void> {
    if (this.#isWriting && !this.#failure) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
    if (this.#failure) throw this.#failure.error
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
