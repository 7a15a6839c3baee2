/** Follows one transfer, at either end: measures it, tells the observers, writes the receipt. */
import type { Clock } from './progress.js'
import { ProgressMeter } from './progress.js'
import type { Proof, RemoteProof } from './proof.js'
import type { FileMetadata, TransferInfo, TransferObserver, TransferReceipt } from './transfer.js'

/** What a receipt says besides the proof. */
export type ReceiptExtras = Pick<TransferReceipt, 'mode' | 'mtimeMs'>

export class TransferTracker {
  readonly info: TransferInfo
  readonly meter: ProgressMeter
  readonly #observers: readonly TransferObserver[]
  #hasStarted = false
  #hasMetadata = false
  #resumedFrom = 0
  #hasEnded = false

  constructor(info: TransferInfo, observers: readonly (TransferObserver | undefined)[], clock?: Clock) {
    this.info = info
    this.#observers = observers.filter((observer) => observer !== undefined)
    this.meter = new ProgressMeter((progress) => {
      for (const observer of this.#observers) observer.progress?.(info, progress)
    }, clock)
  }

  /** Told for every attempt; observers hear of the first. */
  started(total: number | undefined, resumedFrom = 0, acknowledged = resumedFrom): void {
    this.meter.expect(total)
    this.meter.startAt(resumedFrom, acknowledged)
    this.#resumedFrom = resumedFrom
    if (this.#hasStarted) return
    this.#hasStarted = true
    for (const observer of this.#observers) observer.start?.(this.info, total)
  }

  /** Of the first attempt. */
  metadataKnown(metadata: FileMetadata): void {
    if (this.#hasMetadata) return
    this.#hasMetadata = true
    for (const observer of this.#observers) observer.metadata?.(this.info, metadata)
  }

  /** To be told before the proofs are compared, so that a mismatch can be seen. */
  proofsKnown(local: Proof, remote: RemoteProof): void {
    const { algorithm, digest } = local
    const match = remote.algorithm === algorithm && remote.digest === digest
    for (const observer of this.#observers) {
      observer.checksum?.(this.info, { algorithm, local: digest, remote: remote.digest, match })
    }
  }

  /** The last report, and the receipt. */
  finished(proof: Proof, extras: ReceiptExtras = {}): TransferReceipt {
    const { path, localPath } = this.info
    const receipt: TransferReceipt = {
      bytes: proof.bytes,
      algorithm: proof.algorithm,
      digest: proof.digest,
      durationMs: Math.round(this.meter.elapsedMs),
      resumedFrom: this.#resumedFrom,
      path,
      ...(localPath === undefined ? {} : { localPath }),
      ...extras,
    }
    if (this.#hasEnded) return receipt
    this.#hasEnded = true
    this.meter.finish()
    for (const observer of this.#observers) observer.end?.(this.info, receipt)
    return receipt
  }

  failed(error: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    for (const observer of this.#observers) observer.end?.(this.info, { error })
  }
}
