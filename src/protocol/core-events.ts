/** What the core tells its driver: facts, in wire order. */
import type { ConnectionError } from '../errors.js'
import type { Agreement } from './handshake.js'
import type {
  AuthReply,
  AuthRequest,
  CommitMessage,
  ExitMessage,
  JsonObject,
  ReplyMessage,
} from './messages.js'

export type CoreEvent =
  /** The peer's HELLO was accepted. */
  | { readonly type: 'hello'; readonly agreement: Agreement }
  /** Server: a client offers a credential; answer with `sendAuthReply`. */
  | { readonly type: 'auth-request'; readonly request: AuthRequest }
  /** Client: the server answered. */
  | { readonly type: 'auth-reply'; readonly reply: AuthReply }
  /** The peer opened a channel; answer with `acceptChannel` or `rejectChannel`. */
  | {
      readonly type: 'channel-requested'
      readonly channel: number
      readonly kind: string
      readonly params: JsonObject
    }
  | { readonly type: 'channel-opened'; readonly channel: number; readonly info: JsonObject }
  | {
      readonly type: 'channel-refused'
      readonly channel: number
      readonly code: string
      readonly message: string
    }
  /** Bytes arrived; report them with `onBytesConsumed` once they were taken. */
  | { readonly type: 'data'; readonly channel: number; readonly stream: number; readonly bytes: Uint8Array }
  | { readonly type: 'eof'; readonly channel: number; readonly stream: number }
  | {
      readonly type: 'acknowledged'
      readonly channel: number
      readonly stream: number
      readonly consumed: number
    }
  | {
      readonly type: 'request'
      readonly channel: number
      readonly id: number
      readonly request: string
      readonly params: JsonObject
    }
  | { readonly type: 'reply'; readonly channel: number; readonly reply: ReplyMessage }
  | { readonly type: 'exit'; readonly channel: number; readonly exit: ExitMessage }
  | { readonly type: 'commit'; readonly channel: number; readonly commit: CommitMessage }
  /** The peer sent CLOSE first; clean up, then `closeChannel`. */
  | { readonly type: 'channel-closed-by-peer'; readonly channel: number }
  /** Both sides sent CLOSE; the id is gone. */
  | { readonly type: 'channel-closed'; readonly channel: number }
  /** The peer says why it ends the connection. `shutdown` lets running channels finish. */
  | { readonly type: 'goodbye'; readonly code: string; readonly message: string }
  /** The peer broke the protocol. A GOODBYE for it is queued; send it and close. Always the last event. */
  | { readonly type: 'failed'; readonly error: ConnectionError }
