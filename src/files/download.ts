/** From a path at the server to a path on this machine. */
import type { ChannelOpener } from '../connection/channel-opener.js'
import { FakeSshError } from '../errors.js'
import type { JsonObject } from '../protocol/messages.js'
import { ClientTransfer } from './client-transfer.js'
import { Digest } from './digest.js'
import { digestStaged } from './digest-prefix.js'
import type { ClaimOptions, FileSystem, StagedFile, StageOptions } from './file-system.js'
import { LazyResult } from './lazy-result.js'
import { LocalDisk } from './local-disk.js'
import { parseGetAnswer } from './messages.js'
import { type PathTransferDeps, progressListener } from './path-transfer.js'
import type { RemoteProof } from './proof.js'
import { StagedReceiver } from './receive-staged.js'
import { RECEIVE_WINDOW_BYTES } from './receive-window.js'
import { downloadKey, MIN_RESUMABLE_BYTES } from './resume-ids.js'
import type { FileMetadata, PathTransferOptions, TransferReceipt } from './transfer.js'
import { checkTransferOptions, checkTransferPath, checkWriteOptions } from './transfer-arguments.js'

/** Permission bits while it is not yet known how private the remote file is. */
const PRIVATE_MODE = 0o600
const PERMISSION_BITS = 0o777

/** Milliseconds for which a part is kept beside its target: a day. */
const KEEP_MS = 86_400_000

/**
 * Downloads into a temporary file beside `localPath`, verifies it, and renames it. The server chooses nothing of the name. Rejects with a
 * `TransferError`, or with `signal.reason`; then `localPath` is untouched and the temporary file is gone, or kept for another attempt. A
 * `localPath` that is a directory is `EISDIR`.
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
  checkTransferOptions('download', options)
  checkWriteOptions('download', options)
  return new Download(opener, remotePath, localPath, options, deps).run()
}

/** What an attempt came to: the server's proof, or why there is to be another. */
type Outcome = RemoteProof | 'interrupted' | 'found a part'

class Download {
  readonly #remotePath: string
  readonly #localPath: string
  readonly #options: PathTransferOptions
  readonly #fileSystem: FileSystem
  readonly #stageOptions: StageOptions
  readonly #transfer: ClientTransfer
  #outcome = new LazyResult<Outcome>()
  #metadata: FileMetadata | undefined
  #staged: StagedFile | undefined
  #receiver: StagedReceiver | undefined
  #takenBytes = 0
  /** The search for what an earlier call left, once it has begun. */
  #search: Promise<StagedFile | undefined> | undefined
  /** Credit that is held back while it runs, so that no more than a window comes of what may be there already. */
  #heldBytes: number | undefined

  constructor(
    opener: ChannelOpener,
    remotePath: string,
    localPath: string,
    options: PathTransferOptions,
    deps: PathTransferDeps,
  ) {
    const { mode, preserve = false, overwrite, resume = true, onProgress } = options
    this.#remotePath = remotePath
    this.#localPath = localPath
    this.#options = options
    this.#fileSystem = deps.fileSystem ?? new LocalDisk()
    this.#stageOptions = {
      mode: mode === undefined ? (preserve ? PRIVATE_MODE : undefined) : mode & PERMISSION_BITS,
      overwrite,
      // Without one nothing of an earlier call is looked for, and nothing left for a later one.
      resumeKey: resume && deps.server ? downloadKey(deps.server, remotePath) : undefined,
    }
    this.#transfer = new ClientTransfer(
      {
        opener,
        kind: 'get',
        windows: [RECEIVE_WINDOW_BYTES],
        stop: options,
        info: { op: 'download', path: remotePath, localPath },
        observers: [progressListener(onProgress), deps.observe],
      },
      {
        onOpened: (info) => this.#onOpened(info),
        onData: (bytes) => {
          this.#transfer.tracker.meter.addTransferred(bytes.length)
          this.#receiver?.receive(bytes)
        },
        onEof: () => this.#receiver?.end(),
        onProof: (remote) => this.#outcome.resolve(remote),
        onFailed: (failure) => this.#outcome.reject(failure),
        ...(resume && { onInterrupted: () => this.#outcome.resolve('interrupted') }),
      },
    )
  }

  async run(): Promise<TransferReceipt> {
    const transfer = this.#transfer
    const { promise: receipt } = transfer.result
    transfer.result.markHandled()
    try {
      const staged = await this.#fileSystem.createStaged(this.#localPath, this.#stageOptions)
      this.#receiver = this.#receiverInto(staged)
      transfer.start(this.#params())
      await this.#commit(await this.#proof())
    } catch (error) {
      transfer.fail(error)
      await this.#giveUp(error)
    }
    return receipt
  }

  /** Attempts until the server has proved its end. */
  async #proof(): Promise<RemoteProof> {
    for (;;) {
      const outcome = await this.#outcome.promise
      if (typeof outcome === 'object') return outcome
      await this.#takeOverFound()
      this.#outcome = new LazyResult()
      if (outcome === 'interrupted') await this.#transfer.reconnected()
      this.#transfer.startAgain(this.#params())
    }
  }

  async #commit(remote: RemoteProof): Promise<void> {
    const proof = await (this.#receiver as StagedReceiver).finish()
    this.#transfer.conclude(proof, remote)
    const { mode: wantedMode, preserve = false, fsync } = this.#options
    const { mode, mtimeMs } = this.#metadata ?? {}
    const preserved = preserve ? mode : undefined
    const bits = wantedMode ?? preserved
    await this.#staged?.commit({
      mode: bits === undefined ? undefined : bits & PERMISSION_BITS,
      mtimeMs: preserve ? mtimeMs : undefined,
      fsync,
    })
    // Found too late to be of use.
    await (await this.#search)?.discard()
    this.#transfer.succeed(proof, { mode, mtimeMs })
  }

  #params(): object {
    const { algorithm = 'sha256' } = this.#options
    const { receivedBytes: bytes = 0, digestSoFar: digest } = this.#receiver ?? {}
    return { path: this.#remotePath, algorithm, ...(bytes > 0 && { have: { bytes, digest } }) }
  }

  #onOpened(info: JsonObject): void {
    const receiver = this.#receiver as StagedReceiver
    const { metadata, start } = parseGetAnswer(info, receiver.receivedBytes)
    this.#metadata = metadata
    this.#takenBytes = start
    this.#transfer.agreed(metadata.size, start)
    this.#transfer.tracker.metadataKnown(metadata)
    // Not the beginning of what the file is now. A failure fails the transfer, which `onFailed` tells.
    if (start < receiver.receivedBytes) receiver.restart().catch(() => undefined)
    const { resumeKey } = this.#stageOptions
    if (resumeKey !== undefined && metadata.size >= MIN_RESUMABLE_BYTES) {
      this.#search ??= this.#searchPart({ ...this.#stageOptions, resumeKey, staleMs: KEEP_MS })
    }
  }

  /** While bytes arrive: only now is the file known to be large enough, and mostly there is nothing to be found. */
  async #searchPart(options: ClaimOptions): Promise<StagedFile | undefined> {
    this.#heldBytes = 0
    // The disk that cannot be searched can be written to all the same.
    const found = await this.#fileSystem.claimStaged(this.#localPath, options).catch(() => undefined)
    const heldBytes = this.#heldBytes
    this.#heldBytes = undefined
    if (found && this.#isWorthMore(found)) this.#outcome.resolve('found a part')
    else if (heldBytes > 0) this.#transfer.channel?.consumed(0, heldBytes)
    return found
  }

  #isWorthMore(found: StagedFile): boolean {
    return found.bytes > (this.#receiver?.receivedBytes ?? 0)
  }

  /** Goes on with what was found, or with what has arrived. */
  async #takeOverFound(): Promise<void> {
    const found = await this.#search
    this.#search = this.#search && Promise.resolve(undefined)
    if (found && !this.#isWorthMore(found)) await found.discard()
    else if (found) {
      this.#transfer.abandon()
      const digest = await this.#digestOf(found)
      if (digest) {
        this.#receiver?.stop(new FakeSshError('ERR_FAKESSH_CLOSED', 'an earlier part is used instead'))
        await this.#staged?.discard()
        this.#receiver = this.#receiverInto(found, digest)
      }
    }
    await this.#receiver?.flush()
  }

  /** Undefined when it cannot be read. */
  async #digestOf(found: StagedFile): Promise<Digest | undefined> {
    const { signal } = this.#transfer
    const digest = new Digest(this.#options.algorithm ?? 'sha256')
    try {
      await digestStaged(found, digest, signal)
      return digest
    } catch {
      await (signal.aborted ? found.keep() : found.discard())
      signal.throwIfAborted()
      return undefined
    }
  }

  #receiverInto(staged: StagedFile, digest?: Digest): StagedReceiver {
    this.#staged = staged
    const receiver: StagedReceiver = new StagedReceiver({
      staged,
      algorithm: this.#options.algorithm ?? 'sha256',
      digest,
      windowBytes: RECEIVE_WINDOW_BYTES,
      onTaken: (bytes) => {
        // One that was replaced takes nothing for this attempt.
        if (receiver === this.#receiver) this.#onTaken(bytes)
      },
      onFailed: (error) => this.#transfer.fail(error),
    })
    return receiver
  }

  #onTaken(bytes: number): void {
    this.#takenBytes += bytes
    if (this.#heldBytes === undefined) this.#transfer.channel?.consumed(0, bytes)
    else this.#heldBytes += bytes
    this.#transfer.tracker.meter.setAcknowledged(this.#takenBytes)
  }

  /** What was stopped or lost can be of use later; what went wrong cannot. */
  async #giveUp(error: unknown): Promise<void> {
    const { failureKind } = this.#transfer
    const isUsable = failureKind === 'stopped' || failureKind === 'lost'
    const isLarge = (this.#metadata?.size ?? 0) >= MIN_RESUMABLE_BYTES
    await (await this.#search)?.keep()
    if (isUsable && isLarge) await this.#receiver?.flush().catch(() => undefined)
    this.#receiver?.stop(error)
    await (isUsable && isLarge ? this.#staged?.keep() : this.#staged?.discard())
  }
}
