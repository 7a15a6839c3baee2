/** The states of a connection, as one literal table (docs/protocol.md, section 5.3): what may arrive when. */
import type { FrameName } from './constants.js'

export type ConnectionState = 'hello' | 'auth' | 'open' | 'draining' | 'closed'

/** Frames of the connection itself, on channel 0; every other one belongs to a channel. */
export const CONNECTION_FRAMES: ReadonlySet<FrameName> = new Set<FrameName>([
  'HELLO',
  'AUTH',
  'GOODBYE',
  'PING',
  'PONG',
])

const onAnyChannel: readonly FrameName[] = [
  'OPEN',
  'OPEN_OK',
  'OPEN_FAIL',
  'REQUEST',
  'REPLY',
  'EXIT',
  'COMMIT',
  'DATA',
  'WINDOW',
  'EOF',
  'CLOSE',
]

/** state → frames that may be received. Nothing that does work is in the list of a state before authentication. */
export const RECEIVABLE: { readonly [state in ConnectionState]: ReadonlySet<FrameName> } = {
  hello: new Set<FrameName>(['HELLO', 'PING', 'PONG', 'GOODBYE']),
  auth: new Set<FrameName>(['AUTH', 'PING', 'PONG', 'GOODBYE']),
  open: new Set<FrameName>(['PING', 'PONG', 'GOODBYE', ...onAnyChannel]),
  draining: new Set<FrameName>(['PING', 'PONG', 'GOODBYE', ...onAnyChannel]),
  closed: new Set<FrameName>(),
}
