/** Where frames end in a byte stream, for the two kinds of stream there are. */
import { HEADER_BYTES } from '../protocol/constants.js'

/** How a frame begins, and what that says of its length. */
export interface FrameFormat {
  readonly headerBytes: number
  /** Bytes of the whole frame; undefined for what is no frame of this format. */
  lengthOf(header: Buffer): number | undefined
}

/** docs/protocol.md, section 2.1: the most that a receiver may ask for. */
const MAX_PAYLOAD_BYTES = 1_048_576

/** docs/protocol.md, section 2. */
export const FAKE_SSH_FRAMES: FrameFormat = {
  headerBytes: HEADER_BYTES,
  lengthOf: (header) => {
    const length = header.readUInt32BE(6)
    return length <= MAX_PAYLOAD_BYTES ? HEADER_BYTES + length : undefined
  },
}

const RECORD_HEADER_BYTES = 5
/** RFC 8446 section 5.2: 2^14 bytes and at most 256 of expansion. */
const MAX_RECORD_BYTES = 16_640
/** RFC 8446 section 5.1: change_cipher_spec, alert, handshake, application_data. */
const RECORD_TYPES = new Set([20, 21, 22, 23])

/** RFC 8446 section 5: type, legacy version 3.x, length. */
export const TLS_RECORDS: FrameFormat = {
  headerBytes: RECORD_HEADER_BYTES,
  lengthOf: (header) => {
    const length = header.readUInt16BE(3)
    const isRecord = RECORD_TYPES.has(header.readUInt8(0)) && header.readUInt8(1) === 3
    return isRecord && length <= MAX_RECORD_BYTES ? RECORD_HEADER_BYTES + length : undefined
  },
}
