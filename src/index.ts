/**
 * Run commands and move files between Node processes: streams with proved results over one encrypted, multiplexed connection.
 * Not SSH on the wire.
 *
 * @packageDocumentation
 */

// What the two classes take and give.
export type { AuthAttempt } from './auth/auth-attempt.js'
export { hashPassword } from './auth/password.js'
export { generateToken } from './auth/token.js'
export type { AcceptedUser, Authenticate, UserOptions } from './auth/users.js'
export type {
  DisconnectEvent,
  FakeSshClientEvents,
  ReconnectEvent,
  ReconnectingEvent,
} from './client/client-events.js'
export type { ConnectOptions, ConnectStringOptions } from './client/connect-options.js'
export type { ReconnectOptions } from './client/reconnect-options.js'
// For applications.
export { FakeSshClient } from './client.js'
export type { ExecErrorFacts, FakeSshErrorCode, FakeSshErrorDetails } from './errors.js'
export {
  ConnectionError,
  ERROR_CODES,
  ExecError,
  FakeSshError,
  ProtocolError,
  TransferError,
} from './errors.js'
export { escapeText } from './escape.js'
export type { TypedEventSource } from './events.js'
export type { ClientSession } from './exec/client-session.js'
export type { CommandContext, CommandHandler, CommandReturn } from './exec/command-context.js'
export type { AttachOptions, ExecOptions, SessionOptions } from './exec/exec-options.js'
export type { ExecProcess, ExecProcessEvents, ExecSpawnInfo, KillOptions } from './exec/exec-process.js'
export type { ExecResult } from './exec/exec-result.js'
export type { JobInfo, KillJobOptions } from './exec/jobs/client-jobs.js'
export type { OutputGap } from './exec/output-gap.js'
export type { RunBufferOptions, RunOptions, RunResult, RunTextOptions } from './exec/run.js'
export type { GetStream, GetStreamEvents } from './files/get-stream.js'
export type { TransferProgress } from './files/progress.js'
export type { PutStream, PutStreamEvents } from './files/put-stream.js'
export type {
  FileMetadata,
  GetOptions,
  PathTransferOptions,
  PutOptions,
  TransferChecksum,
  TransferInfo,
  TransferOptions,
  TransferReceipt,
} from './files/transfer.js'
export type { UploadInfo } from './files/upload-table.js'
export type {
  AuthenticatedUser,
  ChecksumAlgorithm,
  ExecPermission,
  OperationOptions,
  UserPermissions,
} from './options.js'
export type {
  AuthorizeAnswer,
  AuthorizeContext,
  AuthorizeExec,
  AuthorizeFile,
  AuthorizeHook,
  AuthorizeJob,
  AuthorizeRequest,
  AuthorizeSession,
} from './server/authorization.js'
export type {
  FakeSshServerEvents,
  ServerDeniedEvent,
  ServerEventContext,
  ServerExecEvent,
  ServerTransferEvent,
} from './server/server-events.js'
export type {
  FakeSshServerOptions,
  ListenOptions,
  ListenResult,
  ServerLimits,
} from './server/server-options.js'
export { FakeSshServer } from './server.js'
export type { PeerAddress } from './transport/transport.js'
