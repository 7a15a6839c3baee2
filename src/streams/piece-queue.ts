/**
 * Bytes that arrived and wait, in order. They are copied, since what arrives is in memory that is used again, and into few larger
 * pieces, since each piece costs whoever takes it a call. So a queue keeps about as much memory as its bytes are long, however a peer
 * cuts them.
 */

/** The first piece is as long as what arrived; those after it are twice what waits already, within these bounds. */
const MIN_PIECE_BYTES = 16_384
const MAX_PIECE_BYTES = 262_144

/** As many as a window of the usual size may be spread over. */
const MAX_SPARES = 8

export class PieceQueue {
  #pieces: Uint8Array[] = []
  #bytes = 0
  /** The piece at the end of the queue that is still being filled, and how far it is. */
  #last: Uint8Array | undefined
  #lastBytes = 0
  /** Of the largest size, given back to be filled again. */
  readonly #spares: Uint8Array[] = []

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** Copies the bytes to the end. */
  push(bytes: Uint8Array): void {
    let offset = 0
    while (offset < bytes.length) {
      const last = this.#last ?? this.#append(bytes.length)
      const count = Math.min(last.length - this.#lastBytes, bytes.length - offset)
      last.set(count === bytes.length ? bytes : bytes.subarray(offset, offset + count), this.#lastBytes)
      offset += count
      this.#bytes += count
      this.#lastBytes += count
      if (this.#lastBytes === last.length) this.#last = undefined
    }
  }

  /** Gives the oldest piece away; undefined when nothing waits. */
  shift(): Uint8Array | undefined {
    const piece = this.#pieces.shift()
    if (piece === undefined) return undefined
    // What was given away is not to be written to.
    const isFilling = this.#pieces.length === 0 && this.#last !== undefined
    const given = isFilling ? piece.subarray(0, this.#lastBytes) : piece
    if (isFilling) this.#last = undefined
    this.#bytes -= given.length
    return given
  }

  /** The taker of a piece is done with it, and nobody else has it: it may be filled again. */
  giveBack(piece: Uint8Array): void {
    const isWorthIt = piece.buffer.byteLength === MAX_PIECE_BYTES && this.#spares.length < MAX_SPARES
    if (isWorthIt) this.#spares.push(Buffer.from(piece.buffer))
  }

  clear(): void {
    this.#pieces = []
    this.#last = undefined
    this.#bytes = 0
  }

  #append(arrived: number): Uint8Array {
    const wanted =
      this.#bytes === 0 ? arrived : Math.max(MIN_PIECE_BYTES, Math.min(2 * this.#bytes, MAX_PIECE_BYTES))
    const spare = wanted >= MIN_PIECE_BYTES ? this.#spares.pop() : undefined
    const piece = spare ?? Buffer.allocUnsafeSlow(Math.min(wanted, MAX_PIECE_BYTES))
    this.#pieces.push(piece)
    this.#last = piece
    this.#lastBytes = 0
    return piece
  }
}
