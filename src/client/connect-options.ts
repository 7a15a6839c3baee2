/** What `FakeSshClient.connect()` can be told, with checks. */
import { type ConnectionTarget, parseConnectionString } from '../auth/connection-string.js'
import { invalidArgument } from '../errors.js'
import { MAX_TIMEOUT_MS } from '../options.js'
import { type ReconnectOptions, reconnectPolicy } from './reconnect-options.js'

/** Options of `FakeSshClient.connect()`. @public */
export interface ConnectOptions {
  /** Host name or address. Default `127.0.0.1`. Exclusive with `path`. */
  readonly host?: string | undefined
  /** TCP port. Required unless `path` is given. */
  readonly port?: number | undefined
  /** A unix socket, on which there is no TLS: whoever may open it is trusted. */
  readonly path?: string | undefined
  /** Name of the user, 1 to 256 characters. */
  readonly user: string
  /**
   * At least 32 characters. Without `fingerprint` and `ca` it is used as a TLS pre-shared key: each side proves it, it is
   * never sent, and no certificate is needed or accepted.
   */
  readonly token?: string | undefined
  /** Sent only after the server's certificate was verified. */
  readonly password?: string | undefined
  /** `SHA256:…` of the server's public key, as `server.listen()` returns it. */
  readonly fingerprint?: string | undefined
  /** Certificate authorities to trust, PEM. Default, where a certificate is used at all: those of Node. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined
  /** Name the certificate must be for. Default: `host`. */
  readonly servername?: string | undefined
  /** Milliseconds for everything up to being authenticated. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined
  /** Milliseconds of silence after which a PING is sent; two unanswered ones end the connection. Default 15,000. */
  readonly keepaliveIntervalMs?: number | undefined
  /**
   * Whether a connection that was lost is tried again, and how. Default false. What can go on after that by itself does: path-to-path
   * transfers, `get()` streams and durable execs; everything else that was pending fails at once.
   */
  readonly reconnect?: boolean | ReconnectOptions | undefined
  /** Gives up connecting; rejects with `signal.reason`. Has no effect once connected. */
  readonly signal?: AbortSignal | undefined
}

/** {@link ConnectOptions} of a connection string: everything that is not in the string. @public */
export type ConnectStringOptions = Omit<ConnectOptions, 'host' | 'port' | 'path' | 'user' | 'token'>

export const DEFAULT_CONNECT_TIMEOUT_MS = 10_000
export const DEFAULT_KEEPALIVE_INTERVAL_MS = 15_000

const KNOWN: ReadonlySet<string> = new Set<keyof ConnectOptions>([
  'host',
  'port',
  'path',
  'user',
  'token',
  'password',
  'fingerprint',
  'ca',
  'servername',
  'connectTimeoutMs',
  'keepaliveIntervalMs',
  'reconnect',
  'signal',
])

/** The options of either form of `connect()`. Throws `ERR_FAKESSH_INVALID_ARG`. */
export function connectOptionsFrom(
  target: string | ConnectOptions,
  more: ConnectStringOptions | undefined,
): ConnectOptions {
  const options =
    typeof target === 'string' ? { ...more, ...optionsOf(parseConnectionString(target)) } : target
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument('connect', 'an options object or a fakessh:// string', options)
  }
  const unknown = Object.keys(options).find((key) => !KNOWN.has(key))
  if (unknown !== undefined)
    throw invalidArgument('connect', `options out of ${[...KNOWN].join(', ')}`, unknown)
  if (typeof options.user !== 'string' || options.user === '')
    throw invalidArgument('connect user', 'a user name', options.user)
  if (options.path !== undefined && (options.host !== undefined || options.port !== undefined)) {
    throw invalidArgument('connect', 'either path, or host and port', 'both')
  }
  checkMs('connectTimeoutMs', options.connectTimeoutMs)
  checkMs('keepaliveIntervalMs', options.keepaliveIntervalMs)
  reconnectPolicy(options.reconnect)
  return options
}

function checkMs(name: string, value: unknown): void {
  if (
    value === undefined ||
    (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_TIMEOUT_MS)
  )
    return
  throw invalidArgument(`connect ${name}`, `an integer from 1 to ${MAX_TIMEOUT_MS}`, value)
}

function optionsOf(target: ConnectionTarget): ConnectOptions {
  if (!('socketPath' in target)) return target
  const { user, token, socketPath } = target
  return { user, token, path: socketPath }
}
