/** The client's half of `put` as a Writable: finishes only when the server has proved that it committed. */
import { Writable } from 'node:stream'
import type * as te from 'typed-emitter'
import type { ChannelOpener } from '../connection/channel-opener.js'
import { TransferError } from '../errors.js'
import { escapeText } from '../escape.js'
import { Outbound } from '../streams/outbound.js'
import { ClientTransfer } from './client-transfer.js'
import { Digest } from './digest.js'
import { commitBeforeEnd, type Proof, type RemoteProof } from './proof.js'
import type { PutStream, PutStreamEvents } from './put-stream.js'
import type { PutOptions, TransferInfo, TransferObserver, TransferReceipt } from './transfer.js'
import { checkTransferOptions, checkTransferPath, checkWriteOptions } from './transfer-arguments.js'
import { callListener } from './transfer-events.js'

/** Bytes that wait here before `write()` says to wait; what piles up is sent as one piece. */
const HIGH_WATER_MARK = 262_144

type Callback = (error?: Error | null) => void

export class PutWritable extends Writable implements PutStream {
  readonly path: string
  readonly #options: PutOptions
  readonly #transfer: ClientTransfer
  readonly #digest: Digest
  readonly #outbound: Outbound | undefined
  #bytes = 0
  #isOpened = false
  /** What Node waits for: a write or the end, until the server has agreed; then the end, until the server has committed. */
  #waiting: { readonly go: () => void; readonly callback: Callback } | undefined
  /** Our claim, once it was sent. */
  #proof: Proof | undefined

  /** Throws `ERR_FAKESSH_INVALID_ARG`, `ERR_FAKESSH_INVALID_PATH`; every other failure reaches the stream. */
  constructor(opener: ChannelOpener, path: string, options: PutOptions = {}, observer?: TransferObserver) {
    checkTransferPath('put: path', path)
    const algorithm = checkTransferOptions('put', options)
    const mode = checkWriteOptions('put', options)
    super({ highWaterMark: HIGH_WATER_MARK })
    const { size, mtimeMs, overwrite, fsync } = options
    this.path = path
    this.#options = { mode, mtimeMs }
    this.#digest = new Digest(algorithm)
    const info: TransferInfo = { op: 'put', path }
    const observers = [this.#eventObserver(), observer]
    const params = { path, algorithm, size, mode, mtimeMs, overwrite, fsync }
    this.#transfer = new ClientTransfer(
      { opener, kind: 'put', windows: [], stop: options, info, observers },
      {
        onOpened: () => {
          this.#transfer.agreed(size)
          this.#isOpened = true
          const waiting = this.#waiting
          this.#waiting = undefined
          waiting?.go()
        },
        onProof: (remote) => this.#onProof(remote),
        onFailed: (failure) => this.destroy(failure as Error),
      },
    )
    this.#transfer.start(params)
    const { channel } = this.#transfer
    if (channel) this.#outbound = new Outbound(channel, 0)
  }

  get result(): Promise<TransferReceipt> {
    return this.#transfer.result.promise
  }

  /** As Node's, except that an error nobody listens to is not thrown. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'error') {
      if (this.listenerCount('error') === 0) return false
      this.#transfer.result.markHandled()
    }
    return super.emit(event, ...args)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#whenOpened(() => this.#send([{ chunk }], callback), callback)
  }

  override _writev(chunks: { readonly chunk: Buffer }[], callback: Callback): void {
    this.#whenOpened(() => this.#send(chunks, callback), callback)
  }

  override _final(callback: Callback): void {
    this.#whenOpened(() => {
      this.#proof = { bytes: this.#bytes, algorithm: this.#digest.algorithm, digest: this.#digest.hex() }
      this.#outbound?.end()
      this.#transfer.channel?.sendCommit(this.#proof)
      this.#waiting = { go: callback, callback }
    }, callback)
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const { path } = this
    const message = `put '${escapeText(path)}': the stream was destroyed before the server committed`
    const reason = error ?? new TransferError('ERR_FAKESSH_CLOSED', message, this.#bytes, { op: 'put', path })
    this.#transfer.stop(reason)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.callback(reason)
    callback(error)
  }

  #whenOpened(go: () => void, callback: Callback): void {
    if (this.#isOpened) go()
    else this.#waiting = { go, callback }
  }

  #send(chunks: readonly { readonly chunk: Buffer }[], callback: Callback): void {
    let bytes = 0
    for (const { chunk } of chunks) {
      this.#digest.update(chunk)
      bytes += chunk.length
    }
    this.#bytes += bytes
    this.#outbound?.writev(chunks, (error) => {
      if (!error) this.#transfer.tracker.meter.addTransferred(bytes)
      callback(error)
    })
  }

  #onProof(remote: RemoteProof): void {
    if (!this.#proof) throw commitBeforeEnd()
    this.#transfer.conclude(this.#proof, remote)
    this.#transfer.succeed(this.#proof, this.#options)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.go()
  }

  #eventObserver(): TransferObserver {
    const typed = this as unknown as te.default<Pick<PutStreamEvents, keyof PutStreamEvents>>
    return {
      progress: (_transfer, progress) => callListener(() => typed.emit('progress', progress)),
      checksum: (_transfer, checksum) => callListener(() => typed.emit('checksum', checksum)),
    }
  }
}
