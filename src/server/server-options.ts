/** What a server can be told, with defaults and checks. */
import type { Authenticate, UserOptions } from '../auth/users.js'
import { invalidArgument } from '../errors.js'
import type { CommandHandler } from '../exec/command-context.js'
import { MAX_TIMEOUT_MS } from '../options.js'
import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_MAX_CHANNELS,
  MAX_FRAME_BYTES,
  MIN_FRAME_BYTES,
} from '../protocol/constants.js'
import type { AuthorizeHook } from './authorization.js'

/** What a server spends on its clients at most. @public */
export interface ServerLimits {
  /** Connections at once; further ones are closed. Default 256. */
  readonly maxConnections?: number | undefined
  /** Connections at once that are not authenticated yet; further ones are closed. Default 64. */
  readonly maxUnauthenticated?: number | undefined
  /** Operations at once per connection; clients queue what is above. Default 200, 1 to 65,535. */
  readonly maxChannels?: number | undefined
  /** Largest DATA frame taken, in bytes. Default 262,144, 1,024 to 1,048,576. */
  readonly maxFrameBytes?: number | undefined
  /** Milliseconds from TCP accept to TLS, and again from TLS to being authenticated. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined
  /** Refused credentials after which a connection is closed. Default 3. */
  readonly maxAuthFailures?: number | undefined
  /** Milliseconds for which the part of an interrupted upload is kept, so that it can be resumed. Default 86,400,000 (a day). */
  readonly uploadExpiryMs?: number | undefined
  /** Durable execs that each user may have, those that have ended and are not dropped yet included. Default 100, 1 to 500. */
  readonly maxJobs?: number | undefined
  /** Durable execs that all users together may have, counted likewise. Default 1,000, 1 to 1,000,000. */
  readonly maxJobsTotal?: number | undefined
  /**
   * Bytes of each output of a durable exec that are kept in memory. Default 1,048,576, 4,096 to 1,073,741,824. With `jobSpillBytes` it is to be more than the
   * windows of a client (1 MiB, more on a long line): of what is on its way when a connection is lost, no more than this can be sent again.
   */
  readonly jobMemoryBytes?: number | undefined
  /**
   * Bytes of each output of a durable exec that are kept in a file without a name in `os.tmpdir()`, with which memory overlaps by up to a
   * half. Default 67,108,864, at most 1,099,511,627,776; 0 for none.
   */
  readonly jobSpillBytes?: number | undefined
  /**
   * Milliseconds after which a durable exec that has ended, and that nobody is attached to any more, is dropped with its output. Default
   * 3,600,000 (one hour).
   */
  readonly jobExpiryMs?: number | undefined
}

/** Options of {@link FakeSshServer}. @public */
export interface FakeSshServerOptions {
  /** Users by name. With `authenticate`, these are looked at first. */
  readonly users?: { readonly [name: string]: UserOptions } | undefined
  /** Decides about users who are not in `users`. */
  readonly authenticate?: Authenticate | undefined
  /** Asked before every exec, session, job and file operation. Default: what the user's permissions allow, passes. */
  readonly authorize?: AuthorizeHook | undefined
  /** In-process commands by name. Running one needs exec permission like anything else. */
  readonly commands?: { readonly [name: string]: CommandHandler } | undefined
  /**
   * Certificate and private key, PEM. Default: a fresh self-signed one, made when something needs it (passwords, or `authenticate`);
   * with tokens alone none is needed.
   */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer } | undefined
  /** Added to the environment of every command, which otherwise starts from a fixed base, not from the server's own. */
  readonly env?: { readonly [name: string]: string } | undefined
  /** The shell for command lines. Default `/bin/sh`. */
  readonly shell?: string | undefined
  /** Milliseconds of silence after which a PING is sent; two unanswered ones end the connection. Default 15,000. */
  readonly keepaliveIntervalMs?: number | undefined
  /** Defaults are those of {@link ServerLimits}. */
  readonly limits?: ServerLimits | undefined
}

/** Where to listen. @public */
export type ListenOptions =
  | {
      /** TCP port; 0 (default) takes a free one. */
      readonly port?: number | undefined
      /** Address to bind. Default `127.0.0.1`. */
      readonly host?: string | undefined
    }
  /** A unix socket, without TLS; its file has mode 0600. */
  | { readonly path: string }

/** Where a server listens. @public */
export interface ListenResult {
  /** Address, or the socket path. */
  readonly host: string
  /** 0 for a unix socket. */
  readonly port: number
  /** `SHA256:…` of the certificate's public key, where there is a certificate. */
  readonly fingerprint?: string | undefined
}

const DEFAULT_LIMITS = {
  maxConnections: 256,
  maxUnauthenticated: 64,
  maxChannels: DEFAULT_MAX_CHANNELS,
  maxFrameBytes: DEFAULT_FRAME_BYTES,
  handshakeTimeoutMs: 10_000,
  maxAuthFailures: 3,
  uploadExpiryMs: 86_400_000,
  maxJobs: 100,
  maxJobsTotal: 1_000,
  jobMemoryBytes: 1_048_576,
  jobSpillBytes: 67_108_864,
  jobExpiryMs: 3_600_000,
} as const

export type CheckedLimits = { readonly [name in keyof typeof DEFAULT_LIMITS]: number }

const RANGES: { readonly [name in keyof CheckedLimits]: readonly [number, number] } = {
  maxConnections: [1, 1_000_000],
  maxUnauthenticated: [1, 1_000_000],
  maxChannels: [1, 65_535],
  maxFrameBytes: [MIN_FRAME_BYTES, MAX_FRAME_BYTES],
  handshakeTimeoutMs: [1, MAX_TIMEOUT_MS],
  maxAuthFailures: [1, 16],
  uploadExpiryMs: [1, MAX_TIMEOUT_MS],
  // A list of them fits in one frame.
  maxJobs: [1, 500],
  maxJobsTotal: [1, 1_000_000],
  jobMemoryBytes: [4_096, 1_073_741_824],
  jobSpillBytes: [0, 1_099_511_627_776],
  jobExpiryMs: [1, MAX_TIMEOUT_MS],
}

const KNOWN: ReadonlySet<string> = new Set<keyof FakeSshServerOptions>([
  'users',
  'authenticate',
  'authorize',
  'commands',
  'tls',
  'env',
  'shell',
  'keepaliveIntervalMs',
  'limits',
])

/** Throws `ERR_FAKESSH_INVALID_ARG` for an option that does not exist: a mistyped one would silently not protect. */
export function checkServerOptions(options: FakeSshServerOptions): void {
  if (typeof options !== 'object' || options === null)
    throw invalidArgument('FakeSshServer', 'an options object', options)
  const unknown = Object.keys(options).find((key) => !KNOWN.has(key))
  if (unknown !== undefined)
    throw invalidArgument('FakeSshServer', `options out of ${[...KNOWN].join(', ')}`, unknown)
  for (const hook of ['authenticate', 'authorize'] as const) {
    const given: unknown = options[hook]
    if (given !== undefined && typeof given !== 'function')
      throw invalidArgument(`FakeSshServer ${hook}`, 'a function', given)
  }
  const { keepaliveIntervalMs = 1, shell = '/', env = {} } = options
  const isTime = Number.isInteger(keepaliveIntervalMs) && keepaliveIntervalMs >= 1
  if (!isTime || keepaliveIntervalMs > MAX_TIMEOUT_MS)
    throw invalidArgument(
      'FakeSshServer keepaliveIntervalMs',
      `an integer from 1 to ${MAX_TIMEOUT_MS}`,
      keepaliveIntervalMs,
    )
  if (typeof shell !== 'string' || shell === '' || shell.includes('\0'))
    throw invalidArgument('FakeSshServer shell', 'the path of a shell', shell)
  const isText = (value: unknown) => typeof value === 'string' && !value.includes('\0')
  if (typeof env !== 'object' || env === null || !Object.values(env).every(isText))
    throw invalidArgument('FakeSshServer env', 'an object of strings', env)
}

/** Throws `ERR_FAKESSH_INVALID_ARG` for what cannot be listened on; the port and address are checked by the transport. */
export function checkListenOptions(options: ListenOptions): void {
  if (typeof options !== 'object' || options === null)
    throw invalidArgument('listen', 'an options object', options)
  const known = 'path' in options ? ['path'] : ['port', 'host']
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown !== undefined) throw invalidArgument('listen', 'either path, or port and host', unknown)
}

/** The limits with defaults. Throws `ERR_FAKESSH_INVALID_ARG`. */
export function checkLimits(limits: ServerLimits = {}): CheckedLimits {
  for (const [name, value] of Object.entries(limits)) {
    const where = `FakeSshServer limits.${name}`
    const range = Object.hasOwn(RANGES, name) ? RANGES[name as keyof CheckedLimits] : undefined
    if (range === undefined)
      throw invalidArgument(where, `a limit out of ${Object.keys(RANGES).join(', ')}`, name)
    const [min, max] = range
    const isValid =
      value === undefined || (Number.isInteger(value) && (value as number) >= min && (value as number) <= max)
    if (!isValid) throw invalidArgument(where, `an integer from ${min} to ${max}`, value)
  }
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
  return { ...DEFAULT_LIMITS, ...given }
}
