// Every channel state × every frame × both directions: the channel ends where docs/protocol.md, section 6.4 says, or the connection
// ends with a ProtocolError. The core does not show the state of a channel, so it is told by what the core then takes and sends.
import { describe, expect, test } from 'vitest'
import {
  CHANNEL_TRANSITIONS,
  type ChannelFrame,
  type ChannelState,
} from '../../src/protocol/channel-states.js'
import { frameFor, type Prepared, WAYS } from '../helpers/channel-in-state.js'
import { drainBytes, failureIn, feed, saying } from '../helpers/cores.js'
import { frames } from '../helpers/frames.js'

const FRAMES = [
  'OPEN_OK',
  'OPEN_FAIL',
  'DATA',
  'WINDOW',
  'EOF',
  'REQUEST',
  'REPLY',
  'EXIT',
  'COMMIT',
  'CLOSE',
] as const satisfies readonly ChannelFrame[]

/** Tells the six states apart by what may be sent; the channel is of no further use. */
function stateOf({ core, id }: Prepared): ChannelState {
  if (!core.hasChannel(id)) return 'closed'
  if (core.sendRequest(id, 'probe', {}) !== undefined) return 'open'
  core.acceptChannel(id, {}, [])
  if (saying(core).join() === `OPEN_OK ${id}`) return 'pending'
  core.closeChannel(id, true)
  if (saying(core).join() !== `CLOSE ${id}`) return 'close-sent'
  return core.hasChannel(id) ? 'opening' : 'close-received'
}

/** Does what sends the frame, if it may be sent. */
function send(name: ChannelFrame, { core, id }: Prepared): unknown {
  const exit = { exitCode: 0, signal: null, stdioLeaked: false, stdinBytes: 0 }
  switch (name) {
    case 'OPEN_OK':
      return core.acceptChannel(id, {}, [64])
    case 'OPEN_FAIL':
      return core.rejectChannel(id, 'EPERM', 'no')
    case 'DATA':
      return core.sendData(id, 0, new Uint8Array(1), () => {})
    case 'EOF':
      return core.sendEof(id, 0)
    case 'REQUEST':
      return core.sendRequest(id, 'test', {})
    case 'REPLY':
      return core.sendReply(id, { id: 1, ok: true, info: {} })
    case 'EXIT':
      return core.sendExit(id, exit)
    case 'COMMIT':
      return core.sendCommit(id, { bytes: 0, algorithm: 'md5', digest: '0'.repeat(32) })
    case 'CLOSE':
      return core.closeChannel(id, false)
    default:
      // Credit is given for what arrived.
      if (core.hasChannel(id) && core.sendRequest(id, 'probe', {}) !== undefined) {
        feed(
          core,
          ...Array.from({ length: 32 }, (_, at) => frames.data(id, new Uint8Array(1), 0, new Uint8Array(at))),
        )
        drainBytes(core)
      }
      return core.onBytesConsumed(id, 0, 32)
  }
}

describe.each(Object.entries(WAYS))('a channel in state %s', (name, ways) => {
  const state = name as ChannelState
  const numbered = ways.map((prepare, i) => [i + 1, prepare] as const)

  test.each(numbered)('reached by way %i, is in that state', (_way, prepare) => {
    expect(stateOf(prepare())).toBe(state)
  })

  describe.each(numbered)('reached by way %i', (_way, prepare) => {
    test.each(FRAMES)('when %s arrives', (frame) => {
      const { core, id } = prepare()
      // A REPLY answers a REQUEST; where there was none it is wrong in every state.
      const isAnswer = frame === 'REPLY' && core.sendRequest(id, 'test', {}) !== undefined
      drainBytes(core)
      const next = CHANNEL_TRANSITIONS[state].received[frame]
      const events = feed(core, frameFor(frame, id))
      if (next === undefined || (frame === 'REPLY' && !isAnswer)) {
        expect(failureIn(events)?.code).toBe('ERR_FAKESSH_PROTOCOL')
        expect(core.state).toBe('closed')
      } else {
        expect(failureIn(events)).toBeUndefined()
        expect(stateOf({ core, id })).toBe(next)
      }
    })

    test.each(FRAMES)('when we send %s', (frame) => {
      const { core, id } = prepare()
      const next = CHANNEL_TRANSITIONS[state].sent[frame]
      send(frame, { core, id })
      expect(saying(core)).toEqual(next === undefined ? [] : [`${frame} ${id}`])
      expect(core.state).toBe('open')
      expect(stateOf({ core, id })).toBe(next ?? state)
    })
  })
})
