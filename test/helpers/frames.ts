/**
 * Wire frames spelled from docs/protocol.md, sections 2 and 4, without a line of src/: what the encoder under test is compared with,
 * and what a hostile peer sends. Every field can be overridden to make it wrong.
 */
import { concat } from './hex.js'
import { naiveCrc32 } from './naive-crc32.js'

/** Section 4, copied by hand. */
export const TYPES = {
  HELLO: 0x01,
  AUTH: 0x02,
  GOODBYE: 0x03,
  PING: 0x04,
  PONG: 0x05,
  OPEN: 0x10,
  OPEN_OK: 0x11,
  OPEN_FAIL: 0x12,
  REQUEST: 0x13,
  REPLY: 0x14,
  EXIT: 0x15,
  COMMIT: 0x16,
  DATA: 0x20,
  WINDOW: 0x21,
  EOF: 0x22,
  CLOSE: 0x23,
} as const

export type TypeName = keyof typeof TYPES
export const TYPE_NAMES = Object.keys(TYPES) as TypeName[]

/** A header field that is to be wrong. */
export interface Overrides {
  readonly type?: number | undefined
  readonly flags?: number | undefined
  readonly length?: number | undefined
  readonly payloadCheck?: number | undefined
  readonly headerCheck?: number | undefined
}

/** A header with its name for each field, in wire order. */
export interface SpelledFrame {
  readonly type: Uint8Array
  readonly flags: Uint8Array
  readonly channel: Uint8Array
  readonly length: Uint8Array
  readonly payloadCheck: Uint8Array
  readonly headerCheck: Uint8Array
  readonly payload: Uint8Array
}

function bigEndian(value: number | bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let rest = BigInt(value)
  for (let i = size - 1; i >= 0; i -= 1) {
    bytes[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

/** The fields of a frame; `flags` is the stream number. */
export function spell(
  name: TypeName,
  channel: number,
  payload: Uint8Array,
  stream = 0,
  wrong: Overrides = {},
): SpelledFrame {
  const check = name === 'DATA' ? 0 : naiveCrc32(payload)
  const type = bigEndian(wrong.type ?? TYPES[name], 1)
  const flags = bigEndian(wrong.flags ?? stream, 1)
  const number = bigEndian(channel, 4)
  const length = bigEndian(wrong.length ?? payload.length, 4)
  const payloadCheck = bigEndian(wrong.payloadCheck ?? check, 4)
  const before = concat(type, flags, number, length, payloadCheck)
  const headerCheck = bigEndian(wrong.headerCheck ?? naiveCrc32(before) & 0xffff, 2)
  return { type, flags, channel: number, length, payloadCheck, headerCheck, payload }
}

export function assemble(fields: SpelledFrame): Uint8Array {
  const { type, flags, channel, length, payloadCheck, headerCheck, payload } = fields
  return concat(type, flags, channel, length, payloadCheck, headerCheck, payload)
}

export function rawFrame(
  name: TypeName,
  channel: number,
  payload: Uint8Array,
  stream = 0,
  wrong: Overrides = {},
): Uint8Array {
  return assemble(spell(name, channel, payload, stream, wrong))
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const json = (name: TypeName, channel: number, message: unknown) =>
  rawFrame(name, channel, utf8(JSON.stringify(message)))

/** A HELLO that every peer accepts. */
export const helloMessage = (role: 'client' | 'server', more: object = {}) => ({
  protocol: 'fakessh',
  version: 1,
  minVersion: 1,
  role,
  agent: 'naive/1',
  features: ['stream-crc32'],
  limits: { maxFrameBytes: 262_144, maxChannels: 200 },
  ...more,
})

/** One function a frame type. */
export const frames = {
  json,
  hello: (role: 'client' | 'server', more: object = {}) => json('HELLO', 0, helloMessage(role, more)),
  auth: (message: object = { method: 'token', user: 'test', token: 'x' }) => json('AUTH', 0, message),
  authOk: (user = 'test') => json('AUTH', 0, { status: 'success', user }),
  goodbye: (code: string, message = 'bye') => json('GOODBYE', 0, { code, message }),
  ping: (payload: Uint8Array = new Uint8Array(8)) => rawFrame('PING', 0, payload),
  pong: (payload: Uint8Array = new Uint8Array(8)) => rawFrame('PONG', 0, payload),
  open: (channel: number, windows: readonly number[] = [], kind = 'test', params: object = {}) =>
    json('OPEN', channel, { kind, params, windows }),
  openOk: (channel: number, windows: readonly number[] = [], info: object = {}) =>
    json('OPEN_OK', channel, { info, windows }),
  openFail: (channel: number, code = 'ENOENT', message = 'no') =>
    json('OPEN_FAIL', channel, { code, message }),
  request: (channel: number, id: number, type = 'signal', params: object = {}) =>
    json('REQUEST', channel, { id, type, params }),
  replyOk: (channel: number, id: number, info: object = {}) => json('REPLY', channel, { id, ok: true, info }),
  replyFail: (channel: number, id: number, code = 'EPERM', message = 'no') =>
    json('REPLY', channel, { id, ok: false, code, message }),
  exit: (channel: number, exitCode: number | null = 0, signal: string | null = null) =>
    json('EXIT', channel, { exitCode, signal, stdioLeaked: false, stdinBytes: 0 }),
  commit: (channel: number, bytes = 0, digest = 'ab'.repeat(16)) =>
    json('COMMIT', channel, { bytes, algorithm: 'md5', digest }),
  /** As over TLS: without a check. */
  uncheckedData: (channel: number, bytes: Uint8Array, stream = 0) => rawFrame('DATA', channel, bytes, stream),
  /** With `stream-crc32`: `before` is what the stream has carried until now. */
  data: (channel: number, bytes: Uint8Array, stream = 0, before: Uint8Array = new Uint8Array(0)) =>
    rawFrame('DATA', channel, bytes, stream, { payloadCheck: naiveCrc32(bytes, naiveCrc32(before)) }),
  window: (channel: number, consumed: number | bigint, limit: number | bigint, stream = 0) =>
    rawFrame('WINDOW', channel, concat(bigEndian(consumed, 8), bigEndian(limit, 8)), stream),
  eof: (channel: number, bytes: number | bigint, crc: number, stream = 0) =>
    rawFrame('EOF', channel, concat(bigEndian(bytes, 8), bigEndian(crc, 4)), stream),
  close: (channel: number) => rawFrame('CLOSE', channel, new Uint8Array(0)),
}
