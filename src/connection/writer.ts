/**
 * The one writer of a connection's stream. Hands it one batch of frames at a time, so that a small frame never waits behind more than
 * that, and so that a peer that does not read stops us. What the kernel has buffered keeps the peer busy meanwhile.
 */
import type { Duplex } from 'node:stream'
import type { Taken } from '../protocol/channel-record.js'
import type { ConnectionCore } from '../protocol/connection-core.js'

/** Bytes of a batch, about: one large frame. */
const BATCH_BYTES = 262_144

/** From here on joining a buffer with others, which copies it, costs more than a write of its own. */
const LARGE_BYTES = 65_536

export class Writer {
  readonly #stream: Duplex
  readonly #core: ConnectionCore
  /** Who waits for the batch that the stream has. */
  #inFlight: readonly Taken[] | undefined
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
    return this.#inFlight === undefined && !this.#core.hasOutput
  }

  /** Flushes at the end of this turn, so that frames of one turn go out together. Once stopped, tells those whose bytes come too late. */
  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    process.nextTick(() => {
      if (this.#isScheduled) this.flush()
    })
  }

  /** Writes what the core has, unless the stream is still busy. */
  flush(): void {
    this.#isScheduled = false
    if (!this.#isStopped && this.#inFlight === undefined && this.#core.hasOutput) {
      const { buffers, bytes, taken } = this.#core.take(BATCH_BYTES)
      if (bytes > 0) {
        this.#inFlight = taken
        this.#write(buffers, (error) => this.#onWritten(taken, error))
      }
    }
    this.settleDropped()
  }

  /** The core has closed: what it says last goes out, behind a batch that may still be on its way. */
  writeLast(): void {
    const { buffers, bytes } = this.#core.take(BATCH_BYTES)
    if (bytes > 0 && !this.#isStopped) this.#write(buffers, () => {})
  }

  /** Tells those whose bytes the core dropped. */
  settleDropped(): void {
    const { dropped } = this.#core
    while (dropped.length > 0) for (const taken of dropped.splice(0)) taken(true)
  }

  /** Nothing is written any more; everyone who waits is told at once. */
  stop(): void {
    this.#isStopped = true
    const taken = this.#inFlight ?? []
    this.#inFlight = undefined
    for (const tell of taken) tell(true)
    this.settleDropped()
  }

  /** Small buffers are joined by the stream. A large one at the start is not, so that TLS encrypts it from where it is. */
  #write(buffers: readonly Uint8Array[], done: (error: Error | null | undefined) => void): void {
    const isJoined = buffers.length > 1 && (buffers[0] as Uint8Array).length < LARGE_BYTES
    if (isJoined) this.#stream.cork()
    for (const buffer of buffers.slice(0, -1)) this.#stream.write(buffer)
    this.#stream.write(buffers.at(-1), done)
    if (isJoined) this.#stream.uncork()
  }

  #onWritten(taken: readonly Taken[], error: Error | null | undefined): void {
    // A write that failed is the end of the stream. Whoever waits for it is told by `stop`, after the connection has told why.
    if ((error !== null && error !== undefined) || this.#inFlight !== taken) return
    this.#inFlight = undefined
    for (const tell of taken) tell(false)
    this.flush()
    this.onProgress()
  }
}
