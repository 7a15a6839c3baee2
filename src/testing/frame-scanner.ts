/** Follows a byte stream from frame to frame, in whatever pieces it comes. Pure. */
import type { FrameFormat } from './frame-format.js'

export class FrameScanner {
  readonly #format: FrameFormat
  readonly #header: Buffer
  #headerFill = 0
  /** Bytes of the frame that are still to come, once its header is known. */
  #left = 0
  #frames = 0
  #isLost = false

  constructor(format: FrameFormat) {
    this.#format = format
    this.#header = Buffer.alloc(format.headerBytes)
  }

  /** Whole frames so far. */
  get frames(): number {
    return this.#frames
  }

  /** True before the first byte of a frame. */
  get isAtStart(): boolean {
    return this.#headerFill === 0 && !this.#isLost
  }

  /** True while it is not known how long the frame is. */
  get isInHeader(): boolean {
    return this.#headerFill < this.#format.headerBytes && !this.#isLost
  }

  /**
   * Takes the bytes up to the next thing to know: the end of a header, the end of a frame, or of the bytes. Returns how many that are,
   * and the length of the frame when its header has just become whole.
   */
  step(bytes: Buffer): { readonly taken: number; readonly frameBytes?: number } {
    if (this.#isLost) return { taken: bytes.length }
    const { headerBytes } = this.#format
    if (this.#headerFill < headerBytes) {
      const taken = bytes.copy(this.#header, this.#headerFill, 0, headerBytes - this.#headerFill)
      this.#headerFill += taken
      if (this.#headerFill < headerBytes) return { taken }
      const frameBytes = this.#format.lengthOf(this.#header)
      if (frameBytes === undefined) {
        this.#isLost = true
        return { taken }
      }
      this.#left = frameBytes - headerBytes
      this.#endIfWhole()
      return { taken, frameBytes }
    }
    const taken = Math.min(this.#left, bytes.length)
    this.#left -= taken
    this.#endIfWhole()
    return { taken }
  }

  #endIfWhole(): void {
    if (this.#left > 0) return
    this.#headerFill = 0
    this.#frames += 1
  }
}
