/**
 * Numbers of the protocol (docs/protocol.md). fake-ssh is not SSH on the wire: names marked there as borrowed
 * come from RFC 4254, the values are ours.
 */

/** Newest and oldest protocol version this code speaks. */
export const PROTOCOL_VERSION = 1
export const MIN_PROTOCOL_VERSION = 1

/** type 1, flags 1, channel 4, length 4, payload check 4, header check 2. */
export const HEADER_BYTES = 16

/** Frame types by name (docs/protocol.md, section 4). */
export const FRAME = {
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

export type FrameName = keyof typeof FRAME

/** Frame names by type, for decoding and for messages. */
export const FRAME_NAMES: ReadonlyMap<number, FrameName> = new Map(
  (Object.keys(FRAME) as FrameName[]).map((name) => [FRAME[name], name]),
)

/** Payload bytes of the frames whose size is fixed; every other frame but DATA carries JSON. */
export const FIXED_PAYLOAD_BYTES: ReadonlyMap<FrameName, number> = new Map([
  ['PING', 8],
  ['PONG', 8],
  ['WINDOW', 16],
  ['EOF', 12],
  ['CLOSE', 0],
])

/** The stream number sits in the low three bits of the flags. */
export const STREAM_MASK = 0x07
export const MAX_STREAMS = 8

/** Largest payload before authentication: an unknown peer must not make us hold more than this. */
export const PREAUTH_PAYLOAD_BYTES = 4_096
/** Most frames before authentication: an honest peer sends HELLO and one AUTH per attempt, and a few PINGs. */
export const PREAUTH_FRAMES = 16
/** Largest JSON payload after authentication: a command line of 128 KiB (Linux' MAX_ARG_STRLEN), escaped, fits. */
export const CONTROL_PAYLOAD_BYTES = 262_144
/** Longest text of our GOODBYE, in UTF-16 units: six bytes each at worst, so that it fits in a frame before authentication. */
export const GOODBYE_CHARACTERS = 600
/** Range of `maxFrameBytes` a peer may announce; above it one DATA frame would hold up small ones for too long. */
export const MIN_FRAME_BYTES = 1_024
export const MAX_FRAME_BYTES = 1_048_576
/** Default `maxFrameBytes`: 0.3 ms of a 1 GB/s link, so a small exec waits at most that long for its turn. */
export const DEFAULT_FRAME_BYTES = 262_144
/** Default number of channels a peer may hold open at once. */
export const DEFAULT_MAX_CHANNELS = 200
/** Bytes of answers queued for a peer that does not read them; past it the peer is either broken or attacking. */
export const CONTROL_QUEUE_BYTES = 1_048_576
/** By how much the receive windows of a connection may grow together: 600 MiB/s at a round trip of 50 ms. */
export const WINDOW_GROWTH_BYTES = 33_554_432
/** Channel ids are 32 bits; odd from the dialer, even from the listener. */
export const MAX_CHANNEL_ID = 0xffff_ffff

/** Both ends of a plain transport offer it: DATA and EOF then carry the CRC-32 of their stream. */
export const FEATURE_STREAM_CRC32 = 'stream-crc32'

/** Reasons a GOODBYE can give. `shutdown` is graceful, every other one ends the connection at once. */
export const GOODBYE_CODES = [
  'shutdown',
  'protocol',
  'version',
  'auth-failed',
  'handshake-timeout',
  'keepalive-timeout',
  'limit',
] as const
export type GoodbyeCode = (typeof GOODBYE_CODES)[number]

/** CRC-32 of ISO 3309 and RFC 1952, as `zlib.crc32` computes it; handed in, so that this layer stays free of I/O and fast. */
export type Crc32 = (data: Uint8Array, value?: number) => number
