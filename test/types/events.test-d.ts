// Names of events and what they carry, on streams, clients and servers.
import type {
  DisconnectEvent,
  ExecProcess,
  ExecResult,
  ExecSpawnInfo,
  FakeSshClient,
  FakeSshClientEvents,
  FakeSshServer,
  FakeSshServerEvents,
  FileMetadata,
  GetStream,
  PutStream,
  ReconnectEvent,
  ReconnectingEvent,
  ServerDeniedEvent,
  ServerEventContext,
  ServerExecEvent,
  ServerTransferEvent,
  TransferChecksum,
  TransferInfo,
  TransferProgress,
  TypedEventSource,
} from 'fake-ssh'
import { expectAssignable, expectError, expectType } from 'tsd'

declare const client: FakeSshClient
declare const server: FakeSshServer
declare const proc: ExecProcess
declare const get: GetStream
declare const put: PutStream

// exec
proc.on('spawn', (info) => expectType<ExecSpawnInfo>(info))
proc.once('exit', (result) => expectType<ExecResult>(result))
proc.on('data', (chunk) => expectType<Buffer>(chunk))
proc.on('error', (error) => expectType<Error>(error))
expectType<ExecProcess>(proc.on('close', () => {}))
expectType<ExecProcess>(proc.off('close', () => {}))
expectError(proc.on('exit', (code: number) => code))
expectError(proc.once('spawn', (pid: number) => pid))
expectError(proc.off('exit', (code: number) => code))
expectError(proc.on('close', 'not a function'))
// After setEncoding
expectType<ExecProcess>(proc.setEncoding('utf8').on('data', (text: string) => text.trim()))

// get and put
get.on('metadata', (metadata) => expectType<FileMetadata>(metadata))
get.once('progress', (progress) => expectType<TransferProgress>(progress))
get.on('checksum', (checksum) => expectType<TransferChecksum>(checksum))
get.on('data', (chunk) => expectType<Buffer>(chunk))
get.setEncoding('utf8').on('data', (text: string) => text.trim())
put.on('progress', (progress) => expectType<TransferProgress>(progress))
put.once('checksum', (checksum) => expectType<TransferChecksum>(checksum))
expectType<GetStream>(get.on('end', () => {}))
expectType<PutStream>(put.off('finish', () => {}))
expectError(get.on('progress', (percent: number) => percent))
expectError(get.once('metadata', (size: string) => size))
expectError(put.on('progress', (percent: number) => percent))
expectError(put.on('checksum', ({ digest }: { digest: string }) => digest))

// client
client.on('disconnect', (event) => expectType<DisconnectEvent>(event))
client.on('reconnecting', (event) => expectType<ReconnectingEvent>(event))
client.once('reconnect', (event) => expectType<ReconnectEvent>(event))
client.once('metadata', (event) => expectType<TransferInfo & FileMetadata>(event))
client.on('progress', (event) => expectType<TransferInfo & TransferProgress>(event))
client.on('checksum', (event) => expectType<TransferInfo & TransferChecksum>(event))
client.on('fault', ({ error }) => expectType<unknown>(error))
expectType<FakeSshClient>(client.on('disconnect', () => {}))
expectType<number>(client.listenerCount('progress'))
expectError(client.on('disconnected', () => {}))
expectError(client.on('error', () => {}))
expectError(client.on('data', () => {}))
expectError(client.off('progres', () => {}))
expectError(client.listenerCount('nothing'))
expectError(client.on('progress', (percent: number) => percent))
expectError(client.once('disconnect', (error: Error) => error))

// server
server.on('connection', (event) => expectType<ServerEventContext>(event))
server.on('authenticated', ({ user }) => expectType<string | undefined>(user))
server.on('exec', (event) => expectType<ServerExecEvent>(event))
server.on('transfer', (event) => expectType<ServerTransferEvent>(event))
server.on('progress', (event) => expectType<ServerEventContext & TransferInfo & TransferProgress>(event))
server.on('checksum', (event) => expectType<ServerEventContext & TransferInfo & TransferChecksum>(event))
server.on('denied', (event) => expectType<ServerDeniedEvent>(event))
server.on('disconnect', ({ connectionId }) => expectType<number>(connectionId))
server.on('fault', ({ context }) => expectType<ServerEventContext | undefined>(context))
server.on('exec', ({ phase }) => {
  expectType<'start' | 'end' | 'failed'>(phase)
})
expectError(server.on('error', () => {}))
expectError(server.on('put', () => {}))
expectError(server.on('exec', (command: string) => command))
expectError(server.on('denied', ({ reason }: { reason: string }) => reason))

// Payloads are facts: they cannot be changed by who hears of them first
client.on('progress', (event) => {
  // @ts-expect-error read-only
  event.transferred = 0
})
server.on('denied', (event) => {
  // @ts-expect-error read-only
  event.op = 'other'
})

// Only the owner emits
// @ts-expect-error emit is protected
client.emit('disconnect', {})
// @ts-expect-error emit is protected
server.emit('fault', { error: undefined })
expectError(client.removeAllListeners())

// What both have in common
expectAssignable<TypedEventSource<FakeSshClientEvents>>(client)
expectAssignable<TypedEventSource<FakeSshServerEvents>>(server)
