/** How far a transfer is: measures, and reports not too often. Pure: time is a function that is handed in. */

/** How far a transfer is. @public */
export interface TransferProgress {
  /** Bytes that this side has sent or received so far. Never goes down. */
  readonly transferred: number
  /**
   * Bytes that have arrived for good: sending, what the peer consumed or wrote; receiving, what was read or written here.
   * Never goes down and is never above `transferred`.
   */
  readonly acknowledged: number
  /** Bytes in all, where known; when finished, what was really transferred. */
  readonly total?: number | undefined
  /** 0 to 100, where `total` is known. 100 only when every byte has been transferred. */
  readonly percent?: number | undefined
  /** Recent speed: an average in which what is seconds old weighs less and less. */
  readonly bytesPerSecond: number
  /** Milliseconds left at that speed, where `total` and the speed are known. */
  readonly etaMs?: number | undefined
  /** Milliseconds since the call. */
  readonly elapsedMs: number
}

/** Milliseconds between two reports, at least. The last report may come sooner. */
export const PROGRESS_INTERVAL_MS = 100

/** Milliseconds after which a measured speed weighs 1/e of a fresh one: steady enough to read, quick enough to follow. */
const SPEED_MEMORY_MS = 2_000

/** Monotonic milliseconds. */
export type Clock = () => number

const monotonicNow: Clock = () => performance.now()

export class ProgressMeter {
  readonly #report: (progress: TransferProgress) => void
  readonly #now: Clock
  readonly #startedAt: number
  #total: number | undefined
  /** Where the present attempt is. Less than what was transferred while it makes up for what an earlier one lost. */
  #position = 0
  #transferred = 0
  #acknowledged = 0
  #bytesPerSecond = 0
  #reportedAt: number
  #reportedBytes = 0
  #isFinished = false

  constructor(report: (progress: TransferProgress) => void, now: Clock = monotonicNow) {
    this.#report = report
    this.#now = now
    this.#startedAt = now()
    this.#reportedAt = this.#startedAt
  }

  get transferred(): number {
    return this.#transferred
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  get elapsedMs(): number {
    return this.#now() - this.#startedAt
  }

  /** How many bytes to expect. A virtual file says 0, which is the same as not knowing. */
  expect(total: number | undefined): void {
    this.#total = total === 0 ? undefined : total
  }

  /** An attempt begins behind so many bytes, which an earlier one transferred; all of them for good, unless it is said how many. */
  startAt(bytes: number, acknowledged = bytes): void {
    this.#position = bytes
    // They say nothing about the speed of this one.
    this.#reportedBytes += Math.max(0, bytes - this.#transferred)
    this.#transferred = Math.max(this.#transferred, bytes)
    this.#checkTotal()
    this.setAcknowledged(acknowledged)
  }

  /** So many more bytes were sent or received. */
  addTransferred(bytes: number): void {
    this.#position += bytes
    this.#transferred = Math.max(this.#transferred, this.#position)
    this.#checkTotal()
    this.#reportIfDue()
  }

  /** So many bytes in all have arrived for good. */
  setAcknowledged(bytes: number): void {
    const acknowledged = Math.min(bytes, this.#transferred)
    if (acknowledged <= this.#acknowledged) return
    this.#acknowledged = acknowledged
    this.#reportIfDue()
  }

  /** Every byte was transferred and proved: the one last report, whatever was reported before. */
  finish(): void {
    if (this.#isFinished) return
    this.#acknowledged = this.#transferred
    this.#total = this.#transferred
    this.#reportNow(this.#now())
    this.#isFinished = true
  }

  /** What was announced was wrong, if more came: then it tells nothing about what is left. */
  #checkTotal(): void {
    if (this.#total !== undefined && this.#transferred > this.#total) this.#total = undefined
  }

  #reportIfDue(): void {
    const now = this.#now()
    if (now - this.#reportedAt >= PROGRESS_INTERVAL_MS && !this.#isFinished) this.#reportNow(now)
  }

  #reportNow(now: number): void {
    this.#measureSpeed(now)
    const transferred = this.#transferred
    const total = this.#total
    const speed = this.#bytesPerSecond
    const left = total === undefined ? undefined : total - transferred
    this.#report({
      transferred,
      acknowledged: this.#acknowledged,
      total,
      percent: total === undefined ? undefined : total === 0 ? 100 : (transferred / total) * 100,
      bytesPerSecond: Math.round(speed),
      etaMs:
        left === 0 ? 0 : left === undefined || speed === 0 ? undefined : Math.round((left / speed) * 1000),
      elapsedMs: Math.round(now - this.#startedAt),
    })
  }

  #measureSpeed(now: number): void {
    const periodMs = now - this.#reportedAt
    if (periodMs <= 0) return
    const measured = ((this.#transferred - this.#reportedBytes) / periodMs) * 1000
    const isFirst = this.#reportedAt === this.#startedAt
    // A short period says little about the speed, and weighs little.
    const weight = isFirst ? 1 : 1 - Math.exp(-periodMs / SPEED_MEMORY_MS)
    this.#bytesPerSecond += (measured - this.#bytesPerSecond) * weight
    this.#reportedAt = now
    this.#reportedBytes = this.#transferred
  }
}
