/** From a path on this machine to a path at the server. */
import { resolve } from 'node:path'
import { newHolder } from '../connection/attempt.js'
import type { Channel } from '../connection/channel-handler.js'
import type { ChannelOpener } from '../connection/channel-opener.js'
import { FakeSshError } from '../errors.js'
import { ClientTransfer } from './client-transfer.js'
import { Digest } from './digest.js'
import { digestBytes } from './digest-prefix.js'
import type { SourceFile } from './file-system.js'
import { LazyResult } from './lazy-result.js'
import { LocalDisk } from './local-disk.js'
import { resumeSecret } from './local-disk-resume-key.js'
import { type HeldPrefix, parsePutAnswer, type ResumeParams } from './messages.js'
import { type PathTransferDeps, progressListener } from './path-transfer.js'
import { cancelledByPeer, type RemoteProof } from './proof.js'
import { MIN_RESUMABLE_BYTES, uploadId } from './resume-ids.js'
import { type Prefix, sendSource } from './send-source.js'
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
  checkTransferOptions('upload', options)
  checkWriteOptions('upload', options)
  const running = new Upload(opener, localPath, remotePath, options, deps)
  return running.run()
}

class Upload {
  readonly #canFollow: boolean
  readonly #localPath: string
  readonly #remotePath: string
  readonly #options: PathTransferOptions
  readonly #deps: PathTransferDeps
  readonly #transfer: ClientTransfer
  /** Of all attempts. */
  readonly #holder = newHolder()
  #id: string | undefined
  #opened = new LazyResult<HeldPrefix | undefined>()
  #claim = new LazyResult<RemoteProof>()
  #interruption: FakeSshError | undefined
  /** Which attempt this is, from 1. */
  #attempts = 0
  /** Our COMMIT is on its way, so the target may have been replaced. */
  #isClaimed = false
  /**
   * The loss after which nobody knows whether it was. A server that does not know of our COMMIT any more refuses a file that must not exist because
   * of itself: then this is what there is to tell.
   */
  #lostClaim: FakeSshError | undefined

  constructor(
    opener: ChannelOpener,
    localPath: string,
    remotePath: string,
    options: PathTransferOptions,
    deps: PathTransferDeps,
  ) {
    this.#canFollow = opener.recovery !== undefined
    this.#localPath = localPath
    this.#remotePath = remotePath
    this.#options = options
    this.#deps = deps
    const endAttempt = (failure: unknown) => {
      this.#opened.reject(failure)
      this.#claim.reject(failure)
    }
    this.#transfer = new ClientTransfer(
      {
        opener,
        kind: 'put',
        windows: [],
        stop: options,
        info: { op: 'upload', path: remotePath, localPath },
        observers: [progressListener(options.onProgress), deps.observe],
      },
      {
        onOpened: (info) => this.#opened.resolve(parsePutAnswer(info)),
        onProof: (remote) => this.#claim.resolve(remote),
        onFailed: endAttempt,
        ...(options.resume !== false && {
          onInterrupted: (error: FakeSshError) => {
            this.#interruption = error
            endAttempt(error)
          },
        }),
      },
    )
  }

  async run(): Promise<TransferReceipt> {
    const transfer = this.#transfer
    const { promise: receipt } = transfer.result
    transfer.result.markHandled()
    try {
      while (!(await this.#attempt())) await transfer.reconnected()
    } catch (error) {
      transfer.fail(error)
    }
    return receipt.catch((error) => {
      const isThere = FakeSshError.is(error) && error.code === 'EEXIST'
      throw isThere && this.#lostClaim ? transfer.described(this.#lostClaim) : error
    })
  }

  /** False when another attempt is to follow. The source is read anew each time: it may have changed. */
  async #attempt(): Promise<boolean> {
    this.#opened = new LazyResult()
    this.#claim = new LazyResult()
    this.#interruption = undefined
    this.#attempts += 1
    let source: SourceFile | undefined
    try {
      source = await (this.#deps.fileSystem ?? new LocalDisk()).openSource(this.#localPath)
      await this.#send(source)
      return true
    } catch (error) {
      if (this.#interruption === undefined) throw error
      if (this.#isClaimed) this.#lostClaim = this.#interruption
      return false
    } finally {
      await source?.close()
    }
  }

  async #send(source: SourceFile): Promise<void> {
    const { algorithm = 'sha256', preserve = false, overwrite, fsync, mode: wantedMode } = this.#options
    const { facts } = source
    const wanted = wantedMode ?? (preserve ? facts.mode : undefined)
    const mode = wanted === undefined ? undefined : wanted & PERMISSION_BITS
    const mtimeMs = preserve ? facts.mtimeMs : undefined
    const resume = await this.#resume(facts.size)
    const params = {
      path: this.#remotePath,
      algorithm,
      size: facts.size,
      mode,
      mtimeMs,
      overwrite,
      fsync,
      resume,
    }
    if (this.#attempts > 1) this.#transfer.startAgain(params)
    else this.#transfer.start(params)

    const held = await this.#opened.promise
    const channel = this.#transfer.channel as Channel
    const had = held && (await this.#compare(source, channel, held))
    this.#transfer.agreed(facts.size, had?.bytes)
    const onSent = (bytes: number) => this.#transfer.tracker.meter.addTransferred(bytes)
    const onClaimed = () => {
      this.#isClaimed = true
    }
    const proof = await sendSource(source, channel, { algorithm, had, onSent, onClaimed })
    this.#transfer.conclude(proof, await this.#claim.promise)
    this.#transfer.succeed(proof, { mode, mtimeMs })
  }

  async #resume(size: number): Promise<ResumeParams | undefined> {
    const { server } = this.#deps
    if (this.#options.resume === false || server === undefined) return undefined
    // Of a small file nothing is kept; but where another attempt may follow, this one must not come after it.
    if (size < MIN_RESUMABLE_BYTES && !this.#canFollow) return undefined
    // The secret may be another one by the next attempt, which is to find what this one leaves, and what it committed.
    this.#id ??= uploadId(await resumeSecret(), server, resolve(this.#localPath), this.#remotePath)
    return { id: this.#id, holder: this.#holder, attempt: this.#attempts }
  }

  /** What the server holds, if it is the beginning of the source; otherwise the server is told to throw it away. */
  async #compare(source: SourceFile, channel: Channel, held: HeldPrefix): Promise<Prefix | undefined> {
    const digest = new Digest(this.#options.algorithm ?? 'sha256')
    const read = async (into: Uint8Array) => {
      if (channel.isClosed) throw cancelledByPeer()
      return source.read(into)
    }
    const bytes = await digestBytes(read, held.bytes, digest)
    if (bytes === held.bytes && digest.hexSoFar() === held.digest) return { bytes, digest }
    // Whatever ends the attempt meanwhile rejects the claim: the answer may never come.
    await Promise.race([channel.request('restart', {}), this.#claim.promise])
    source.rewind()
    return undefined
  }
}
