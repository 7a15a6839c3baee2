// Golden bytes for every frame type, both ways. To add or change a vector, edit its JSON and run once with UPDATE_VECTORS=1: the
// independent encoder in test/helpers/frames.ts then spells the bytes again. Read the diff; without the variable nothing is ever written.
import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import type { FrameName } from '../../../src/protocol/constants.js'
import { parseObject, validate } from '../../../src/protocol/control-codec.js'
import {
  encodeDataHeader,
  encodeEof,
  encodeFrame,
  encodeJsonFrame,
  encodeWindow,
} from '../../../src/protocol/frame.js'
import { FrameDecoder } from '../../../src/protocol/frame-decoder.js'
import { SCHEMAS } from '../../../src/protocol/messages.js'
import { assemble, TYPE_NAMES } from '../../helpers/frames.js'
import { concat, fromHex, toHex } from '../../helpers/hex.js'
import {
  checkOf,
  payloadOf,
  readVectors,
  spelledOf,
  updateVectors,
  type Vector,
} from '../../helpers/vectors.js'

if (process.env.UPDATE_VECTORS === '1') updateVectors()
const vectors = [...readVectors<Vector>('connection'), ...readVectors<Vector>('channel')]
const wireOf = (vector: Vector) => Object.values(vector.spelled).join('')

/** The frame as src/ encodes it. */
function encode(vector: Vector): Uint8Array {
  const { frame, channel, stream = 0 } = vector
  if (frame === 'DATA') {
    const payload = payloadOf(vector)
    return concat(
      encodeDataHeader(crc32, {
        channel,
        stream,
        length: payload.length,
        payloadCheck: checkOf(vector) ?? 0,
      }),
      payload,
    )
  }
  if (frame === 'WINDOW')
    return encodeWindow(crc32, channel, stream, vector.consumed as number, vector.limit as number)
  if (frame === 'EOF') return encodeEof(crc32, channel, stream, vector.bytes as number, vector.crc as number)
  if (vector.json !== undefined) return encodeJsonFrame(crc32, frame, channel, vector.json as object)
  return encodeFrame(crc32, frame, channel, payloadOf(vector), stream)
}

/** What src/ makes of the bytes. */
function decode(wire: Uint8Array) {
  const seen: { name: FrameName; channel: number; stream: number; payload: Uint8Array }[] = []
  const decoder = new FrameDecoder(crc32, 262_144)
  decoder.allowLargeFrames()
  decoder.holdData()
  decoder.push(wire, {
    onHeader: () => {},
    onData: ({ name, channel, stream }, payload) => seen.push({ name, channel, stream, payload }),
    onFrame: ({ name, channel, stream }, payload) => seen.push({ name, channel, stream, payload }),
  })
  return seen
}

test('every frame type has a vector', () => {
  expect(new Set(vectors.map(({ frame }) => frame))).toEqual(new Set(TYPE_NAMES))
})

test.each(vectors)('$name: the bytes are what the specification spells', (vector) => {
  expect(wireOf(vector)).toBe(toHex(assemble(spelledOf(vector))))
})

test.each(vectors)('$name is encoded to exactly these bytes', (vector) => {
  expect(toHex(encode(vector))).toBe(wireOf(vector))
})

test.each(vectors)('$name is decoded to what was encoded', (vector) => {
  const [frame, ...more] = decode(fromHex(wireOf(vector)))
  expect(more).toEqual([])
  expect(frame).toMatchObject({ name: vector.frame, channel: vector.channel, stream: vector.stream ?? 0 })
  const payload = frame?.payload ?? new Uint8Array()
  expect(toHex(payload)).toBe(vector.spelled.payload)
  if (vector.json === undefined) return
  const object = parseObject(vector.frame, payload)
  expect(object).toEqual(vector.json)
  const schema = (vector.schema ?? 'hello') as keyof typeof SCHEMAS
  expect(validate(vector.frame, schema, object)).toMatchObject(
    schema === 'authRequest' ? { user: (vector.json as { user: string }).user } : (vector.json as object),
  )
})

test('every schema has a vector', () => {
  const used = vectors.filter(({ json }) => json !== undefined).map(({ schema }) => schema ?? 'hello')
  expect(new Set(used)).toEqual(new Set(Object.keys(SCHEMAS)))
})

test('all vectors in one stream are told apart', () => {
  const all = decode(fromHex(vectors.map(wireOf).join('')))
  expect(all.map(({ name }) => name)).toEqual(vectors.map(({ frame }) => frame))
})
