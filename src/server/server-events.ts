/** The events of a server. All of them tell; none is needed for anything to work. */
import type { ConnectionError, FakeSshError } from '../errors.js'
import type { TransferProgress } from '../files/progress.js'
import type { TransferChecksum, TransferInfo, TransferReceipt } from '../files/transfer.js'
import type { PeerAddress } from '../transport/transport.js'

/** Which connection, and whose. @public */
export interface ServerEventContext {
  /** Counts up from 1 per server. */
  readonly connectionId: number
  /** Where the client connects from. */
  readonly peer: PeerAddress
  /** Name of the user, once authenticated. */
  readonly user?: string | undefined
}

/** An exec started, ended, or could not be started. @public */
export interface ServerExecEvent extends ServerEventContext {
  /** `failed`: it could not be started. */
  readonly phase: 'start' | 'end' | 'failed'
  /** The command line, as the client wrote it: escape it before showing it. */
  readonly command?: string | undefined
  /** The program or in-process command, where there is no command line. */
  readonly file?: string | undefined
  /** Its arguments. */
  readonly args?: readonly string[] | undefined
  /** Undefined for in-process commands, and when it could not be started. */
  readonly pid?: number | undefined
  /** As the client would write it; undefined when it could not be started. */
  readonly cwd?: string | undefined
  /** Set when `phase` is `end`. Both null when it was cancelled and did not end of itself. */
  readonly exitCode?: number | null | undefined
  /** Set when `phase` is `end`: the signal that ended it, or null. */
  readonly signal?: string | null | undefined
  /** Set when `phase` is `end`: milliseconds from start to end. */
  readonly durationMs?: number | undefined
  /** The client gave up or its connection was lost before the end. */
  readonly isCancelled?: boolean | undefined
  /** Set when `phase` is `failed`. */
  readonly error?: unknown
}

/** A get or put started, or ended when `receipt` or `error` is set. @public */
export interface ServerTransferEvent extends ServerEventContext {
  /** `end` comes once for each, also when the file could not be opened. A transfer that was denied has only a `denied` event. */
  readonly phase: 'start' | 'end'
  /** `get` or `put`. */
  readonly op: TransferInfo['op']
  /** As the client wrote it: escape it before showing it. */
  readonly path: string
  /** Set when it ended well. */
  readonly receipt?: TransferReceipt | undefined
  /** Set when it did not. */
  readonly error?: unknown
}

/** Something was refused. @public */
export interface ServerDeniedEvent extends ServerEventContext {
  /** `connect` (a limit), `authenticate`, or the operation. */
  readonly op: string
  /** The path, command or user concerned, escaped. */
  readonly subject?: string | undefined
  /** The refusal, with its code. */
  readonly error: FakeSshError
}

/** The events of a {@link FakeSshServer}. @public */
export interface FakeSshServerEvents {
  /** A transport is up; nobody is authenticated yet. */
  connection: (event: ServerEventContext) => void
  /** A user logged in. */
  authenticated: (event: ServerEventContext) => void
  /** An exec started, ended, or could not be started. */
  exec: (event: ServerExecEvent) => void
  /** A get or put started or ended. */
  transfer: (event: ServerTransferEvent) => void
  /** A transfer moves: at most every 100 ms for each, and once at its end. */
  progress: (event: ServerEventContext & TransferInfo & TransferProgress) => void
  /** Both digests of a transfer are known. */
  checksum: (event: ServerEventContext & TransferInfo & TransferChecksum) => void
  /** Without an error: both sides meant it. */
  disconnect: (event: ServerEventContext & { readonly error?: ConnectionError | undefined }) => void
  /** A connection, a login or an operation was refused. */
  denied: (event: ServerDeniedEvent) => void
  /** Something of the server's own, or of its hooks and commands, failed. The peer was told no details. */
  fault: (event: { readonly error: unknown; readonly context?: ServerEventContext | undefined }) => void
}

/** How the parts of a server emit its events. @internal */
export type EmitServerEvent = <Name extends keyof FakeSshServerEvents>(
  event: Name,
  ...args: Parameters<FakeSshServerEvents[Name]>
) => void
