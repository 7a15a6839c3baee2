// The vectors hold the common case; here are the edges.
import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import {
  encodeDataHeader,
  encodeDataInPlace,
  encodeEof,
  encodeFrame,
  encodeJsonFrame,
  encodeWindow,
} from '../../../src/protocol/frame.js'
import { frames, rawFrame, utf8 } from '../../helpers/frames.js'
import { concat, toHex } from '../../helpers/hex.js'

test('a frame without a payload has a payload check of zero', () => {
  expect(encodeFrame(crc32, 'CLOSE', 7)).toEqual(frames.close(7))
})

test('an empty payload costs no CRC', () => {
  let calls = 0
  const counting = (data: Uint8Array, value?: number) => {
    calls += 1
    return crc32(data, value)
  }
  encodeFrame(counting, 'CLOSE', 1)
  expect(calls).toBe(1)
})

test('the stream number goes into the flags, and never beyond its three bits', () => {
  expect(encodeDataHeader(crc32, { channel: 1, stream: 7, length: 1, payloadCheck: 0 })[1]).toBe(7)
  expect(encodeDataHeader(crc32, { channel: 1, stream: 8, length: 1, payloadCheck: 0 })[1]).toBe(0)
})

test('the header of DATA is that of the frame, without its bytes', () => {
  const payload = utf8('héllo')
  const fields = { channel: 0xffff_ffff, stream: 3, length: payload.length, payloadCheck: 0xfedc_ba98 }
  const header = encodeDataHeader(crc32, fields)
  const frame = rawFrame('DATA', 0xffff_ffff, payload, 3, { payloadCheck: 0xfedc_ba98 })
  expect(toHex(header)).toBe(toHex(frame).slice(0, 32))
  const roomy = concat(new Uint8Array(20), payload)
  expect(toHex(encodeDataInPlace(crc32, fields, roomy.subarray(20)))).toBe(toHex(frame))
  expect(toHex(roomy)).toBe(`00000000${toHex(frame)}`)
})

test('text is UTF-8 and its length is counted in bytes', () => {
  const message = { text: '你好 😀' }
  expect(encodeJsonFrame(crc32, 'OPEN', 1, message)).toEqual(frames.json('OPEN', 1, message))
})

test.each([0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1])('the offset %i in WINDOW and EOF', (offset) => {
  expect(encodeWindow(crc32, 1, 0, offset, offset)).toEqual(frames.window(1, offset, offset))
  expect(encodeEof(crc32, 1, 2, offset, 0xffff_ffff)).toEqual(frames.eof(1, offset, 0xffff_ffff, 2))
})

test('a frame owns its buffer: its payload may be reused', () => {
  const payload = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])
  const frame = encodeFrame(crc32, 'PONG', 0, payload)
  payload.fill(0)
  expect(frame).toEqual(frames.pong(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])))
})
