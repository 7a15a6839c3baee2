/** The frame header and the encoders of every frame (docs/protocol.md, section 2). */
import { FakeSshError } from '../errors.js'
import {
  CONTROL_PAYLOAD_BYTES,
  type Crc32,
  FRAME,
  type FrameName,
  HEADER_BYTES,
  PREAUTH_PAYLOAD_BYTES,
  STREAM_MASK,
} from './constants.js'

/** A decoded header. */
export interface FrameHeader {
  readonly name: FrameName
  readonly stream: number
  readonly channel: number
  readonly length: number
  readonly payloadCheck: number
}

const encoder = new TextEncoder()
const NOTHING = new Uint8Array(0)

/** Writes a header at `offset` of `target`. */
function writeHeader(target: Uint8Array, offset: number, crc32: Crc32, header: FrameHeader): void {
  const view = new DataView(target.buffer, target.byteOffset + offset, HEADER_BYTES)
  view.setUint8(0, FRAME[header.name])
  view.setUint8(1, header.stream & STREAM_MASK)
  view.setUint32(2, header.channel)
  view.setUint32(6, header.length)
  view.setUint32(10, header.payloadCheck)
  view.setUint16(14, crc32(target.subarray(offset, offset + HEADER_BYTES - 2)) & 0xffff)
}

/** A whole frame other than DATA, in one buffer. */
export function encodeFrame(
  crc32: Crc32,
  name: Exclude<FrameName, 'DATA'>,
  channel: number,
  payload: Uint8Array = NOTHING,
  stream = 0,
): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + payload.length)
  frame.set(payload, HEADER_BYTES)
  const payloadCheck = payload.length === 0 ? 0 : crc32(payload)
  writeHeader(frame, 0, crc32, { name, stream, channel, length: payload.length, payloadCheck })
  return frame
}

/** A control frame carrying JSON. Throws FakeSshError ERR_FAKESSH_LIMIT for one that no peer would take. */
export function encodeJsonFrame(
  crc32: Crc32,
  name: Exclude<FrameName, 'DATA'>,
  channel: number,
  message: object,
): Uint8Array {
  const payload = encoder.encode(JSON.stringify(message))
  const limit = name === 'HELLO' || name === 'AUTH' ? PREAUTH_PAYLOAD_BYTES : CONTROL_PAYLOAD_BYTES
  if (payload.length > limit) {
    const problem = `a ${name} frame has at most ${limit} payload bytes, this one would have ${payload.length}`
    throw new FakeSshError('ERR_FAKESSH_LIMIT', problem)
  }
  return encodeFrame(crc32, name, channel, payload)
}

/**
 * The header of a DATA frame; the bytes follow it as they are, so that they need not be copied. `payloadCheck` is the CRC-32 of the
 * stream up to their end where `stream-crc32` is in use, else 0.
 */
export function encodeDataHeader(crc32: Crc32, header: Omit<FrameHeader, 'name'>): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES)
  writeHeader(bytes, 0, crc32, { name: 'DATA', ...header })
  return bytes
}

/** A DATA frame in one buffer: the header goes before the payload, where its buffer has room for it. */
export function encodeDataInPlace(
  crc32: Crc32,
  header: Omit<FrameHeader, 'name'>,
  payload: Uint8Array,
): Uint8Array {
  const start = payload.byteOffset - HEADER_BYTES
  const frame = new Uint8Array(payload.buffer, start, HEADER_BYTES + payload.length)
  writeHeader(frame, 0, crc32, { name: 'DATA', ...header })
  return frame
}

/** WINDOW: how much was consumed and up to which offset the peer may send. */
export function encodeWindow(
  crc32: Crc32,
  channel: number,
  stream: number,
  consumed: number,
  limit: number,
): Uint8Array {
  const payload = new Uint8Array(16)
  const view = new DataView(payload.buffer)
  view.setBigUint64(0, BigInt(consumed))
  view.setBigUint64(8, BigInt(limit))
  return encodeFrame(crc32, 'WINDOW', channel, payload, stream)
}

/** EOF: how many bytes the stream had, and their CRC-32 where `stream-crc32` is in use. */
export function encodeEof(
  crc32: Crc32,
  channel: number,
  stream: number,
  bytes: number,
  crc: number,
): Uint8Array {
  const payload = new Uint8Array(12)
  const view = new DataView(payload.buffer)
  view.setBigUint64(0, BigInt(bytes))
  view.setUint32(8, crc)
  return encodeFrame(crc32, 'EOF', channel, payload, stream)
}
