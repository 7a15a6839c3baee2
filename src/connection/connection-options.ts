/** What a connection can be told, with defaults, and what it tells the client or server above it. */
import { crc32 } from 'node:zlib'
import type { ConnectionError } from '../errors.js'
import { DEFAULT_FRAME_BYTES, DEFAULT_MAX_CHANNELS } from '../protocol/constants.js'
import type { AuthRequest } from '../protocol/messages.js'
import type { IncomingOpen } from './channel-handler.js'

export interface ConnectionOptions {
  readonly role: 'client' | 'server'
  /** Our software, for the peer's logs. */
  readonly agent: string
  /** 32 random hex digits, of a server that keeps what outlives a connection. */
  readonly instance?: string | undefined
  /** Largest DATA payload we take, in bytes. */
  readonly maxFrameBytes?: number
  /** Channels the peer may hold open at once. */
  readonly maxChannels?: number
  /** Milliseconds of silence after which we send PING; two unanswered ones end the connection. */
  readonly keepaliveIntervalMs?: number
  /** Milliseconds from the transport being ready to being authenticated. */
  readonly handshakeTimeoutMs?: number
  /** Refused credentials after which a server ends the connection. */
  readonly maxAuthFailures?: number
}

/** Defaults; what each costs an attacker or a slow peer is in docs/protocol.md. */
export const DEFAULT_CONNECTION_OPTIONS = {
  maxFrameBytes: DEFAULT_FRAME_BYTES,
  maxChannels: DEFAULT_MAX_CHANNELS,
  keepaliveIntervalMs: 15_000,
  handshakeTimeoutMs: 10_000,
  maxAuthFailures: 3,
} as const

export interface ConnectionHooks {
  /** Server: may this credential in? A rejection counts as no and is reported to `onInternalError`. */
  onAuthenticate(request: AuthRequest): Promise<boolean>
  /** The connection is authenticated. */
  onOpened?(): void
  /** The peer opens a channel. Never before authentication. */
  onOpen(open: IncomingOpen): void
  /** The connection is over; everything pending has been told. Without an error: both sides meant it. Called once. */
  onEnded(error: ConnectionError | undefined): void
  /** Something of our own failed; the peer was told no details. */
  onInternalError(error: unknown): void
}

/** What the protocol, which has no imports, is handed. */
export const MEANS = { crc32, now: () => performance.now() }
