import { expect, test } from 'vitest'
import {
  CONTROL_PAYLOAD_BYTES,
  CONTROL_QUEUE_BYTES,
  DEFAULT_FRAME_BYTES,
  DEFAULT_MAX_CHANNELS,
  FEATURE_STREAM_CRC32,
  FIXED_PAYLOAD_BYTES,
  FRAME,
  FRAME_NAMES,
  GOODBYE_CODES,
  HEADER_BYTES,
  MAX_CHANNEL_ID,
  MAX_FRAME_BYTES,
  MAX_STREAMS,
  MIN_FRAME_BYTES,
  MIN_PROTOCOL_VERSION,
  PREAUTH_FRAMES,
  PREAUTH_PAYLOAD_BYTES,
  PROTOCOL_VERSION,
  STREAM_MASK,
} from '../../../src/protocol/constants.js'
import { TYPES } from '../../helpers/frames.js'
import { quoted, section, tableOf } from '../../helpers/specification.js'

const number = (text: string | undefined) => Number(text?.replaceAll(',', ''))

test('the frame types are those of the specification', () => {
  const rows = tableOf('## 4. Frame types').map(([type, name]) => [name, Number(type)])
  expect(Object.fromEntries(rows)).toEqual(FRAME)
  expect(FRAME).toEqual(TYPES)
  expect(Object.fromEntries([...FRAME_NAMES].map(([type, name]) => [name, type]))).toEqual(FRAME)
})

test('no two frames share a type', () => {
  expect(new Set(Object.values(FRAME)).size).toBe(Object.keys(FRAME).length)
})

test('the fields of the header add up', () => {
  const rows = tableOf('## 2. Frame')
  let offset = 0
  for (const [at, size] of rows) {
    expect(Number(at)).toBe(offset)
    offset += Number(size)
  }
  expect(HEADER_BYTES).toBe(offset)
})

test('frames of a fixed size are those without JSON', () => {
  const fixed = { PING: 8, PONG: 8, WINDOW: 8 + 8, EOF: 8 + 4, CLOSE: 0 }
  expect(Object.fromEntries(FIXED_PAYLOAD_BYTES)).toEqual(fixed)
  const binary = tableOf('## 4. Frame types').filter(([, , , payload]) => payload !== 'JSON')
  expect(binary.map(([, name]) => name).sort()).toEqual([...Object.keys(fixed), 'DATA'].sort())
})

test('the limits are those of the specification', () => {
  const limits = Object.fromEntries(tableOf('### 2.1 Limits').map(([what, value]) => [what, value]))
  expect(number(limits['payload of any frame before authentication'])).toBe(PREAUTH_PAYLOAD_BYTES)
  expect(number(limits['frames before authentication'])).toBe(PREAUTH_FRAMES)
  expect(number(limits['payload of a control frame'])).toBe(CONTROL_PAYLOAD_BYTES)
  const data = limits['payload of DATA']?.match(/[\d,]{4,}/g)?.map(number)
  expect(data).toEqual([MIN_FRAME_BYTES, MAX_FRAME_BYTES, DEFAULT_FRAME_BYTES])
  const channels = limits['channels the peer may hold open at once']?.match(/default (\d+)/)?.[1]
  expect(number(channels)).toBe(DEFAULT_MAX_CHANNELS)
  const unsent = limits['unsent answers (OPEN_FAIL, REPLY) queued for a peer that does not read']
  expect(number(unsent?.split(', then')[0])).toBe(CONTROL_QUEUE_BYTES)
  expect(number(limits['streams per channel and direction'])).toBe(MAX_STREAMS)
  expect(STREAM_MASK).toBe(MAX_STREAMS - 1)
})

test('the codes of GOODBYE are those of the specification', () => {
  const codes = section('### 5.5 GOODBYE').match(/Codes: ([^.]+)\./)?.[1] ?? ''
  expect(quoted(codes)).toEqual([...GOODBYE_CODES])
})

test('version, feature and numbers', () => {
  expect([MIN_PROTOCOL_VERSION, PROTOCOL_VERSION]).toEqual([1, 1])
  expect(section('### 5.1 HELLO')).toContain(`defines \`${FEATURE_STREAM_CRC32}\``)
  expect(MAX_CHANNEL_ID).toBe(2 ** 32 - 1)
})
