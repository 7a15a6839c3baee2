/** A second frame parser: the whole byte stream at once, nothing incremental, written from docs/protocol.md, section 2. */
import { TYPES, type TypeName } from './frames.js'
import { naiveCrc32 } from './naive-crc32.js'

export interface NaiveFrame {
  readonly name: TypeName
  readonly stream: number
  readonly channel: number
  readonly payload: Uint8Array
  readonly check: number
}

/** The whole frames in the bytes, and how many bytes they take up. Throws on the first one that is damaged. */
export function parseFrames(bytes: Uint8Array): { frames: NaiveFrame[]; used: number } {
  const frames: NaiveFrame[] = []
  let used = 0
  while (bytes.length - used >= 16) {
    const header = Buffer.from(bytes.subarray(used, used + 16))
    if ((naiveCrc32(header.subarray(0, 14)) & 0xffff) !== header.readUInt16BE(14)) {
      throw new Error(`damaged header at offset ${used}`)
    }
    const length = header.readUInt32BE(6)
    if (bytes.length - used - 16 < length) break
    const payload = bytes.slice(used + 16, used + 16 + length)
    const type = header.readUInt8(0)
    const entry = Object.entries(TYPES).find(([, value]) => value === type)
    if (entry === undefined) throw new Error(`unknown type ${type} at offset ${used}`)
    const name = entry[0] as TypeName
    const check = header.readUInt32BE(10)
    // That of DATA goes on from frame to frame, or is 0.
    if (name !== 'DATA' && check !== naiveCrc32(payload)) throw new Error(`damaged payload at offset ${used}`)
    frames.push({ name, stream: header.readUInt8(1), channel: header.readUInt32BE(2), payload, check })
    used += 16 + length
  }
  return { frames, used }
}

/** The frames of a byte stream that has nothing but whole ones. */
export function wholeFrames(bytes: Uint8Array): NaiveFrame[] {
  const { frames, used } = parseFrames(bytes)
  if (used !== bytes.length) throw new Error(`${bytes.length - used} bytes after the last whole frame`)
  return frames
}

/** The JSON object of a control frame. */
export function jsonOf(frame: NaiveFrame): Record<string, unknown> {
  return JSON.parse(Buffer.from(frame.payload).toString('utf8')) as Record<string, unknown>
}
