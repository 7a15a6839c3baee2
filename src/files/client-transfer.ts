/**
 * The client's end of one transfer: opens the channel, listens to what can stop it, and ends exactly once, with a receipt or with
 * the first failure. What the bytes are for is the business of its role.
 */
import type { Channel, ChannelHandler } from '../connection/channel-handler.js'
import type { ChannelOpener } from '../connection/channel-opener.js'
import { FakeSshError, TransferError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { OperationOptions } from '../options.js'
import type { CommitMessage, JsonObject } from '../protocol/messages.js'
import { LazyResult } from './lazy-result.js'
import { cancelledByPeer, compareProofs, errorOfFailure, type Proof, type RemoteProof } from './proof.js'
import { watchStopOptions } from './stop-conditions.js'
import type { TransferInfo, TransferObserver, TransferReceipt } from './transfer.js'
import { type ReceiptExtras, TransferTracker } from './transfer-tracker.js'

/** What one kind of transfer does with its channel. Nothing is called once the transfer is over. */
export interface TransferRole {
  /** The server agreed. */
  onOpened(info: JsonObject): void
  onData?(bytes: Uint8Array): void
  onEof?(): void
  /** The server proved its end. */
  onProof(remote: RemoteProof): void
  /** It failed, for the first and only time; the channel is being closed. */
  onFailed(failure: unknown): void
}

export interface ClientTransferOptions {
  readonly opener: ChannelOpener
  readonly kind: 'get' | 'put'
  readonly windows: readonly number[]
  readonly stop: OperationOptions
  readonly info: TransferInfo
  readonly observers: readonly (TransferObserver | undefined)[]
}

export class ClientTransfer implements ChannelHandler {
  readonly tracker: TransferTracker
  /** Rejects with what `onFailed` gets. */
  readonly result = new LazyResult<TransferReceipt>()
  readonly #options: ClientTransferOptions
  readonly #role: TransferRole
  #channel: Channel | undefined
  #endWatch: () => void = () => undefined
  /** `concluding`: what is left to do is ours, so neither the peer nor the caller can stop it. */
  #state: 'running' | 'concluding' | 'over' = 'running'
  /** The peer has proved its end: it has done all that it will do, so its going away is no failure. */
  #isProved = false

  constructor(options: ClientTransferOptions, role: TransferRole) {
    this.#options = options
    this.#role = role
    this.tracker = new TransferTracker(options.info, options.observers)
  }

  /** Undefined before `start`, and when the signal was aborted by then. */
  get channel(): Channel | undefined {
    return this.#channel
  }

  /** Opens the channel. To be called once, when the role is ready: an aborted signal fails it at once. */
  start(params: object): void {
    const { opener, kind, windows, stop } = this.#options
    this.#endWatch = watchStopOptions(stop, {
      onAbort: (reason) => this.stop(reason),
      onTimeout: () => {
        this.fail(new FakeSshError('ERR_FAKESSH_TIMEOUT', `took longer than ${stop.timeoutMs} ms`))
      },
    })
    if (this.#state === 'running') this.#channel = opener.open(kind, params, windows, this)
  }

  /** Ends it from outside with exactly this reason. */
  stop(reason: unknown): void {
    if (this.#state === 'running') this.#end(reason)
  }

  /** Ends it because of an error of ours or the peer's, unless it is over. Gives that error all that is known of the transfer. */
  fail(error: unknown): void {
    if (this.#state !== 'over') this.#end(this.#described(error))
  }

  /** Throws unless both ends agree; then closes the channel. From now on only `succeed` and `fail` count. */
  conclude(local: Proof, remote: RemoteProof): void {
    this.tracker.proofsKnown(local, remote)
    compareProofs(local, remote)
    this.#state = 'concluding'
    this.#endWatch()
    this.#channel?.close()
  }

  /** After `conclude`. */
  succeed(proof: Proof, extras?: ReceiptExtras): TransferReceipt {
    this.#state = 'over'
    const receipt = this.tracker.finished(proof, extras)
    this.result.resolve(receipt)
    return receipt
  }

  onOpened(info: JsonObject): void {
    this.#guarded(() => this.#role.onOpened(info))
  }

  onData(_stream: number, bytes: Uint8Array): void {
    this.#guarded(() => this.#role.onData?.(bytes))
  }

  onEof(): void {
    this.#guarded(() => this.#role.onEof?.())
  }

  onAcknowledged(_stream: number, consumed: number): void {
    if (this.#state === 'running') this.tracker.meter.setAcknowledged(consumed)
  }

  onCommit(commit: CommitMessage): void {
    this.#guarded(() => {
      if ('error' in commit) throw errorOfFailure(commit.error)
      this.#isProved = true
      this.#role.onProof(commit)
    })
  }

  onClosed(error: FakeSshError | undefined): void {
    // Most often it is the end of a transfer that is over.
    if (this.#state === 'running' && !this.#isProved) this.#end(this.#described(error ?? cancelledByPeer()))
    this.#channel?.close()
  }

  /** Our errors fail the transfer. Others are mistakes, for the connection to report. */
  #guarded(call: () => void): void {
    if (this.#state !== 'running') return
    try {
      call()
    } catch (error) {
      if (!FakeSshError.is(error)) throw error
      this.fail(error)
    }
  }

  #end(failure: unknown): void {
    this.#state = 'over'
    this.#endWatch()
    this.#channel?.abort()
    this.result.reject(failure)
    this.tracker.failed(failure)
    this.#role.onFailed(failure)
  }

  #described(error: unknown): TransferError {
    const { op, path, localPath } = this.#options.info
    const [code, text] = FakeSshError.is(error)
      ? [error.code, error.message]
      : ['ERR_FAKESSH_INTERNAL', 'failed in an unexpected way']
    return new TransferError(code, `${op} '${escapeText(path)}': ${text}`, this.tracker.meter.transferred, {
      op,
      path,
      localPath,
      host: this.#channel?.peerLabel,
      cause: error,
    })
  }
}
