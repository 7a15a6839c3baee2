/** What an operation (exec, get, put, …) implements to live on a channel. */
import type { FakeSshError } from '../errors.js'
import type { CommitMessage, ExitMessage, JsonObject } from '../protocol/messages.js'

/**
 * Receives what happens on one channel. Methods are called synchronously, in wire order, never after `onClosed`.
 * They must not throw: a throw is treated as our own failure and closes the channel.
 */
export interface ChannelHandler {
  /** The peer confirmed our OPEN. Never called on the accepting side. */
  onOpened?(info: JsonObject): void
  /** Bytes arrived, valid during this call only. Whoever takes them must later call `channel.consumed(stream, bytes.length)`; until then they count against the window. */
  onData(stream: number, bytes: Uint8Array): void
  /** The peer sends nothing more on this stream; its byte count has been verified. */
  onEof(stream: number): void
  /** The peer's consumer has taken this many bytes of what we sent on the stream, in total. */
  onAcknowledged?(stream: number, consumed: number): void
  /** A REQUEST; what is returned becomes the REPLY, a thrown FakeSshError a refusal. Absent: refused as unsupported. */
  onRequest?(type: string, params: JsonObject): JsonObject | Promise<JsonObject>
  onExit?(exit: ExitMessage): void
  onCommit?(commit: CommitMessage): void
  /** One side said goodbye. For channels that hold no operation of their own, which are to close now. */
  onDraining?(): void
  /**
   * Called exactly once, last. Without an error: the peer sent CLOSE. With one: OPEN was refused, the connection was lost or
   * ended by either side. The handler stops its work, cleans up, then calls `channel.close()` (harmless when the connection is gone).
   */
  onClosed(error: FakeSshError | undefined): void
}

/** One channel, as an operation sees it. Every method is harmless once the channel or the connection is gone. */
export interface Channel {
  readonly id: number
  readonly kind: string
  /** `host:port` or the like of the peer, for errors. */
  readonly peerLabel: string
  /** True once CLOSE was sent or received or the connection ended: nothing sent from now on arrives. */
  readonly isClosed: boolean
  /**
   * Queues bytes on a stream. `taken` is called exactly once: without an error when the last byte was handed to the transport, so that
   * the buffer may be reused and more may be queued; with one when they were dropped because the channel ended.
   * The caller keeps at most a few buffers queued: backpressure is waiting for `taken`. `hasHeadroom`: the HEADER_BYTES before `bytes` in
   * their buffer may be written to until then, which saves large pieces a copy. Default false.
   */
  send(stream: number, bytes: Uint8Array, taken: (error?: FakeSshError) => void, hasHeadroom?: boolean): void
  /** Ends a stream, after what is queued on it. */
  sendEof(stream: number): void
  /** Sent after everything queued on the channel before it, or, with `drop`, at once instead of it. */
  sendExit(exit: ExitMessage, drop?: boolean): void
  /** Sent after everything queued on the channel before it. */
  sendCommit(commit: CommitMessage): void
  /** Sends a REQUEST. Rejects with the peer's refusal, or when the channel closes first. */
  request(type: string, params: JsonObject): Promise<JsonObject>
  /**
   * Gives credit for bytes that `onData` delivered and that have now been taken or discarded. `widerBy`: how many more bytes than before
   * may be under way from now on. Default 0.
   */
  consumed(stream: number, bytes: number, widerBy?: number): void
  /** Total bytes the peer sent on this stream so far. */
  received(stream: number): number
  /** Sends CLOSE after what is queued; for a cancelled operation use `abort`. Idempotent. */
  close(): void
  /** Drops what is queued and sends CLOSE. Idempotent. `onClosed` is still called when the peer's CLOSE comes or the connection ends. */
  abort(): void
}

/** An OPEN from the peer that waits for a decision. Exactly one of the two methods is to be called, once. */
export interface IncomingOpen {
  readonly channel: Channel
  readonly kind: string
  readonly params: JsonObject
  /** Aborted when the peer gives up or the connection ends before the decision. */
  readonly signal: AbortSignal
  /** Confirms, with how many bytes we are ready to receive on each stream, and takes over the channel. */
  accept(info: JsonObject, windows: readonly number[], handler: ChannelHandler): void
  /** Refuses. `code` is one of ours or a POSIX code; the message goes to the peer. */
  reject(code: string, message: string): void
}
