/** The sending pump, for the server of a `get` and the client of an `upload`: a file onto stream 0, then the proof. */
import type { Channel } from '../connection/channel-handler.js'
import type { FakeSshError } from '../errors.js'
import type { ChecksumAlgorithm } from '../options.js'
import { HEADER_BYTES } from '../protocol/constants.js'
import { Digest } from './digest.js'
import type { SourceFile } from './file-system.js'
import { cancelledByPeer, type Proof } from './proof.js'

/** Bytes read at once: one large frame. */
const PIECE_BYTES = 262_144

/** Pieces in memory: while some wait for the transport, the next is read. */
const PIECES = 3

/** The first bytes of a file. */
export interface Prefix {
  readonly bytes: number
  /** Of these bytes; what follows is added to it. */
  readonly digest: Digest
}

interface Slot {
  /** Behind room for a frame's header. */
  buffer: Uint8Array | undefined
  /** Settles when the transport is done with the buffer. */
  taken: Promise<void>
}

export interface SendSourceOptions {
  readonly algorithm: ChecksumAlgorithm
  /** What the peer holds already and was read from the source before. Default: nothing. */
  readonly had?: Prefix | undefined
  /** So many more bytes were handed to the transport. */
  readonly onSent: (bytes: number) => void
  /** EOF and COMMIT have been queued. */
  readonly onClaimed?: (() => void) | undefined
}

/**
 * Sends the file, or the rest of it, to its end, then, if it did not change meanwhile, EOF and COMMIT. Settles when the transport has taken the last
 * byte; rejects with what the file or the channel gave, having sent neither EOF nor COMMIT. An ended channel ends it.
 */
export async function sendSource(
  source: SourceFile,
  channel: Channel,
  { algorithm, had, onSent, onClaimed }: SendSourceOptions,
): Promise<Proof> {
  const digest = had?.digest ?? new Digest(algorithm)
  const { size } = source.facts
  // A small file gets a small buffer, with a byte to spare that shows its end in the same read.
  const pieceBytes = size > 0 && size < PIECE_BYTES ? size + 1 : PIECE_BYTES
  const slots = Array.from({ length: PIECES }, (): Slot => ({ buffer: undefined, taken: Promise.resolve() }))
  const readInto = (slot: Slot) => {
    slot.buffer ??= Buffer.allocUnsafeSlow(HEADER_BYTES + pieceBytes).subarray(HEADER_BYTES)
    return source.read(slot.buffer)
  }
  let total = had?.bytes ?? 0
  let slot = slots[0] as Slot
  let reading = readInto(slot)
  for (let turn = 1; ; turn++) {
    const bytes = await reading
    if (bytes === 0) break
    // Nobody wants the rest.
    if (channel.isClosed) throw cancelledByPeer()
    const piece = (slot.buffer as Uint8Array).subarray(0, bytes)
    total += bytes
    slot.taken = send(channel, piece, onSent)
    slot = slots[turn % PIECES] as Slot
    await slot.taken
    reading = readInto(slot)
    // While the disk reads the next piece and the transport has this one.
    digest.update(piece)
  }
  await source.verifyUnchanged()
  const proof: Proof = { bytes: total, algorithm, digest: digest.hex() }
  channel.sendEof(0)
  channel.sendCommit(proof)
  onClaimed?.()
  await Promise.all(slots.map(({ taken }) => taken))
  return proof
}

function send(channel: Channel, piece: Uint8Array, onSent: (bytes: number) => void): Promise<void> {
  const taken = new Promise<void>((resolve, reject) => {
    const done = (error?: FakeSshError) => {
      if (error) return reject(error)
      onSent(piece.length)
      resolve()
    }
    channel.send(0, piece, done, true)
  })
  // Looked at in a later turn; until then it is not forgotten.
  taken.catch(() => undefined)
  return taken
}
