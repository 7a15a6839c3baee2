/**
 * The bytes that are moved: random once, then repeated. Not compressible within a block, yet every position can be checked
 * against memory for next to nothing, where a digest would cost as much as the transfer.
 */
import { createCipheriv } from 'node:crypto'
import { open } from 'node:fs/promises'

/** A prime, so that no frame, page or record size divides it: a piece at a wrong offset never matches. */
const PERIOD_BYTES = 4_194_301

const period = makePeriod()

/** The same in every process, as it is derived from nothing but zeros. */
function makePeriod(): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16))
  return cipher.update(Buffer.alloc(PERIOD_BYTES))
}

/** Writes the first `bytes` of the pattern to a new file. */
export async function writePatternFile(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'wx', 0o644)
  try {
    for (let left = bytes; left > 0; left -= PERIOD_BYTES) {
      const piece = left < PERIOD_BYTES ? period.subarray(0, left) : period
      await file.writeFile(piece)
    }
  } finally {
    await file.close()
  }
}

/** Compares what arrives, in pieces of any size, with the pattern. */
export class PatternCheck {
  #bytes = 0

  /** Throws at the first byte that is not the one expected. */
  accept(chunk: Uint8Array): void {
    for (let done = 0; done < chunk.length; ) {
      const from = this.#bytes % PERIOD_BYTES
      const length = Math.min(chunk.length - done, PERIOD_BYTES - from)
      const isEqual = period.compare(chunk, done, done + length, from, from + length) === 0
      if (!isEqual) throw new Error(`wrong bytes after offset ${this.#bytes}`)
      this.#bytes += length
      done += length
    }
  }

  /** Throws unless exactly `bytes` have arrived. */
  finish(bytes: number): void {
    if (this.#bytes !== bytes) throw new Error(`${this.#bytes} bytes arrived instead of ${bytes}`)
  }
}
