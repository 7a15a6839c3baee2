/** stderr of a remote command at the client: a Readable with a window of its own, and the rule for one that nobody reads. */
import { Readable } from 'node:stream'
import type { Channel } from '../connection/channel-handler.js'
import { Inbound, READABLE_HIGH_WATER_MARK } from '../streams/inbound.js'
import { STDERR_WINDOW_BYTES } from './exec-windows.js'
import { STDERR } from './messages.js'

export class ExecStderr extends Readable {
  #inbound: Inbound | undefined
  #bytes = 0
  #isDiscarded = false
  /** What waited when this was destroyed. */
  #unreadBytes = 0

  constructor() {
    super({ highWaterMark: READABLE_HIGH_WATER_MARK })
  }

  /** Bytes that arrived. */
  get bytes(): number {
    return this.#bytes
  }

  /** Bytes that arrived and were not given to whoever reads. */
  get waitingBytes(): number {
    return this.destroyed ? this.#unreadBytes : this.#waitingNow
  }

  get #waitingNow(): number {
    return (this.#inbound?.waitingBytes ?? 0) + this.readableLength
  }

  /** True once it was thrown away for want of a reader. */
  get isDiscarded(): boolean {
    return this.#isDiscarded
  }

  /** The channel it comes from. */
  attach(channel: Channel): void {
    this.#inbound = new Inbound(channel, STDERR, this)
  }

  /** For `onData`. */
  accept(bytes: Uint8Array): void {
    this.#bytes += bytes.length
    this.#inbound?.accept(bytes)
    if (!this.destroyed && isOverdue(this, this.#inbound, STDERR_WINDOW_BYTES)) {
      this.#isDiscarded = true
      this.destroy()
    }
  }

  /** For `onEof`. */
  finish(): void {
    this.#inbound?.finish()
  }

  override _read(): void {
    this.#inbound?.pull()
  }

  /** What still comes is credited at once: a destroyed stderr must not stall the command. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#isDiscarded) this.#unreadBytes = this.#waitingNow
    this.#inbound?.discard()
    // Heard by whoever listens; unheard, it must not end the process.
    this.on('error', () => {})
    callback(error)
  }
}

/**
 * True when half of a stream's window is waiting and nobody has ever attached to it. A stream that is being read, or was paused
 * on purpose, is somebody's.
 */
export function isOverdue(readable: Readable, inbound: Inbound | undefined, windowBytes: number): boolean {
  const isUnattended = readable.readableFlowing === null && !readable.readableDidRead
  return isUnattended && inbound !== undefined && inbound.waitingBytes >= windowBytes / 2
}
