/** A channel that goes nowhere: keeps what is sent, and lets the test say when it was taken. */
import type { Channel } from '../../src/connection/channel-handler.js'
import { FakeSshError } from '../../src/errors.js'
import type { ExitMessage, JsonObject } from '../../src/protocol/messages.js'

type Taken = (error?: FakeSshError) => void

export class RecordingChannel implements Channel {
  id = 1
  readonly kind = 'exec'
  readonly peerLabel = 'memory'
  isClosed = false
  /** In order: `data 0 text`, `eof 0`, `exit {…}`, `close`, `abort`, `request type {…}`. */
  readonly log: string[] = []
  readonly credited: number[] = []
  /** By how much each window was widened. */
  readonly widened: number[] = []
  readonly sent: Buffer[] = []
  readonly #waiting: Taken[] = []

  /** Sends that wait for `take`. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** The transport takes the oldest send, or drops it. */
  take(error?: FakeSshError): void {
    this.#waiting.shift()?.(error)
  }

  send(stream: number, bytes: Uint8Array, taken: Taken): void {
    this.log.push(`data ${stream} ${bytes.length > 40 ? `${bytes.length} bytes` : Buffer.from(bytes)}`)
    this.sent.push(Buffer.from(bytes))
    this.#waiting.push(taken)
  }

  sendEof(stream: number): void {
    this.log.push(`eof ${stream}`)
  }

  sendExit(exit: ExitMessage): void {
    this.log.push(`exit ${JSON.stringify(exit)}`)
  }

  sendCommit(): void {}

  async request(type: string, params: JsonObject): Promise<JsonObject> {
    this.log.push(`request ${type} ${JSON.stringify(params)}`)
    return { delivered: true }
  }

  consumed(stream: number, bytes: number, widerBy = 0): void {
    this.credited[stream] = (this.credited[stream] ?? 0) + bytes
    if (widerBy > 0) this.widened[stream] = (this.widened[stream] ?? 0) + widerBy
  }

  received(): number {
    return 0
  }

  close(): void {
    if (!this.isClosed) this.log.push('close')
    this.isClosed = true
  }

  abort(): void {
    if (!this.isClosed) this.log.push('abort')
    this.isClosed = true
    while (this.waiting > 0) this.take(new FakeSshError('ERR_FAKESSH_CLOSED', 'the channel was closed'))
  }
}
