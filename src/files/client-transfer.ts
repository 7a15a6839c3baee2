/**
 * The client's end of one transfer: opens a channel, and another one when the connection was lost and the transfer can go on; listens to
 * what can stop it, and ends exactly once, with a receipt or with the first failure. What the bytes are for is the business of its role.
 */
import type { Channel, ChannelHandler } from '../connection/channel-handler.js'
import type { ChannelOpener } from '../connection/channel-opener.js'
import { ConnectionError, FakeSshError, TransferError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { OperationOptions } from '../options.js'
import type { CommitMessage, JsonObject } from '../protocol/messages.js'
import { Attempts } from './attempts.js'
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
  /** The connection was lost, another one may follow: what this attempt was doing has ended, the transfer has not. Absent: it has. */
  onInterrupted?(error: FakeSshError): void
}

/** How a transfer ended that did not succeed: by the caller, with its connection, or because something was wrong. */
export type FailureKind = 'stopped' | 'lost' | 'wrong'

export interface ClientTransferOptions {
  readonly opener: ChannelOpener
  readonly kind: 'get' | 'put'
  readonly windows: readonly number[]
  readonly stop: OperationOptions
  readonly info: TransferInfo
  readonly observers: readonly (TransferObserver | undefined)[]
}

export class ClientTransfer {
  readonly tracker: TransferTracker
  /** Rejects with what `onFailed` gets. */
  readonly result = new LazyResult<TransferReceipt>()
  readonly #options: ClientTransferOptions
  readonly #role: TransferRole
  readonly #attempts: Attempts
  readonly #ended = new AbortController()
  #channel: Channel | undefined
  /** Which attempt is running: what is heard of an earlier one counts for nothing. */
  #attempt = 0
  /** Bytes that came before the first of this attempt. */
  #startBytes = 0
  /** This attempt asks for no bytes yet. */
  #isIdle = false
  /** How far this attempt is: to the last byte that came here, or that is known to be in the peer's file. */
  #reachedBytes = 0
  #endWatch: () => void = () => undefined
  /** `concluding`: what is left to do is ours, so neither the peer nor the caller can stop it. */
  #state: 'running' | 'concluding' | 'over' = 'running'
  /** The peer has proved its end: it has done all that it will do, so its going away is no failure. */
  #isProved = false
  #failureKind: FailureKind | undefined

  constructor(options: ClientTransferOptions, role: TransferRole) {
    this.#options = options
    this.#role = role
    this.#attempts = new Attempts(options.opener.recovery)
    this.tracker = new TransferTracker(options.info, options.observers)
  }

  /** Undefined before `start`, and when the signal was aborted by then. */
  get channel(): Channel | undefined {
    return this.#channel
  }

  /** Aborted when it has failed. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  /** Undefined while it has not failed. */
  get failureKind(): FailureKind | undefined {
    return this.#failureKind
  }

  /** Opens the channel. To be called once, when the role is ready: an aborted signal fails it at once. */
  start(params: object): void {
    const { stop } = this.#options
    this.#endWatch = watchStopOptions(stop, {
      onAbort: (reason) => this.stop(reason),
      onTimeout: () => {
        this.fail(new FakeSshError('ERR_FAKESSH_TIMEOUT', `took longer than ${stop.timeoutMs} ms`), 'stopped')
      },
    })
    this.#open(params)
  }

  /** Drops the channel, and what is still to be heard of it: the next thing is to be `startAgain`. */
  abandon(): void {
    this.#attempt += 1
    this.#channel?.abort()
  }

  /**
   * Another attempt, on a channel of its own, by default with the windows of the first; with windows of 0 it counts as none. Throws why the
   * transfer has failed, if it has.
   */
  startAgain(params: object, windows?: readonly number[]): void {
    this.signal.throwIfAborted()
    this.#open(params, windows)
  }

  /** Settles when an interrupted transfer can `startAgain`. Otherwise fails the transfer, and rejects with why. */
  async reconnected(): Promise<void> {
    try {
      await this.#attempts.next(this.signal)
      this.signal.throwIfAborted()
    } catch (error) {
      this.fail(error, 'lost')
      throw error
    }
  }

  /**
   * The server agreed. `total`: bytes of all that is asked for, as announced; `startBytes`: of those, how many need not be sent, and
   * `acknowledged`: how many of these have arrived for good.
   */
  agreed(total: number | undefined, startBytes = 0, acknowledged = startBytes): void {
    this.#startBytes = startBytes
    this.#reachedBytes = startBytes
    this.#attempts.agreed(startBytes)
    this.tracker.started(total, startBytes, acknowledged)
  }

  /** Ends it from outside with exactly this reason. */
  stop(reason: unknown): void {
    if (this.#state === 'running') this.#end(reason, 'stopped')
  }

  /** Ends it because of an error of ours or the peer's, unless it is over. Gives that error all that is known of the transfer. */
  fail(error: unknown, kind: FailureKind = 'wrong'): void {
    if (this.#state !== 'over') this.#end(this.described(error), kind)
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

  /** The error, with all that is known of the transfer. */
  described(error: unknown): TransferError {
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

  #open(params: object, windows = this.#options.windows): void {
    if (this.#state !== 'running') return
    const { opener, kind } = this.#options
    this.#attempt += 1
    this.#isIdle = windows.length > 0 && windows.every((window) => window === 0)
    this.#startBytes = 0
    this.#reachedBytes = 0
    this.#channel = opener.open(kind, params, windows, this.#handlerOf(this.#attempt))
  }

  #handlerOf(attempt: number): ChannelHandler {
    const current = (call: () => void) => {
      if (attempt === this.#attempt) this.#guarded(call)
    }
    return {
      onOpened: (info) => current(() => this.#role.onOpened(info)),
      onData: (_stream, bytes) =>
        current(() => {
          this.#reachedBytes += bytes.length
          this.#role.onData?.(bytes)
        }),
      onEof: () => current(() => this.#role.onEof?.()),
      onAcknowledged: (_stream, consumed) =>
        current(() => {
          this.#reachedBytes = this.#startBytes + consumed
          this.tracker.meter.setAcknowledged(this.#reachedBytes)
        }),
      onCommit: (commit) => current(() => this.#onCommit(commit)),
      onClosed: (error) => {
        if (attempt === this.#attempt) this.#onClosed(error)
      },
    }
  }

  #onCommit(commit: CommitMessage): void {
    if ('error' in commit) throw errorOfFailure(commit.error)
    this.#isProved = true
    this.#role.onProof(commit)
  }

  #onClosed(error: FakeSshError | undefined): void {
    // Most often it is the end of a transfer that is over.
    if (this.#state === 'running' && !this.#isProved) {
      const { onInterrupted } = this.#role
      if (error && onInterrupted && this.#attempts.mayFollow(error, this.#reachedBytes, this.#isIdle)) {
        onInterrupted(error)
      } else {
        this.#end(
          this.described(error ?? cancelledByPeer()),
          error && !ConnectionError.is(error) ? 'wrong' : 'lost',
        )
      }
    }
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

  #end(failure: unknown, kind: FailureKind): void {
    this.#state = 'over'
    this.#failureKind = kind
    this.#endWatch()
    this.#ended.abort(failure)
    this.#channel?.abort()
    this.result.reject(failure)
    this.tracker.failed(failure)
    this.#role.onFailed(failure)
  }
}
