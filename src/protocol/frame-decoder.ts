/**
 * Bytes in, frames out, whatever the chunking. Every check that a header allows is made before anything is kept, and at most one payload
 * is: DATA is passed on piece by piece, unless its bytes have to be proved first.
 */
import { ProtocolError } from '../errors.js'
import {
  CONTROL_PAYLOAD_BYTES,
  type Crc32,
  FIXED_PAYLOAD_BYTES,
  FRAME_NAMES,
  HEADER_BYTES,
  PREAUTH_PAYLOAD_BYTES,
  STREAM_MASK,
} from './constants.js'
import type { FrameHeader } from './frame.js'

/** What the decoder hands on. Pieces of DATA and payloads are valid during the call only. */
export interface FrameSink {
  /** A header has been checked; nothing of the payload has been looked at. Throws to refuse the frame. */
  onHeader(header: FrameHeader): void
  /** The next piece of the DATA frame whose header came last; all of it where DATA is held. */
  onData(header: FrameHeader, piece: Uint8Array): void
  /** A whole frame other than DATA. */
  onFrame(header: FrameHeader, payload: Uint8Array): void
}

export class FrameDecoder {
  readonly #crc32: Crc32
  readonly #maxDataBytes: number
  /** Before authentication every payload is small. */
  #isAuthenticated = false
  #isHoldingData = false
  readonly #partialHeader = new Uint8Array(HEADER_BYTES)
  #headerFilled = 0
  #header: FrameHeader | undefined
  #payload: Uint8Array | undefined
  #payloadFilled = 0

  /** @param maxDataBytes - the `maxFrameBytes` that our HELLO announces */
  constructor(crc32: Crc32, maxDataBytes: number) {
    this.#crc32 = crc32
    this.#maxDataBytes = maxDataBytes
  }

  /** Lifts the small limits that hold before authentication. */
  allowLargeFrames(): void {
    this.#isAuthenticated = true
  }

  /** DATA carries checks from now on, so it is passed on once it is whole. */
  holdData(): void {
    this.#isHoldingData = true
  }

  /** Decodes one chunk. Throws ProtocolError; the decoder is then of no further use. */
  push(chunk: Uint8Array, sink: FrameSink): void {
    let offset = 0
    while (offset < chunk.length) {
      offset =
        this.#header === undefined
          ? this.#takeHeader(chunk, offset, sink)
          : this.#takePayload(chunk, offset, sink)
    }
  }

  #takeHeader(chunk: Uint8Array, offset: number, sink: FrameSink): number {
    let bytes: Uint8Array
    const wanted = Math.min(HEADER_BYTES - this.#headerFilled, chunk.length - offset)
    if (wanted === HEADER_BYTES) {
      bytes = chunk.subarray(offset, offset + HEADER_BYTES)
    } else {
      this.#partialHeader.set(chunk.subarray(offset, offset + wanted), this.#headerFilled)
      this.#headerFilled += wanted
      if (this.#headerFilled < HEADER_BYTES) return offset + wanted
      bytes = this.#partialHeader
    }
    this.#headerFilled = 0
    const header = this.#parse(bytes)
    sink.onHeader(header)
    if (header.length === 0) this.#finish(header, new Uint8Array(0), sink)
    else this.#header = header
    return offset + wanted
  }

  #takePayload(chunk: Uint8Array, offset: number, sink: FrameSink): number {
    const header = this.#header as FrameHeader
    const wanted = Math.min(header.length - this.#payloadFilled, chunk.length - offset)
    const piece = chunk.subarray(offset, offset + wanted)
    const isComplete = this.#payloadFilled + wanted === header.length
    if (header.name === 'DATA' && !this.#isHoldingData) {
      this.#payloadFilled += wanted
      if (isComplete) this.#reset()
      sink.onData(header, piece)
    } else if (isComplete && this.#payload === undefined) {
      this.#finish(header, piece, sink)
    } else {
      this.#payload ??= new Uint8Array(header.length)
      this.#payload.set(piece, this.#payloadFilled)
      this.#payloadFilled += wanted
      if (isComplete) this.#finish(header, this.#payload, sink)
    }
    return offset + wanted
  }

  #finish(header: FrameHeader, payload: Uint8Array, sink: FrameSink): void {
    this.#reset()
    if (header.name === 'DATA') {
      sink.onData(header, payload)
      return
    }
    const check = payload.length === 0 ? 0 : this.#crc32(payload)
    if (check !== header.payloadCheck) throw new ProtocolError(`damaged payload in a ${header.name} frame`)
    sink.onFrame(header, payload)
  }

  #reset(): void {
    this.#header = undefined
    this.#payload = undefined
    this.#payloadFilled = 0
  }

  #parse(bytes: Uint8Array): FrameHeader {
    const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES)
    if ((this.#crc32(bytes.subarray(0, HEADER_BYTES - 2)) & 0xffff) !== view.getUint16(14)) {
      throw new ProtocolError('damaged frame header, or the peer does not speak the fake-ssh protocol')
    }
    const type = view.getUint8(0)
    const flags = view.getUint8(1)
    const channel = view.getUint32(2)
    const length = view.getUint32(6)
    const payloadCheck = view.getUint32(10)
    const name = FRAME_NAMES.get(type)
    if (name === undefined)
      throw new ProtocolError(`unknown frame type 0x${type.toString(16).padStart(2, '0')}`)
    const stream = flags & STREAM_MASK
    const carriesStream = name === 'DATA' || name === 'WINDOW' || name === 'EOF'
    if (flags !== stream || (stream !== 0 && !carriesStream)) {
      throw new ProtocolError(`unexpected flags 0x${flags.toString(16)} in a ${name} frame`)
    }
    const fixed = FIXED_PAYLOAD_BYTES.get(name)
    if (fixed !== undefined && length !== fixed) {
      throw new ProtocolError(`a ${name} frame has ${fixed} payload bytes, got ${length}`)
    }
    const limit = this.#limitOf(name)
    if (length > limit)
      throw new ProtocolError(`a ${name} frame has at most ${limit} payload bytes, got ${length}`)
    if (name === 'DATA' && length === 0)
      throw new ProtocolError('a DATA frame has at least 1 payload byte, got 0')
    return { name, stream, channel, length, payloadCheck }
  }

  #limitOf(name: string): number {
    if (!this.#isAuthenticated) return PREAUTH_PAYLOAD_BYTES
    return name === 'DATA' ? this.#maxDataBytes : CONTROL_PAYLOAD_BYTES
  }
}
