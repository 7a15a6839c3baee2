/** The client's half of `get` as a Readable: verifies while the bytes pass, and ends only when that succeeded. */
import { Readable } from 'node:stream'
import type * as te from 'typed-emitter'
import type { ChannelOpener } from '../connection/channel-opener.js'
import { FakeSshError, TransferError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { JsonObject } from '../protocol/messages.js'
import { Inbound, READABLE_HIGH_WATER_MARK } from '../streams/inbound.js'
import { ClientTransfer } from './client-transfer.js'
import { Digest } from './digest.js'
import type { GetStream, GetStreamEvents } from './get-stream.js'
import { parseGetAnswer } from './messages.js'
import { commitBeforeEnd, type Proof, type RemoteProof } from './proof.js'
import { RECEIVE_WINDOW_BYTES } from './receive-window.js'
import type { FileMetadata, GetOptions, TransferInfo, TransferObserver, TransferReceipt } from './transfer.js'
import { checkPart, checkTransferOptions, checkTransferPath } from './transfer-arguments.js'
import { callListener } from './transfer-events.js'

/** Bytes waiting at which a stream that nobody reads counts as unread for good, if its result was asked for. */
const DISCARD_BYTES = RECEIVE_WINDOW_BYTES / 2

/** Bytes waiting above which an attempt asks for nothing more: what would be left of the window is too little to go on with. */
const CRAMPED_BYTES = RECEIVE_WINDOW_BYTES / 2

export class GetReadable extends Readable implements GetStream {
  readonly path: string
  readonly #transfer: ClientTransfer
  readonly #digest: Digest
  readonly #part: Pick<GetOptions, 'offset' | 'length'>
  #inbound: Inbound | undefined
  #metadata: FileMetadata | undefined
  #bytes = 0
  #isAtEnd = false
  #wasRead = false
  /** The attempt that is running was given no window. */
  #isCramped = false

  /** Throws `ERR_FAKESSH_INVALID_ARG`, `ERR_FAKESSH_INVALID_PATH`; every other failure reaches the stream. */
  constructor(opener: ChannelOpener, path: string, options: GetOptions = {}, observer?: TransferObserver) {
    checkTransferPath('get: path', path)
    const algorithm = checkTransferOptions('get', options)
    checkPart(options)
    super({ highWaterMark: READABLE_HIGH_WATER_MARK })
    this.path = path
    this.#part = { offset: options.offset, length: options.length }
    this.#digest = new Digest(algorithm)
    const info: TransferInfo = { op: 'get', path }
    const observers = [this.#eventObserver(), observer]
    const windows = [RECEIVE_WINDOW_BYTES]
    this.#transfer = new ClientTransfer(
      { opener, kind: 'get', windows, stop: options, info, observers },
      {
        onOpened: (info) => this.#onOpened(info),
        onData: (bytes) => this.#onData(bytes),
        onEof: () => {
          this.#isAtEnd = true
        },
        onProof: (remote) => this.#onProof(remote),
        onFailed: (failure) => this.destroy(failure as Error),
        onInterrupted: () => {
          this.#isCramped = false
          void this.#carryOn()
        },
      },
    )
    this.#transfer.start(this.#params())
    const { channel } = this.#transfer
    if (channel) this.#inbound = new Inbound(channel, 0, this)
  }

  get metadata(): FileMetadata | undefined {
    return this.#metadata
  }

  get result(): Promise<TransferReceipt> {
    const { promise } = this.#transfer.result
    // Whoever asked may attach a reader in the same turn.
    setImmediate(() => this.#discardIfUnread())
    return promise
  }

  /** As Node's, except that an error nobody listens to is not thrown. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'error') {
      if (this.listenerCount('error') === 0) return false
      this.#transfer.result.markHandled()
    }
    return super.emit(event, ...args)
  }

  override _read(): void {
    this.#wasRead = true
    if (this.#inbound?.isDiscarding) {
      this.destroy(
        this.#closedError(
          'its bytes were thrown away, because its result was asked for before anything read it',
        ),
      )
      return
    }
    this.#inbound?.pull()
    this.#reportTaken()
    this.#askForMore()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#transfer.stop(error ?? this.#closedError('the stream was destroyed before its end'))
    callback(error)
  }

  #params(): object {
    const have = this.#bytes > 0 ? { bytes: this.#bytes, digest: this.#digest.hexSoFar() } : undefined
    return { path: this.path, algorithm: this.#digest.algorithm, ...this.#part, have }
  }

  #onOpened(info: JsonObject): void {
    const { metadata, start } = parseGetAnswer(info, this.#bytes)
    if (start < this.#bytes) {
      const message = 'the file changed while the connection was lost, and its beginning has been handed on'
      throw new FakeSshError('ERR_FAKESSH_SOURCE_CHANGED', message)
    }
    this.#metadata = metadata
    const { offset = 0, length = Number.POSITIVE_INFINITY } = this.#part
    const total = Math.min(Math.max(0, metadata.size - offset), length)
    this.#transfer.agreed(total, start, start - this.#waitingBytes)
    this.#transfer.tracker.metadataKnown(metadata)
  }

  /** After a lost connection: asks for what comes after all that has arrived, whether or not it has been read. */
  async #carryOn(): Promise<void> {
    try {
      await this.#transfer.reconnected()
      this.#startAgain()
    } catch {
      // The transfer has failed, and the stream with it.
    }
  }

  /**
   * What waits for the reader and what is asked for are one window together: a reader that is paused over many losses holds no more than
   * that. Without a window the attempt only hears how the transfer ends, until there is room.
   */
  #startAgain(): void {
    const waiting = this.#waitingBytes
    const isCramped = waiting > CRAMPED_BYTES
    this.#isAtEnd = false
    this.#transfer.startAgain(this.#params(), [isCramped ? 0 : RECEIVE_WINDOW_BYTES - waiting])
    this.#isCramped = isCramped
    const { channel } = this.#transfer
    if (channel) this.#inbound?.moveTo(channel)
  }

  /** Once there is room for what an attempt without a window left out. */
  #askForMore(): void {
    if (!this.#isCramped || this.#waitingBytes > CRAMPED_BYTES || this.#transfer.signal.aborted) return
    this.#transfer.abandon()
    this.#startAgain()
  }

  #onData(bytes: Uint8Array): void {
    this.#bytes += bytes.length
    this.#transfer.tracker.meter.addTransferred(bytes.length)
    this.#digest.update(bytes)
    this.#inbound?.accept(bytes)
    this.#reportTaken()
    this.#discardIfUnread()
  }

  #onProof(remote: RemoteProof): void {
    if (!this.#isAtEnd) throw commitBeforeEnd()
    const proof: Proof = { bytes: this.#bytes, algorithm: this.#digest.algorithm, digest: this.#digest.hex() }
    this.#transfer.conclude(proof, remote)
    this.#isCramped = false
    const { mode, mtimeMs } = this.#metadata ?? {}
    this.#transfer.succeed(proof, { mode, mtimeMs })
    this.#inbound?.finish()
    if (this.#inbound?.isDiscarding) this.destroy()
  }

  #reportTaken(): void {
    this.#transfer.tracker.meter.setAcknowledged(this.#bytes - this.#waitingBytes)
  }

  get #waitingBytes(): number {
    return this.#inbound?.waitingBytes ?? 0
  }

  #discardIfUnread(): void {
    const inbound = this.#inbound
    if (!inbound || inbound.isDiscarding || inbound.waitingBytes < DISCARD_BYTES) return
    const isUnread = !this.#wasRead && this.readableFlowing === null
    if (!isUnread || !this.#transfer.result.isTouched) return
    inbound.discard()
    this.#askForMore()
  }

  #eventObserver(): TransferObserver {
    const typed = this as unknown as te.default<Pick<GetStreamEvents, keyof GetStreamEvents>>
    return {
      metadata: (_transfer, metadata) => callListener(() => typed.emit('metadata', metadata)),
      progress: (_transfer, progress) => callListener(() => typed.emit('progress', progress)),
      checksum: (_transfer, checksum) => callListener(() => typed.emit('checksum', checksum)),
    }
  }

  #closedError(why: string): FakeSshError {
    return new TransferError('ERR_FAKESSH_CLOSED', `get '${escapeText(this.path)}': ${why}`, this.#bytes, {
      op: 'get',
      path: this.path,
    })
  }
}
