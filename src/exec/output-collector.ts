/** Collects one output of a command up to a limit; what is over is read and dropped, so that the command can end. */
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

export class OutputCollector {
  /** Settles when the stream has ended, or closed without having ended. */
  readonly ended: Promise<void>
  readonly #chunks: Buffer[] = []
  readonly #limit: number
  #bytes = 0
  #isTruncated = false

  constructor(readable: Readable, limitBytes: number) {
    this.#limit = limitBytes
    readable.on('data', (chunk: Buffer) => this.#take(chunk))
    this.ended = new Promise((resolve) => {
      for (const event of ['end', 'close', 'error']) readable.once(event, () => resolve())
    })
  }

  /** True when something was dropped. */
  get isTruncated(): boolean {
    return this.#isTruncated
  }

  /** What was collected, at most the limit. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** The same as text. A character that the limit cut in two is left out; one that the command itself broke becomes U+FFFD. */
  get text(): string {
    if (!this.#isTruncated) return this.bytes.toString('utf8')
    return new StringDecoder('utf8').write(this.bytes)
  }

  #take(chunk: Buffer): void {
    const room = this.#limit - this.#bytes
    if (chunk.length > room) this.#isTruncated = true
    if (room <= 0) return
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk
    this.#chunks.push(kept)
    this.#bytes += kept.length
  }
}
