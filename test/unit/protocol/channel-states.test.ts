// The table in the code is the table in docs/protocol.md, section 6.4, cell by cell.
import { expect, test } from 'vitest'
import {
  CHANNEL_TRANSITIONS,
  type ChannelFrame,
  type ChannelState,
  nextChannelState,
} from '../../../src/protocol/channel-states.js'
import { TYPE_NAMES } from '../../helpers/frames.js'
import { tableOf } from '../../helpers/specification.js'

const STATES = Object.keys(CHANNEL_TRANSITIONS) as ChannelState[]
const FRAMES = TYPE_NAMES.filter(
  (name) => !['HELLO', 'AUTH', 'GOODBYE', 'PING', 'PONG', 'OPEN'].includes(name),
) as ChannelFrame[]

/** `DATA, EOF; CLOSE → \`closed\`` as frame → next state; frames without an arrow stay. */
function transitions(cell: string, state: string): Record<string, string> {
  const next: Record<string, string> = {}
  for (const part of cell.split(';')) {
    const target = part.match(/→ `([^`]+)`/)?.[1] ?? state
    for (const frame of part.match(/[A-Z_]{3,}/g) ?? []) next[frame] = target
  }
  return next
}

function specified() {
  const table: Record<string, { sent: Record<string, string>; received: Record<string, string> }> = {}
  for (const [head = '', sent = '', received = ''] of tableOf('### 6.4 Channel states')) {
    const state = head.match(/`([^`]+)`/)?.[1] ?? ''
    // Remarks in brackets name frames too.
    const plain = (cell: string) => cell.replaceAll(/\([^)]*\)/g, '')
    const ours = transitions(plain(sent), state)
    const same = received.startsWith('the same') ? ours : {}
    table[state] = { sent: ours, received: { ...same, ...transitions(plain(received), state) } }
  }
  return table
}

test('the table is that of the specification', () => {
  expect(CHANNEL_TRANSITIONS).toEqual(specified())
})

test.each(STATES)('in state %s every frame has one next state or none', (state) => {
  for (const direction of ['sent', 'received'] as const) {
    for (const frame of FRAMES) {
      const next = nextChannelState(state, direction, frame)
      expect(next).toBe(specified()[state]?.[direction][frame])
      if (next !== undefined) expect(STATES).toContain(next)
    }
  }
})

test('nothing leads out of closed, and closed is reached from everywhere', () => {
  const reach = (state: ChannelState, seen = new Set<ChannelState>()): Set<ChannelState> => {
    if (seen.has(state)) return seen
    seen.add(state)
    const { sent, received } = CHANNEL_TRANSITIONS[state]
    for (const next of [...Object.values(sent), ...Object.values(received)]) reach(next, seen)
    return seen
  }
  expect([...reach('closed')]).toEqual(['closed'])
  for (const state of STATES) expect(reach(state)).toContain('closed')
})

test('nothing carries data before the peer confirmed, nor after we closed', () => {
  for (const state of STATES.filter((name) => name !== 'open')) {
    for (const frame of ['DATA', 'EOF', 'REQUEST', 'EXIT', 'COMMIT'] as const) {
      expect(nextChannelState(state, 'sent', frame)).toBeUndefined()
    }
  }
})
