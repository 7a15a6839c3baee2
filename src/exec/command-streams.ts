/** The Node streams of an in-process command, on the streams of its channel. */
import { Readable, Writable } from 'node:stream'
import type { Channel } from '../connection/channel-handler.js'
import { Inbound, READABLE_HIGH_WATER_MARK } from '../streams/inbound.js'
import { Outbound } from '../streams/outbound.js'

/** stdin of a command. */
export class CommandInput extends Readable {
  readonly #inbound: Inbound
  #accepted = 0

  constructor(channel: Channel, stream: number) {
    super({ highWaterMark: READABLE_HIGH_WATER_MARK })
    this.#inbound = new Inbound(channel, stream, this)
    this.on('error', () => {})
  }

  /** Bytes the command could read; what was discarded is not in it. */
  get bytesTaken(): number {
    return this.#accepted - this.#inbound.waitingBytes
  }

  /** For `onData`. */
  accept(bytes: Uint8Array): void {
    if (!this.#inbound.isDiscarding) this.#accepted += bytes.length
    this.#inbound.accept(bytes)
  }

  /** For `onEof`. */
  finish(): void {
    this.#inbound.finish()
  }

  override _read(): void {
    this.#inbound.pull()
  }

  /** The command wants no more: the client is not to wait for it. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#accepted = this.bytesTaken
    this.#inbound.discard()
    callback(error)
  }
}

/** stdout or stderr of a command. */
export class CommandOutput extends Writable {
  readonly #outbound: Outbound
  #bytes = 0

  constructor(channel: Channel, stream: number) {
    super({ decodeStrings: true })
    this.#outbound = new Outbound(channel, stream)
    // Mistakes such as writing after the end reach the write's callback; unheard, they must not end the server.
    this.on('error', () => {})
  }

  /** Bytes handed to the channel. */
  get bytes(): number {
    return this.#bytes
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#bytes += chunk.length
    this.#outbound.write(chunk, callback)
  }

  /** Ends the output, whatever the command left it in. Resolves when what was written has left; also when it never can. */
  async finish(): Promise<void> {
    const isOver = () => this.writableFinished || this.destroyed
    if (!isOver()) {
      await new Promise<void>((resolve) => {
        this.once('finish', resolve)
        this.once('close', resolve)
        this.end()
      })
    }
    this.destroy()
    this.#outbound.end()
  }
}
