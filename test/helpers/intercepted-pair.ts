/**
 * Two in-memory transports with somebody between them who sees every frame whole and decides what becomes of it: below the
 * integrity checks, where a damaged cable or a broken proxy would be.
 */
import type { Duplex } from 'node:stream'
import { memoryPair } from '../../src/transport/memory-pair.js'
import type { Transport } from '../../src/transport/transport.js'
import { TYPES, type TypeName } from './frames.js'

export type Direction = 'up' | 'down'

export interface SeenFrame {
  /** `up` is from the dialer, `down` is to it. */
  readonly direction: Direction
  /** Counts the frames of its direction from 0. */
  readonly index: number
  readonly name: TypeName
  readonly channel: number
  readonly bytes: Buffer
}

/** What goes on to the other side; nothing at all if it is empty. */
type Meddle = (frame: SeenFrame) => Uint8Array

export interface InterceptedPair {
  readonly transports: readonly [dialer: Transport, listener: Transport]
  /** Frames that were handed on, in order. */
  readonly passed: SeenFrame[]
  /** Ends both byte streams: `end` as a proxy that shuts down, `reset` as one that is killed. */
  cut(how: 'end' | 'reset'): void
}

const HEADER_BYTES = 16

export interface InterceptOptions {
  readonly meddle?: Meddle
  /** Called after a frame was handed on. */
  readonly onPassed?: (frame: SeenFrame, pair: InterceptedPair) => void
  /** Bytes per write; default: a frame at once. */
  readonly chunkBytes?: number
}

export function interceptedPair(options: InterceptOptions = {}): InterceptedPair {
  const { meddle = ({ bytes }) => bytes, onPassed = () => {}, chunkBytes } = options
  const [dialer, upper] = memoryPair()
  const [lower, listener] = memoryPair()
  let isCut = false
  const pair: InterceptedPair = {
    transports: [dialer, listener],
    passed: [],
    cut: (how) => {
      isCut = true
      for (const { stream } of [upper, lower])
        stream.destroy(how === 'reset' ? new Error('reset') : undefined)
    },
  }
  const carry = (from: Duplex, to: Duplex, direction: Direction) => {
    let pending = Buffer.alloc(0)
    let index = 0
    from.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk])
      while (!isCut && pending.length >= HEADER_BYTES) {
        const length = HEADER_BYTES + pending.readUInt32BE(6)
        if (pending.length < length) break
        const bytes = pending.subarray(0, length)
        pending = pending.subarray(length)
        const frame: SeenFrame = { direction, index, ...describe(bytes), bytes }
        index += 1
        for (const part of chunked(meddle(frame), chunkBytes)) to.write(part)
        if (to.writableNeedDrain) pauseUntilDrained(from, to)
        pair.passed.push(frame)
        onPassed(frame, pair)
      }
    })
    from.on('end', () => to.end())
    from.on('close', () => to.destroy())
  }
  carry(upper.stream, lower.stream, 'up')
  carry(lower.stream, upper.stream, 'down')
  return pair
}

function describe(bytes: Buffer): { name: TypeName; channel: number } {
  const type = bytes.readUInt8(0)
  const entry = Object.entries(TYPES).find(([, value]) => value === type)
  if (entry === undefined) throw new Error(`an end under test sent the unknown frame type ${type}`)
  return { name: entry[0] as TypeName, channel: bytes.readUInt32BE(2) }
}

function* chunked(bytes: Uint8Array, size = bytes.length): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

function pauseUntilDrained(from: Duplex, to: Duplex): void {
  if (from.isPaused()) return
  from.pause()
  to.once('drain', () => from.resume())
}
