/** From a path at the server to a path on this machine. */
import type { ChannelOpener } from '../connection/channel-opener.js'
import { ClientTransfer } from './client-transfer.js'
import type { StagedFile } from './file-system.js'
import { LazyResult } from './lazy-result.js'
import { LocalDisk } from './local-disk.js'
import { parseFileMetadata } from './messages.js'
import { type PathTransferDeps, progressListener } from './path-transfer.js'
import type { RemoteProof } from './proof.js'
import { StagedReceiver } from './receive-staged.js'
import { RECEIVE_WINDOW_BYTES } from './receive-window.js'
import type { FileMetadata, PathTransferOptions, TransferReceipt } from './transfer.js'
import { checkTransferOptions, checkTransferPath, checkWriteOptions } from './transfer-arguments.js'

/** Permission bits while it is not yet known how private the remote file is. */
const PRIVATE_MODE = 0o600
const PERMISSION_BITS = 0o777

/**
 * Downloads into a temporary file beside `localPath`, verifies it, and renames it. The server chooses nothing of the name. Rejects with a
 * `TransferError`, or with `signal.reason`; then `localPath` is untouched and the temporary file is gone. A `localPath` that is a directory
 * is `EISDIR`.
 */
export async function download(
  opener: ChannelOpener,
  remotePath: string,
  localPath: string,
  options: PathTransferOptions = {},
  deps: PathTransferDeps = {},
): Promise<TransferReceipt> {
  checkTransferPath('download: remotePath', remotePath)
  checkTransferPath('download: localPath', localPath)
  const algorithm = checkTransferOptions('download', options)
  const wantedMode = checkWriteOptions('download', options)
  const { preserve = false, overwrite, onProgress } = options
  const { fileSystem = new LocalDisk(), observe } = deps

  const claim = new LazyResult<RemoteProof>()
  let metadata: FileMetadata | undefined
  let receiver: StagedReceiver | undefined
  let takenBytes = 0
  const onTaken = (bytes: number) => {
    takenBytes += bytes
    transfer.channel?.consumed(0, bytes)
    meter.setAcknowledged(takenBytes)
  }
  const transfer = new ClientTransfer(
    {
      opener,
      kind: 'get',
      windows: [RECEIVE_WINDOW_BYTES],
      stop: options,
      info: { op: 'download', path: remotePath, localPath },
      observers: [progressListener(onProgress), observe],
    },
    {
      onOpened: (answer) => {
        metadata = parseFileMetadata(answer)
        transfer.tracker.started(metadata.size)
        transfer.tracker.metadataKnown(metadata)
      },
      onData: (bytes) => {
        meter.addTransferred(bytes.length)
        receiver?.receive(bytes)
      },
      onEof: () => receiver?.end(),
      onProof: (remote) => claim.resolve(remote),
      onFailed: (failure) => {
        receiver?.stop(failure)
        claim.reject(failure)
      },
    },
  )
  const { meter } = transfer.tracker
  const { promise: receipt } = transfer.result
  transfer.result.markHandled()

  let staged: StagedFile | undefined
  try {
    const stagedMode = wantedMode ?? (preserve ? PRIVATE_MODE : undefined)
    staged = await fileSystem.createStaged(localPath, { mode: stagedMode, overwrite })
    const onFailed = (error: unknown) => transfer.fail(error)
    receiver = new StagedReceiver({ staged, algorithm, windowBytes: RECEIVE_WINDOW_BYTES, onTaken, onFailed })
    transfer.start({ path: remotePath, algorithm })
    const remote = await claim.promise
    const proof = await receiver.finish()
    transfer.conclude(proof, remote)
    const { mode, mtimeMs } = metadata ?? {}
    await staged.commit({
      mode: wantedMode ?? (preserve && mode !== undefined ? mode & PERMISSION_BITS : undefined),
      mtimeMs: preserve ? mtimeMs : undefined,
    })
    transfer.succeed(proof, { mode, mtimeMs })
  } catch (error) {
    transfer.fail(error)
    await staged?.discard()
  }
  return receipt
}
