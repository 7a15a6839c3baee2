/** Sends one output of a job to the channel that is attached to it: what is kept from an offset on, then what comes. */
import type { Channel } from '../../connection/channel-handler.js'
import type { OutputLog, OutputReader } from './output-log.js'

/** Bytes handed to the channel and not yet taken by the transport: two pieces, so that reading and sending overlap. */
const IN_FLIGHT_BYTES = 131_072

const PIECE_BYTES = 65_536

export interface OutputSenderHooks {
  /** The end was sent, after everything else. */
  onEnded(): void
  /** The log could not be read. */
  onFailed(error: unknown): void
}

export class OutputSender implements OutputReader {
  /** Offset of the first byte that is sent. */
  readonly from: number
  readonly #log: OutputLog
  readonly #channel: Channel
  readonly #stream: number
  readonly #hooks: OutputSenderHooks
  #position: number
  #acknowledged: number
  #inFlight = 0
  #isStarted = false
  #isReading = false
  #isOver = false

  /** Nothing from that offset on, or from the oldest byte that is kept, is dropped any more. */
  constructor(log: OutputLog, from: number, channel: Channel, stream: number, hooks: OutputSenderHooks) {
    this.#log = log
    this.#channel = channel
    this.#stream = stream
    this.#hooks = hooks
    this.from = Math.max(from, log.start)
    this.#position = this.from
    this.#acknowledged = this.from
    log.attach(this)
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  get position(): number {
    return this.#position
  }

  /** To be called once the channel was accepted. */
  start(): void {
    this.#isStarted = true
    this.#advance()
  }

  onGrown(): void {
    this.#advance()
  }

  /** For `onAcknowledged`. */
  onAcknowledged(consumed: number): void {
    this.#acknowledged = this.from + consumed
    if (!this.#isOver) this.#log.onReaderMoved()
  }

  /** The channel is over: the log goes on without a reader. */
  stop(): void {
    this.#isOver = true
    this.#log.detach(this)
  }

  get #canAdvance(): boolean {
    return this.#isStarted && !this.#isOver && !this.#isReading && this.#inFlight < IN_FLIGHT_BYTES
  }

  #advance(): void {
    while (this.#canAdvance) {
      if (this.#position === this.#log.end) {
        if (this.#log.isEnded) this.#finish()
        return
      }
      const piece = this.#log.read(this.#position, PIECE_BYTES)
      if (piece instanceof Promise) void this.#readThenSend(piece)
      else this.#send(piece)
    }
  }

  async #readThenSend(reading: Promise<Uint8Array>): Promise<void> {
    this.#isReading = true
    try {
      const piece = await reading
      this.#isReading = false
      if (this.#isOver) return
      this.#send(piece)
      this.#advance()
    } catch (error) {
      this.#isReading = false
      if (!this.#isOver) this.#hooks.onFailed(error)
    }
  }

  #send(piece: Uint8Array): void {
    this.#position += piece.length
    this.#inFlight += piece.length
    this.#channel.send(this.#stream, piece, (error) => {
      this.#inFlight -= piece.length
      if (error === undefined) this.#advance()
    })
    this.#log.onReaderMoved()
  }

  #finish(): void {
    this.#isOver = true
    this.#channel.sendEof(this.#stream)
    this.#hooks.onEnded()
  }
}
