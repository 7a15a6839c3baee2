/**
 * Bytes that arrived and wait, in order, at the cost of about as much memory as they are long. A piece is a view that keeps the whole
 * chunk it came in, and an object of its own, so a peer that sends its window byte by byte would make us keep far more than the window.
 */

/** Pieces below this many bytes that have to wait are copied. */
export const SMALL_BYTES = 4_096

/** What they are copied into, in bytes. */
const JOINED_BYTES = 16_384

export class PieceQueue {
  #pieces: Uint8Array[] = []
  #bytes = 0
  /** The buffer at the end of the queue that small pieces are still copied into. */
  #joint: Uint8Array | undefined
  #jointBytes = 0

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** Large pieces are kept as they are and must not change; small ones are copied. */
  push(piece: Uint8Array): void {
    this.#bytes += piece.length
    if (piece.length >= SMALL_BYTES) {
      this.#joint = undefined
      this.#pieces.push(piece)
      return
    }
    if (this.#joint === undefined || this.#jointBytes + piece.length > JOINED_BYTES) {
      this.#joint = new Uint8Array(JOINED_BYTES)
      this.#jointBytes = 0
      this.#pieces.push(this.#joint)
    }
    this.#joint.set(piece, this.#jointBytes)
    this.#jointBytes += piece.length
    this.#pieces[this.#pieces.length - 1] = this.#joint.subarray(0, this.#jointBytes)
  }

  /** Gives the oldest piece away; undefined when nothing waits. */
  shift(): Uint8Array | undefined {
    const piece = this.#pieces.shift()
    // What was given away is not to be written to.
    if (this.#pieces.length === 0) this.#joint = undefined
    this.#bytes -= piece?.length ?? 0
    return piece
  }

  /** Gives away all that waits. */
  takeAll(): Uint8Array[] {
    const pieces = this.#pieces
    this.clear()
    return pieces
  }

  clear(): void {
    this.#pieces = []
    this.#joint = undefined
    this.#bytes = 0
  }
}
