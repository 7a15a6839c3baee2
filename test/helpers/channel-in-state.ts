/** A core with one channel brought into any of its states, from either side. */
import type { ChannelState } from '../../src/protocol/channel-states.js'
import type { ConnectionCore } from '../../src/protocol/connection-core.js'
import { drainBytes, feed, openCore } from './cores.js'
import { frames, type TypeName } from './frames.js'

export interface Prepared {
  readonly core: ConnectionCore
  readonly id: number
}

const WINDOWS = [64]

/** Ways to bring a channel into each state; where both sides can, both are here. */
export const WAYS: { readonly [state in ChannelState]: readonly (() => Prepared)[] } = {
  opening: [opening],
  pending: [pending],
  open: [openedByUs, openedByPeer],
  'close-sent': [
    () => and(openedByUs(), ({ core, id }) => core.closeChannel(id, true)),
    () => and(openedByPeer(), ({ core, id }) => core.closeChannel(id, false)),
    () => and(opening(), ({ core, id }) => core.closeChannel(id, false)),
  ],
  'close-received': [
    () => and(openedByUs(), ({ core, id }) => void feed(core, frames.close(id))),
    () => and(openedByPeer(), ({ core, id }) => void feed(core, frames.close(id))),
    () => and(pending(), ({ core, id }) => void feed(core, frames.close(id))),
  ],
  closed: [() => and(pending(), ({ core, id }) => core.rejectChannel(id, 'EPERM', 'no'))],
}

function and(prepared: Prepared, act: (prepared: Prepared) => void): Prepared {
  act(prepared)
  drainBytes(prepared.core)
  return prepared
}

function opening(): Prepared {
  const core = openCore()
  const id = core.openChannel('test', {}, WINDOWS)
  drainBytes(core)
  return { core, id }
}

function pending(): Prepared {
  const core = openCore()
  feed(core, frames.open(1, WINDOWS))
  return { core, id: 1 }
}

function openedByUs(): Prepared {
  return and(opening(), ({ core, id }) => void feed(core, frames.openOk(id, WINDOWS)))
}

function openedByPeer(): Prepared {
  return and(pending(), ({ core, id }) => core.acceptChannel(id, {}, WINDOWS))
}

/** A frame for the channel that is well formed, and that only the state can make wrong. */
export function frameFor(name: TypeName, id: number): Uint8Array {
  switch (name) {
    case 'OPEN':
      return frames.open(id, WINDOWS)
    case 'OPEN_OK':
      return frames.openOk(id, WINDOWS)
    case 'OPEN_FAIL':
      return frames.openFail(id)
    case 'REQUEST':
      return frames.request(id, 1)
    case 'REPLY':
      return frames.replyOk(id, 1)
    case 'EXIT':
      return frames.exit(id)
    case 'COMMIT':
      return frames.commit(id)
    case 'DATA':
      return frames.data(id, new Uint8Array(1))
    case 'WINDOW':
      return frames.window(id, 0, 64)
    case 'EOF':
      return frames.eof(id, 0, 0)
    case 'CLOSE':
      return frames.close(id)
    case 'HELLO':
      return frames.hello('client')
    case 'AUTH':
      return frames.auth()
    case 'GOODBYE':
      return frames.goodbye('shutdown')
    case 'PING':
      return frames.ping()
    default:
      return frames.pong()
  }
}
