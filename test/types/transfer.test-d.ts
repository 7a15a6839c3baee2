// get(), put(), download(), upload(): streams of Node, options, what they tell, receipts.
import type { Readable, Writable } from 'node:stream'
import type {
  ChecksumAlgorithm,
  FakeSshClient,
  FileMetadata,
  GetOptions,
  GetStream,
  PathTransferOptions,
  PutOptions,
  PutStream,
  TransferChecksum,
  TransferProgress,
  TransferReceipt,
} from 'fake-ssh'
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd'

declare const client: FakeSshClient

// Streams
const get = client.get('file')
expectType<GetStream>(get)
expectAssignable<Readable>(get)
expectNotAssignable<Writable>(get)
expectType<string>(get.path)
expectType<FileMetadata | undefined>(get.metadata)
expectType<Promise<TransferReceipt>>(get.result)
expectError(get.write('x'))
// @ts-expect-error read-only
get.metadata = undefined
// @ts-expect-error read-only
get.path = 'other'
expectType<GetStream>(get.setEncoding('utf8'))

const put = client.put('file')
expectType<PutStream>(put)
expectAssignable<Writable>(put)
expectNotAssignable<Readable>(put)
expectType<Promise<TransferReceipt>>(put.result)
expectError(put.read())
expectError(put.metadata)
// @ts-expect-error read-only
put.result = Promise.reject(new Error())

// Paths
expectError(client.get())
expectError(client.get(new URL('file:///x')))
expectError(client.put(Buffer.from('x')))
expectError(client.download('remote'))
expectError(client.upload('local'))

// Options
expectAssignable<GetOptions>({ algorithm: 'blake2b512', signal: AbortSignal.abort(), timeoutMs: 1 })
expectAssignable<PutOptions>({ size: 1, mode: 0o640, mtimeMs: 0, overwrite: false, algorithm: 'md5' })
expectAssignable<PathTransferOptions>({ preserve: true, mode: 0o640, overwrite: false, onProgress: () => {} })
expectAssignable<ChecksumAlgorithm>('sha256')
expectNotAssignable<ChecksumAlgorithm>('sha3-256')
expectError(client.get('file', { algo: 'md5' }))
expectError(client.get('file', { algorithm: 'crc32' }))
expectAssignable<GetOptions>({ offset: 1, length: 5 })
expectError(client.get('file', { offset: '1' }))
expectError(client.put('file', { offset: 1 }))
expectAssignable<PutOptions>({ fsync: true })
expectAssignable<PathTransferOptions>({ fsync: true, resume: false })
expectError(client.put('file', { resume: true }))
expectError(client.upload('a', 'b', { resume: 'yes' }))
expectError(client.get('file', { mode: 0o640 }))
expectError(client.put('file', { mode: '640' }))
expectError(client.put('file', { mtime: new Date() }))
expectError(client.put('file', { preserve: true }))
expectError(client.upload('local', 'remote', { onprogress: () => {} }))
expectError(client.upload('local', 'remote', { recursive: true }))
expectError(client.upload('local', 'remote', { onProgress: (percent: number) => percent }))
client.download('remote', 'local', { onProgress: (progress) => expectType<TransferProgress>(progress) })

// Receipts
expectType<Promise<TransferReceipt>>(client.download('remote', 'local'))
expectType<Promise<TransferReceipt>>(client.upload('local', 'remote', { preserve: true }))
declare const receipt: TransferReceipt
expectType<number>(receipt.bytes)
expectType<ChecksumAlgorithm>(receipt.algorithm)
expectType<string>(receipt.digest)
expectType<number>(receipt.resumedFrom)
expectType<string | undefined>(receipt.localPath)
expectType<number | undefined>(receipt.mode)
// @ts-expect-error read-only
receipt.digest = ''
// @ts-expect-error read-only
receipt.bytes = 0

// What is told on the way
declare const progress: TransferProgress
expectType<number>(progress.transferred)
expectType<number>(progress.acknowledged)
expectType<number | undefined>(progress.percent)
// @ts-expect-error read-only
progress.transferred = 0
expectType<number | undefined>(progress.total)
expectType<number | undefined>(progress.etaMs)
declare const checksum: TransferChecksum
expectType<boolean>(checksum.match)
// @ts-expect-error read-only
checksum.match = true
