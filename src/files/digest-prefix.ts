/** Digests of the first bytes of a file, which decide whether a transfer can go on from there. */
import type { Digest } from './digest.js'
import type { StagedFile } from './file-system.js'

/** Bytes read at once. */
const PIECE_BYTES = 262_144

/** Adds so many bytes to the digest, or as many as there are; returns how many. Ends early, and rejects, when the signal is aborted. */
export async function digestBytes(
  read: (into: Uint8Array, position: number) => Promise<number>,
  bytes: number,
  digest: Digest,
  signal?: AbortSignal,
): Promise<number> {
  // Made when they are needed, and no larger: less is left in every later turn.
  const buffers: (Buffer | undefined)[] = [undefined, undefined]
  const bufferOf = (turn: number, size: number): Buffer => {
    const buffer = buffers[turn % 2] ?? Buffer.allocUnsafeSlow(size)
    buffers[turn % 2] = buffer
    return buffer.subarray(0, size)
  }
  const next = async (turn: number, position: number): Promise<number> => {
    const size = Math.min(PIECE_BYTES, bytes - position)
    return size > 0 ? read(bufferOf(turn, size), position) : 0
  }
  let position = 0
  let reading = next(0, position)
  for (let turn = 0; ; turn++) {
    const count = await reading
    signal?.throwIfAborted()
    if (count === 0) return position
    position += count
    // Read while this is being digested; looked at in the next turn, and not forgotten until then.
    reading = next(turn + 1, position)
    reading.catch(() => undefined)
    digest.update(bufferOf(turn, count))
  }
}

/** All that is in a staged file. */
export function digestStaged(staged: StagedFile, digest: Digest, signal?: AbortSignal): Promise<number> {
  return digestBytes((into, position) => staged.read(into, position), staged.bytes, digest, signal)
}
