/** The server's half of `put` (docs/protocol.md, section 7.4). */
import type { ChannelHandler, IncomingOpen } from '../connection/channel-handler.js'
import type { FakeSshError } from '../errors.js'
import type { CommitMessage } from '../protocol/messages.js'
import { type FileServiceDeps, refuse, trackOpen } from './file-service.js'
import type { StagedFile } from './file-system.js'
import { LazyResult } from './lazy-result.js'
import { type PutParams, parsePutParams } from './messages.js'
import { cancelledByPeer, compareProofs, errorOfFailure, failureOf, type Proof } from './proof.js'
import { StagedReceiver } from './receive-staged.js'
import { RECEIVE_WINDOW_BYTES } from './receive-window.js'
import type { TransferTracker } from './transfer-tracker.js'

/** Serves one `put` that has been permitted. Settles when it is over and its channel closed; never rejects. */
export async function servePut(open: IncomingOpen, deps: FileServiceDeps): Promise<void> {
  const tracker = trackOpen('put', open, deps)
  let params: PutParams
  let staged: StagedFile | undefined
  let put: ServedPut
  try {
    params = parsePutParams(open.params)
    const { path, mode, overwrite } = params
    staged = await deps.fileSystem.createStaged(path, { mode, overwrite })
    put = new ServedPut(open, params, staged, tracker)
    if (open.signal.aborted) throw cancelledByPeer()
  } catch (error) {
    await staged?.discard()
    refuse(open, tracker, error)
    return
  }
  await put.run()
}

class ServedPut implements ChannelHandler {
  readonly #open: IncomingOpen
  readonly #params: PutParams
  readonly #staged: StagedFile
  readonly #tracker: TransferTracker
  readonly #receiver: StagedReceiver
  readonly #claim = new LazyResult<CommitMessage>()
  readonly #closed = new LazyResult<void>()
  #takenBytes = 0
  /** Committed, or failed. */
  #isOver = false

  constructor(open: IncomingOpen, params: PutParams, staged: StagedFile, tracker: TransferTracker) {
    this.#open = open
    this.#params = params
    this.#staged = staged
    this.#tracker = tracker
    this.#receiver = new StagedReceiver({
      staged,
      algorithm: params.algorithm,
      windowBytes: RECEIVE_WINDOW_BYTES,
      onTaken: (bytes) => this.#onTaken(bytes),
      onFailed: (error) => this.#claim.reject(error),
    })
  }

  async run(): Promise<void> {
    const { channel } = this.#open
    this.#open.accept({}, [RECEIVE_WINDOW_BYTES], this)
    this.#tracker.started(this.#params.size)
    try {
      const proof = await this.#commit()
      channel.sendCommit(proof)
      this.#tracker.finished(proof, { mode: this.#params.mode, mtimeMs: this.#params.mtimeMs })
    } catch (error) {
      this.#receiver.stop(error)
      await this.#staged.discard()
      channel.sendCommit({ error: failureOf(error) })
      this.#receiver.release()
      this.#tracker.failed(error)
    }
    this.#isOver = true
    await this.#closed.promise
    channel.close()
  }

  onData(_stream: number, bytes: Uint8Array): void {
    this.#tracker.meter.addTransferred(bytes.length)
    this.#receiver.receive(bytes)
  }

  onEof(): void {
    this.#receiver.end()
  }

  onCommit(claim: CommitMessage): void {
    this.#claim.resolve(claim)
  }

  onClosed(error: FakeSshError | undefined): void {
    if (!this.#isOver) {
      const reason = error ?? cancelledByPeer()
      this.#receiver.stop(reason)
      this.#claim.reject(reason)
    }
    this.#closed.resolve()
  }

  async #commit(): Promise<Proof> {
    const claim = await this.#claim.promise
    if ('error' in claim) throw errorOfFailure(claim.error)
    const proof = await this.#receiver.finish()
    this.#tracker.proofsKnown(proof, claim)
    compareProofs(proof, claim)
    if (this.#open.channel.isClosed) throw cancelledByPeer()
    const { mode, mtimeMs } = this.#params
    await this.#staged.commit({ mode, mtimeMs })
    return proof
  }

  #onTaken(bytes: number): void {
    this.#takenBytes += bytes
    this.#open.channel.consumed(0, bytes)
    this.#tracker.meter.setAcknowledged(this.#takenBytes)
  }
}
