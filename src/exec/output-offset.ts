/** Where whoever reads an output is in it, counted from its start, what the server dropped included. */
import type { OutputGap } from './output-gap.js'

export class OutputOffset {
  readonly #from: number
  readonly #gaps: OutputGap[] = []

  /** @param from - offset of the first byte that was asked for */
  constructor(from: number) {
    this.#from = from
  }

  /** A gap comes before what arrives from now on. */
  onGap(gap: OutputGap): void {
    this.#gaps.push(gap)
  }

  /** The offset once so many bytes were given to the reader: behind a gap only where all that comes before it was. */
  after(givenBytes: number): number {
    let offset = this.#from + givenBytes
    for (const gap of this.#gaps) if (gap.offset <= offset) offset += gap.bytes
    return offset
  }
}

/** Of both outputs, from where was asked; default 0. */
export function outputOffsets({ stdout = 0, stderr = 0 } = {}) {
  return { stdout: new OutputOffset(stdout), stderr: new OutputOffset(stderr) }
}
