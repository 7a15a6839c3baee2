/** The states of a channel, as one literal table (docs/protocol.md, section 6.4). What is absent is illegal. */
import type { FrameName } from './constants.js'

export type ChannelState = 'opening' | 'pending' | 'open' | 'close-sent' | 'close-received' | 'closed'

/** Frames that belong to a channel. */
export type ChannelFrame = Extract<
  FrameName,
  'OPEN_OK' | 'OPEN_FAIL' | 'DATA' | 'WINDOW' | 'EOF' | 'REQUEST' | 'REPLY' | 'EXIT' | 'COMMIT' | 'CLOSE'
>

type Transitions = { readonly [frame in ChannelFrame]?: ChannelState }

const whileOpen = {
  DATA: 'open',
  WINDOW: 'open',
  EOF: 'open',
  REQUEST: 'open',
  REPLY: 'open',
  EXIT: 'open',
  COMMIT: 'open',
} as const

/** state → direction → frame → next state. */
export const CHANNEL_TRANSITIONS: {
  readonly [state in ChannelState]: { readonly sent: Transitions; readonly received: Transitions }
} = {
  // We sent OPEN and wait for the answer. CLOSE gives up; the answer may still cross it.
  opening: {
    sent: { CLOSE: 'close-sent' },
    received: { OPEN_OK: 'open', OPEN_FAIL: 'closed' },
  },
  // We received OPEN and have not answered yet.
  pending: {
    sent: { OPEN_OK: 'open', OPEN_FAIL: 'closed' },
    received: { CLOSE: 'close-received' },
  },
  open: {
    sent: { ...whileOpen, CLOSE: 'close-sent' },
    received: { ...whileOpen, CLOSE: 'close-received' },
  },
  // We want nothing more; what the peer had under way still arrives and is ignored.
  'close-sent': {
    sent: {},
    received: {
      OPEN_OK: 'close-sent',
      DATA: 'close-sent',
      WINDOW: 'close-sent',
      EOF: 'close-sent',
      REQUEST: 'close-sent',
      REPLY: 'close-sent',
      EXIT: 'close-sent',
      COMMIT: 'close-sent',
      OPEN_FAIL: 'closed',
      CLOSE: 'closed',
    },
  },
  // The peer wants nothing more; we clean up, then answer with CLOSE.
  'close-received': {
    sent: { CLOSE: 'closed' },
    received: {},
  },
  // A CLOSE can still arrive when it crossed our OPEN_FAIL.
  closed: {
    sent: {},
    received: { CLOSE: 'closed' },
  },
}

/** The next state, or undefined when the frame is illegal there. */
export function nextChannelState(
  state: ChannelState,
  direction: 'sent' | 'received',
  frame: ChannelFrame,
): ChannelState | undefined {
  return CHANNEL_TRANSITIONS[state][direction][frame]
}
