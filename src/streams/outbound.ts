/** A Node Writable's bytes on their way onto one stream of a channel. The write callback is the backpressure: it waits until the bytes left. */
import type { Channel } from '../connection/channel-handler.js'
import { HEADER_BYTES } from '../protocol/constants.js'

/** Small writes that pile up are joined into pieces of at most this many bytes, so that they need not travel as one frame each. */
const JOIN_BYTES = 262_144

type Callback = (error?: Error | null) => void

export class Outbound {
  readonly #channel: Channel
  readonly #stream: number

  constructor(channel: Channel, stream: number) {
    this.#channel = channel
    this.#stream = stream
  }

  /** For `_write`. The callback gets an error when the channel closed before the bytes left. */
  write(chunk: Uint8Array, callback: Callback): void {
    if (chunk.length === 0) process.nextTick(callback)
    else this.#channel.send(this.#stream, chunk, callback)
  }

  /** For `_writev`. */
  writev(chunks: readonly { readonly chunk: Uint8Array }[], callback: Callback): void {
    const pieces = joined(chunks.map(({ chunk }) => chunk).filter((chunk) => chunk.length > 0))
    const last = pieces.pop()
    if (last === undefined) {
      process.nextTick(callback)
      return
    }
    // In order, so the last one to leave, or to be dropped, speaks for all.
    for (const piece of pieces) this.#channel.send(this.#stream, piece, () => {}, true)
    this.#channel.send(this.#stream, last, callback, true)
  }

  /** For `_final`: the stream ends, after what was written; nothing else does. */
  end(): void {
    this.#channel.sendEof(this.#stream)
  }
}

/** In pieces behind room for a frame's header. */
function joined(chunks: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let group: Uint8Array[] = []
  let bytes = 0
  const flush = () => {
    if (group.length > 0) pieces.push(behindHeadroom(group, bytes))
    group = []
    bytes = 0
  }
  for (const chunk of chunks) {
    if (bytes + chunk.length > JOIN_BYTES) flush()
    group.push(chunk)
    bytes += chunk.length
  }
  flush()
  return pieces
}

function behindHeadroom(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const piece = Buffer.allocUnsafeSlow(HEADER_BYTES + bytes).subarray(HEADER_BYTES)
  let offset = 0
  for (const chunk of chunks) {
    piece.set(chunk, offset)
    offset += chunk.length
  }
  return piece
}
