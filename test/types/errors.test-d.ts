// Errors: recognised without instanceof, codes known by name, facts that cannot be changed.
import {
  ConnectionError,
  ERROR_CODES,
  type ExecError,
  escapeText,
  FakeSshError,
  type FakeSshErrorCode,
  ProtocolError,
  TransferError,
} from 'fake-ssh'
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd'

declare const caught: unknown
if (FakeSshError.is(caught)) {
  expectType<FakeSshError>(caught)
  expectType<string>(caught.code)
  expectType<string | undefined>(caught.path)
  expectType<string | undefined>(caught.host)
  // @ts-expect-error read-only
  caught.code = 'other'
}
expectError(caught.code)

expectAssignable<FakeSshErrorCode>('ERR_FAKESSH_CONNECTION_LOST')
expectNotAssignable<FakeSshErrorCode>('ERR_FAKESSH_NO_SUCH_CODE')
expectNotAssignable<FakeSshErrorCode>('ENOENT')
expectType<FakeSshErrorCode>(Object.keys(ERROR_CODES)[0] as keyof typeof ERROR_CODES)
// @ts-expect-error read-only
ERROR_CODES.ERR_FAKESSH_EXIT = 'other'

// One base, so that one catch sees all
expectAssignable<Error>(new FakeSshError('ENOENT', 'message'))
expectAssignable<FakeSshError>(new ConnectionError('ERR_FAKESSH_CLOSED', 'message', { host: 'h:1' }))
expectAssignable<ConnectionError>(new ProtocolError('message'))
expectAssignable<FakeSshError>(new TransferError('ENOENT', 'message', 0, { path: 'p' }))
expectError(new FakeSshError('ENOENT', 'message', { file: 'p' }))

declare const failed: ExecError
expectType<number | null>(failed.exitCode)
expectType<string | Buffer | undefined>(failed.stdout)
expectType<boolean>(failed.timedOut)
// @ts-expect-error read-only
failed.exitCode = 0

declare const transfer: TransferError
expectType<number>(transfer.bytesTransferred)
// @ts-expect-error read-only
transfer.bytesTransferred = 0
expectError(transfer.exitCode)

expectType<string>(escapeText('text'))
expectError(escapeText(Buffer.from('text')))
