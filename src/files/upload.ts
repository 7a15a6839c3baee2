/** From a path on this machine to a path at the server. */

import type { Channel } from '../connection/channel-handler.js'
import type { ChannelOpener } from '../connection/channel-opener.js'
import { ClientTransfer } from './client-transfer.js'
import type { SourceFile } from './file-system.js'
import { LazyResult } from './lazy-result.js'
import { LocalDisk } from './local-disk.js'
import { type PathTransferDeps, progressListener } from './path-transfer.js'
import type { RemoteProof } from './proof.js'
import { sendSource } from './send-source.js'
import type { PathTransferOptions, TransferReceipt } from './transfer.js'
import { checkTransferOptions, checkTransferPath, checkWriteOptions } from './transfer-arguments.js'

const PERMISSION_BITS = 0o777

/**
 * Uploads a file; the server stages it, verifies it, and renames it over `remotePath`. Rejects with a `TransferError`, or with
 * `signal.reason`; then `remotePath` is untouched. A file that changes meanwhile is `ERR_FAKESSH_SOURCE_CHANGED`.
 */
export async function upload(
  opener: ChannelOpener,
  localPath: string,
  remotePath: string,
  options: PathTransferOptions = {},
  deps: PathTransferDeps = {},
): Promise<TransferReceipt> {
  checkTransferPath('upload: localPath', localPath)
  checkTransferPath('upload: remotePath', remotePath)
  const algorithm = checkTransferOptions('upload', options)
  const wantedMode = checkWriteOptions('upload', options)
  const { preserve = false, overwrite, onProgress } = options
  const { fileSystem = new LocalDisk(), observe } = deps

  const opened = new LazyResult<void>()
  const claim = new LazyResult<RemoteProof>()
  const transfer = new ClientTransfer(
    {
      opener,
      kind: 'put',
      windows: [],
      stop: options,
      info: { op: 'upload', path: remotePath, localPath },
      observers: [progressListener(onProgress), observe],
    },
    {
      onOpened: () => opened.resolve(),
      onProof: (remote) => claim.resolve(remote),
      onFailed: (failure) => {
        opened.reject(failure)
        claim.reject(failure)
      },
    },
  )
  const { meter } = transfer.tracker
  const { promise: receipt } = transfer.result
  transfer.result.markHandled()

  let source: SourceFile | undefined
  try {
    source = await fileSystem.openSource(localPath)
    const { facts } = source
    const mode = wantedMode ?? (preserve ? facts.mode & PERMISSION_BITS : undefined)
    const mtimeMs = preserve ? facts.mtimeMs : undefined
    transfer.start({ path: remotePath, algorithm, size: facts.size, mode, mtimeMs, overwrite })
    await opened.promise
    transfer.tracker.started(facts.size)
    const onSent = (bytes: number) => meter.addTransferred(bytes)
    const proof = await sendSource(source, transfer.channel as Channel, { algorithm, onSent })
    transfer.conclude(proof, await claim.promise)
    transfer.succeed(proof, { mode, mtimeMs })
  } catch (error) {
    transfer.fail(error)
  }
  await source?.close()
  return receipt
}
