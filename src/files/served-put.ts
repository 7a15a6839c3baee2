/** A `put` that the server takes in: bytes into the staged file, both proofs, and what becomes of the file. */
import type { ChannelHandler, IncomingOpen } from '../connection/channel-handler.js'
import { FakeSshError } from '../errors.js'
import type { CommitMessage, JsonObject } from '../protocol/messages.js'
import type { Digest } from './digest.js'
import type { KeptFile, StagedFile } from './file-system.js'
import { LazyResult } from './lazy-result.js'
import type { PutParams } from './messages.js'
import { cancelledByPeer, compareProofs, errorOfFailure, failureOf, type Proof } from './proof.js'
import { StagedReceiver } from './receive-staged.js'
import { RECEIVE_WINDOW_BYTES } from './receive-window.js'
import type { TransferTracker } from './transfer-tracker.js'
import type { RunningUpload, UploadPlace } from './upload-table.js'

export interface ServedPutDeps {
  readonly params: PutParams
  readonly staged: StagedFile
  /** Of what the staged file holds already. */
  readonly digest: Digest
  /** Of a put that another attempt may follow. */
  readonly place: UploadPlace | undefined
  /** What has arrived is kept when it is interrupted. */
  readonly isKept: boolean
  readonly tracker: TransferTracker
}

export class ServedPut implements ChannelHandler, RunningUpload {
  readonly #open: IncomingOpen
  readonly #deps: ServedPutDeps
  readonly #receiver: StagedReceiver
  readonly #claim = new LazyResult<CommitMessage>()
  readonly #closed = new LazyResult<void>()
  readonly #startBytes: number
  #takenBytes: number
  #updatedAtMs = Date.now()
  /** The opener is gone, or makes another attempt: nothing is wrong with what has arrived. */
  #interruption: FakeSshError | undefined
  /** The opener has been told what is here, and has neither built on it nor refused it yet. */
  #mayRestart: boolean
  /** Committed, or failed. */
  #isOver = false

  constructor(open: IncomingOpen, deps: ServedPutDeps) {
    const { params, staged, digest } = deps
    this.#open = open
    this.#deps = deps
    this.#startBytes = staged.bytes
    this.#takenBytes = staged.bytes
    this.#mayRestart = staged.bytes > 0
    this.#receiver = new StagedReceiver({
      staged,
      algorithm: params.algorithm,
      digest,
      windowBytes: RECEIVE_WINDOW_BYTES,
      onTaken: (bytes) => this.#onTaken(bytes),
      onFailed: (error) => this.#claim.reject(error),
    })
  }

  get directory(): string {
    return this.#deps.staged.directory
  }

  get bytes(): number {
    return this.#deps.staged.bytes
  }

  get updatedAtMs(): number {
    return this.#updatedAtMs
  }

  async run(): Promise<void> {
    const { channel } = this.#open
    const { params, place, isKept, tracker } = this.#deps
    const start = this.#startBytes
    this.#open.accept(
      start > 0 ? { start, digest: this.#receiver.digestSoFar } : { start },
      [RECEIVE_WINDOW_BYTES],
      this,
    )
    tracker.started(params.size, start)
    if (isKept) place?.running(this)
    place?.signal.addEventListener('abort', () => this.#interrupt(place.signal.reason), { once: true })
    try {
      const proof = await this.#commit()
      place?.end({
        committed: { directory: this.directory, bytes: proof.bytes, digest: this.#receiver.digest },
      })
      channel.sendCommit(proof)
      tracker.finished(proof, { mode: params.mode, mtimeMs: params.mtimeMs })
    } catch (error) {
      const kept = await this.#keepOrDiscard(error)
      place?.end({ kept })
      channel.sendCommit({ error: failureOf(error) })
      this.#receiver.release()
      tracker.failed(error)
    }
    this.#isOver = true
    await this.#closed.promise
    channel.close()
  }

  onData(_stream: number, bytes: Uint8Array): void {
    this.#mayRestart = false
    this.#deps.tracker.meter.addTransferred(bytes.length)
    this.#receiver.receive(bytes)
  }

  onEof(): void {
    this.#mayRestart = false
    this.#receiver.end()
  }

  onCommit(claim: CommitMessage): void {
    this.#mayRestart = false
    this.#claim.resolve(claim)
  }

  /** What the opener has begins otherwise than what is here. */
  async onRequest(type: string): Promise<JsonObject> {
    if (type !== 'restart') {
      throw new FakeSshError('ERR_FAKESSH_UNSUPPORTED', 'a put knows no other request than restart')
    }
    if (!this.#mayRestart) {
      const message = 'restart: expected once, of a start above 0, before DATA, EOF and COMMIT'
      throw new FakeSshError('ERR_FAKESSH_PROTOCOL', message)
    }
    this.#mayRestart = false
    this.#takenBytes = 0
    this.#deps.tracker.started(this.#deps.params.size)
    await this.#receiver.restart()
    return {}
  }

  onClosed(error: FakeSshError | undefined): void {
    if (!this.#isOver) this.#interrupt(error ?? cancelledByPeer())
    this.#closed.resolve()
  }

  async #commit(): Promise<Proof> {
    const { params, staged, tracker } = this.#deps
    const claim = await this.#claim.promise
    if ('error' in claim) throw errorOfFailure(claim.error)
    const proof = await this.#receiver.finish()
    tracker.proofsKnown(proof, claim)
    compareProofs(proof, claim)
    if (this.#interruption) throw this.#interruption
    const { mode, mtimeMs, fsync } = params
    await staged.commit({ mode, mtimeMs, fsync })
    return proof
  }

  #interrupt(reason: FakeSshError): void {
    this.#interruption ??= reason
    this.#mayRestart = false
    this.#claim.reject(reason)
    if (!this.#deps.isKept) this.#receiver.stop(reason)
  }

  async #keepOrDiscard(error: unknown): Promise<KeptFile | undefined> {
    const { staged, isKept } = this.#deps
    // What was wrong before the interruption, or is found to be after it, stays wrong.
    let isWorthKeeping = error === this.#interruption && isKept
    if (isWorthKeeping) {
      await this.#receiver.flush().catch(() => {
        isWorthKeeping = false
      })
    }
    this.#receiver.stop(error)
    if (isWorthKeeping) return staged.keep()
    await staged.discard()
    return undefined
  }

  #onTaken(bytes: number): void {
    this.#takenBytes += bytes
    this.#updatedAtMs = Date.now()
    this.#open.channel.consumed(0, bytes)
    this.#deps.tracker.meter.setAcknowledged(this.#takenBytes)
  }
}
