/**
 * The one writer of a connection's stream. Takes frames from the core only while few bytes are on their way to the kernel, so that a
 * small frame never waits behind more than that, and so that a peer that does not read stops us.
 */
import type { Duplex } from 'node:stream'
import type { Taken } from '../protocol/channel-record.js'
import type { ConnectionCore } from '../protocol/connection-core.js'

/** Bytes handed to the stream and not yet written by it: two large frames, so that one is encrypted while the other is on its way. */
const IN_FLIGHT_BYTES = 524_288

export class Writer {
  readonly #stream: Duplex
  readonly #core: ConnectionCore
  #inFlightBytes = 0
  readonly #inFlight = new Set<Taken[]>()
  #isScheduled = false
  #isStopped = false
  /** Called after each write completed and whoever waited for it was told. */
  onProgress: () => void = () => {}

  constructor(stream: Duplex, core: ConnectionCore) {
    this.#stream = stream
    this.#core = core
  }

  /** True when nothing is queued and everything written has left. */
  get isIdle(): boolean {
    return this.#inFlight.size === 0 && !this.#core.hasOutput
  }

  /** Flushes at the end of this turn, so that frames of one turn go out together. Once stopped, tells those whose bytes come too late. */
  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    process.nextTick(() => {
      if (this.#isScheduled) this.flush()
    })
  }

  /** Writes what the core has, as far as the stream takes it. */
  flush(): void {
    this.#isScheduled = false
    while (!this.#isStopped && this.#inFlightBytes < IN_FLIGHT_BYTES && this.#core.hasOutput) {
      const { buffers, bytes, taken } = this.#core.take(IN_FLIGHT_BYTES - this.#inFlightBytes)
      if (bytes === 0) break
      this.#inFlightBytes += bytes
      this.#inFlight.add(taken)
      this.#stream.cork()
      for (const buffer of buffers.slice(0, -1)) this.#stream.write(buffer)
      this.#stream.write(buffers.at(-1), (error) => this.#onWritten(taken, bytes, error))
      this.#stream.uncork()
    }
    this.settleDropped()
  }

  /** Tells those whose bytes the core dropped. */
  settleDropped(): void {
    const { dropped } = this.#core
    while (dropped.length > 0) for (const taken of dropped.splice(0)) taken(true)
  }

  /** Nothing is written any more; everyone who waits is told at once. */
  stop(): void {
    this.#isStopped = true
    for (const taken of [...this.#inFlight]) {
      this.#inFlight.delete(taken)
      for (const tell of taken) tell(true)
    }
    this.settleDropped()
  }

  #onWritten(taken: Taken[], bytes: number, error: Error | null | undefined): void {
    // A write that failed is the end of the stream. Whoever waits for it is told by `stop`, after the connection has told why.
    if ((error !== null && error !== undefined) || !this.#inFlight.delete(taken)) return
    this.#inFlightBytes -= bytes
    for (const tell of taken) tell(false)
    this.flush()
    this.onProgress()
  }
}
