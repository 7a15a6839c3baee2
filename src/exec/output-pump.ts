/** Moves one output of a command to a stream of its channel, no faster than the peer takes it. */
import type { Readable } from 'node:stream'
import { releaseBuffer } from '../release-buffer.js'

/** Bytes handed to the channel and not yet taken by the transport: two full reads of a pipe, so that reading and sending overlap. */
const IN_FLIGHT_BYTES = 131_072

/** Hands bytes on; `taken` is called once, when more may come, with true once nobody looks at the bytes any more. */
export type SendBytes = (bytes: Uint8Array, taken: (isDone?: boolean) => void) => void

export class OutputPump {
  /** Settles when there is nothing more to send: the source ended, or the pump was stopped. */
  readonly ended: Promise<void>
  /** Called when bytes were read, and when the peer made room. */
  onActivity: () => void = () => {}
  readonly #source: Readable
  readonly #send: SendBytes
  #bytes = 0
  #inFlight = 0
  #isDiscarding = false
  #end: () => void = () => {}

  constructor(source: Readable, send: SendBytes) {
    this.#source = source
    this.#send = send
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    // Reading on 'readable' rather than 'data': when a child exits, Node resumes its paused outputs, which would
    // push everything at a peer that has no room. It does not do so to a stream that is read this way.
    source.on('readable', () => this.#read())
    // A pipe can close without having ended, when an error broke it.
    for (const event of ['end', 'close', 'error']) source.on(event, () => this.#end())
  }

  /** Bytes read so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** True while nothing is read because the peer has no room. */
  get isStalled(): boolean {
    return this.#inFlight >= IN_FLIGHT_BYTES
  }

  /** From now on what the command writes is read and dropped, so that it does not block on a peer that went away. */
  discard(): void {
    this.#isDiscarding = true
    this.#read()
  }

  /** Reads nothing more, and ends; the command's next write to this output fails. */
  stop(): void {
    this.#source.destroy()
    this.#end()
  }

  #read(): void {
    while (this.#isDiscarding || !this.isStalled) {
      const chunk: Buffer | null = this.#source.read()
      if (chunk === null) return
      this.#bytes += chunk.length
      if (!this.#isDiscarding) this.#pass(chunk)
      this.onActivity()
    }
  }

  #pass(chunk: Buffer): void {
    this.#inFlight += chunk.length
    const { length } = chunk
    this.#send(chunk, (isDone) => {
      this.#inFlight -= length
      if (isDone === true) releaseBuffer(chunk)
      this.#read()
      this.onActivity()
    })
  }
}
