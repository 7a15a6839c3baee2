/**
 * The errors of fake-ssh and their stable codes. Imports nothing.
 *
 * Match on `error.code`, never on `instanceof` (an application can hold the ESM and the CJS copy of this
 * module at once) and never on the message. `FakeSshError.is()` works across copies.
 */

/**
 * Every code fake-ssh makes itself, with what it means. Errors that the remote operating system gave keep
 * their POSIX code (`ENOENT`, `EACCES`, …) instead. `docs/errors.md` has a heading for each.
 *
 * @public
 */
export const ERROR_CODES = {
  ERR_FAKESSH_INVALID_ARG: 'An argument or option is not what the call expects.',
  ERR_FAKESSH_INVALID_PATH: 'A path is empty, holds a NUL, or cannot be written as UTF-8.',
  ERR_FAKESSH_WEAK_TOKEN: 'A token is shorter than 32 characters.',
  ERR_FAKESSH_NO_USERS: 'A server has neither users nor an authenticate callback, so nobody could log in.',
  ERR_FAKESSH_CONNECT_FAILED: 'The connection could not be established.',
  ERR_FAKESSH_SERVER_IDENTITY: 'The server could not prove that it is the one that was asked for.',
  ERR_FAKESSH_AUTH_FAILED: 'The server refused the user or the credential.',
  ERR_FAKESSH_HANDSHAKE_TIMEOUT: 'The peer did not finish the handshake in time.',
  ERR_FAKESSH_VERSION: 'The peers share no protocol version, or hold incompatible roles.',
  ERR_FAKESSH_PROTOCOL: 'The peer sent bytes that the protocol does not allow, or they were damaged.',
  ERR_FAKESSH_CONNECTION_LOST: 'The connection ended before the operation was proved complete.',
  ERR_FAKESSH_KEEPALIVE_TIMEOUT: 'The peer answered nothing within the keepalive bound.',
  ERR_FAKESSH_CLOSED: 'This side closed the connection or the operation.',
  ERR_FAKESSH_SHUTDOWN: 'The peer is closing the connection and takes no new operations.',
  ERR_FAKESSH_NOT_STARTED:
    'The connection ended before the peer could hear of the operation: it is safe to start it again.',
  ERR_FAKESSH_FENCED:
    'A newer attempt took the place of this one: of an attachment to a job, or of an upload.',
  ERR_FAKESSH_NO_JOB: 'The server has no such job of this user: it never had, or has dropped it.',
  ERR_FAKESSH_TIMEOUT: 'The operation ran longer than its timeoutMs.',
  ERR_FAKESSH_CANCELLED: 'The peer cancelled the operation.',
  ERR_FAKESSH_DENIED: 'The user may not do this: by permission, by readOnly, or by the authorize hook.',
  ERR_FAKESSH_OUTSIDE_ROOT: 'The path leads outside the root that is served.',
  ERR_FAKESSH_LIMIT: 'A limit of the peer was reached; the message names it and its value.',
  ERR_FAKESSH_UNSUPPORTED: 'The peer does not know this kind of operation or option.',
  ERR_FAKESSH_EXIT: 'A command collected by run() exited with a non-zero code or by a signal.',
  ERR_FAKESSH_ENV_REFUSED: 'The server refused an environment variable and strictEnv was set.',
  ERR_FAKESSH_SOURCE_CHANGED: 'The file changed while it was being read.',
  ERR_FAKESSH_LENGTH_MISMATCH: 'The number of bytes that arrived is not the number that was sent.',
  ERR_FAKESSH_DIGEST_MISMATCH: 'The digest of what arrived is not the digest of what was sent.',
  ERR_FAKESSH_NOT_A_FILE: 'The path names something that is not a regular file.',
  ERR_FAKESSH_INTERNAL: 'The peer failed in a way that it does not describe; its own log has the cause.',
} as const

/** A code that fake-ssh itself makes. @public */
export type FakeSshErrorCode = keyof typeof ERROR_CODES

/** What an error can tell besides its code and message. @public */
export interface FakeSshErrorDetails {
  /** The operation that failed: `connect`, `exec`, `get`, `put`, … */
  readonly op?: string | undefined
  /** The remote path the operation named, as the caller wrote it. */
  readonly path?: string | undefined
  /** The path on this machine, for path-to-path transfers. */
  readonly localPath?: string | undefined
  /** `host:port` or the socket path of the peer. */
  readonly host?: string | undefined
  /** What it came from. Never sent to the peer. */
  readonly cause?: unknown
}

const BRAND = 'FakeSshError'

/**
 * Base of every error that fake-ssh makes. `code` is stable: one of {@link ERROR_CODES}, or the POSIX code
 * that the remote operating system gave.
 *
 * @public
 */
export class FakeSshError extends Error {
  /** One of {@link ERROR_CODES}, or a POSIX code. Stable: this is what to switch on. */
  readonly code: string
  /** The operation that failed: `connect`, `exec`, `get`, `put`, … */
  readonly op: string | undefined
  /** The remote path the operation named, as the caller wrote it. */
  readonly path: string | undefined
  /** The path on this machine, for path-to-path transfers. */
  readonly localPath: string | undefined
  /** `host:port` or the socket path of the peer. */
  readonly host: string | undefined

  constructor(code: string, message: string, details: FakeSshErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.op = details.op
    this.path = details.path
    this.localPath = details.localPath
    this.host = details.host
  }

  override get name(): string {
    return BRAND
  }

  /** True for every error of fake-ssh, whichever copy (ESM or CJS) of the package made it. */
  static is(value: unknown): value is FakeSshError {
    return value instanceof Error && (value as { isFakeSshError?: unknown }).isFakeSshError === true
  }

  /** Marks the error across copies of the package; use {@link FakeSshError.is}. */
  get isFakeSshError(): true {
    return true
  }
}

/** The connection could not be made, was lost, or was closed. @public */
export class ConnectionError extends FakeSshError {
  override get name(): string {
    return 'ConnectionError'
  }

  /** True for every ConnectionError, a ProtocolError among them, whichever copy (ESM or CJS) of the package made it. */
  static override is(value: unknown): value is ConnectionError {
    return FakeSshError.is(value) && (value.name === 'ConnectionError' || value.name === 'ProtocolError')
  }
}

/** The peer broke the protocol. Always ends the connection. @public */
export class ProtocolError extends ConnectionError {
  constructor(message: string, details?: FakeSshErrorDetails) {
    super('ERR_FAKESSH_PROTOCOL', message, details)
  }

  override get name(): string {
    return 'ProtocolError'
  }

  /** True for every ProtocolError, whichever copy (ESM or CJS) of the package made it. */
  static override is(value: unknown): value is ProtocolError {
    return FakeSshError.is(value) && value.name === 'ProtocolError'
  }
}

/** What a failed exec still knows. @public */
export interface ExecErrorFacts {
  /** The command as the caller wrote it. */
  readonly command: string
  /** Null when a signal ended the command, and when its end was never proved. */
  readonly exitCode: number | null
  /** `SIGTERM`, …; null when the command exited by itself, and when its end was never proved. */
  readonly signal: string | null
  /** Bytes of stdout that arrived before the failure. */
  readonly stdoutBytes: number
  /** Bytes of stderr that arrived before the failure. */
  readonly stderrBytes: number
  /** Milliseconds from the call to the failure. */
  readonly durationMs: number
  /** True when the command ran longer than its `timeoutMs`. */
  readonly timedOut: boolean
  /** Set by `run()`: what was collected of stdout before the failure. */
  readonly stdout?: string | Buffer | undefined
  /** Set by `run()`: what was collected of stderr before the failure. */
  readonly stderr?: string | Buffer | undefined
  /** Set by `run()`: whether `maxBuffer` cut the collected output. */
  readonly truncated?: boolean | undefined
}

/** A command failed, or its result was never proved. Names what is known as the result does. @public */
export class ExecError extends FakeSshError {
  /** The command as the caller wrote it. */
  readonly command: string
  /** Null when a signal ended the command, and when its end was never proved. */
  readonly exitCode: number | null
  /** `SIGTERM`, …; null when the command exited by itself, and when its end was never proved. */
  readonly signal: string | null
  /** Bytes of stdout that arrived before the failure. */
  readonly stdoutBytes: number
  /** Bytes of stderr that arrived before the failure. */
  readonly stderrBytes: number
  /** Milliseconds from the call to the failure. */
  readonly durationMs: number
  /** True when the command ran longer than its `timeoutMs`. */
  readonly timedOut: boolean
  /** Set by `run()`: what was collected of stdout before the failure. */
  readonly stdout: string | Buffer | undefined
  /** Set by `run()`: what was collected of stderr before the failure. */
  readonly stderr: string | Buffer | undefined
  /** Set by `run()`: whether `maxBuffer` cut the collected output. */
  readonly truncated: boolean | undefined

  constructor(code: string, message: string, facts: ExecErrorFacts, details: FakeSshErrorDetails = {}) {
    super(code, message, { op: 'exec', ...details })
    this.command = facts.command
    this.exitCode = facts.exitCode
    this.signal = facts.signal
    this.stdoutBytes = facts.stdoutBytes
    this.stderrBytes = facts.stderrBytes
    this.durationMs = facts.durationMs
    this.timedOut = facts.timedOut
    this.stdout = facts.stdout
    this.stderr = facts.stderr
    this.truncated = facts.truncated
  }

  override get name(): string {
    return 'ExecError'
  }

  /** True for every ExecError, whichever copy (ESM or CJS) of the package made it. */
  static override is(value: unknown): value is ExecError {
    return FakeSshError.is(value) && value.name === 'ExecError'
  }
}

/**
 * A transfer failed. What was to be written is as it was before, or, when only the last word of a server was lost, is the complete and
 * verified file; never a part of it.
 *
 * @public
 */
export class TransferError extends FakeSshError {
  /** Bytes that had been sent or received when it failed. */
  readonly bytesTransferred: number

  constructor(code: string, message: string, bytesTransferred: number, details: FakeSshErrorDetails = {}) {
    super(code, message, details)
    this.bytesTransferred = bytesTransferred
  }

  override get name(): string {
    return 'TransferError'
  }

  /** True for every TransferError, whichever copy (ESM or CJS) of the package made it. */
  static override is(value: unknown): value is TransferError {
    return FakeSshError.is(value) && value.name === 'TransferError'
  }
}

/**
 * The error for a caller's mistake: says what was expected, what came, and where.
 *
 * @internal
 */
export function invalidArgument(where: string, expected: string, got: unknown): FakeSshError {
  const came = typeof got === 'string' ? JSON.stringify(got) : got === null ? 'null' : typeof got
  return new FakeSshError('ERR_FAKESSH_INVALID_ARG', `${where}: expected ${expected}, got ${came}`)
}
