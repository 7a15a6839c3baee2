// Every connection state × every frame: what docs/protocol.md, section 5.3 does not allow never becomes an event and ends the connection.
import { describe, expect, test } from 'vitest'
import type { ConnectionState } from '../../src/protocol/connection-states.js'
import type { CoreEvent } from '../../src/protocol/core-events.js'
import { frameFor } from '../helpers/channel-in-state.js'
import {
  acceptFrom,
  type CoreSetup,
  drainBytes,
  failureIn,
  feed,
  greetedCore,
  makeCore,
  openCore,
} from '../helpers/cores.js'
import { frames, TYPE_NAMES, type TypeName } from '../helpers/frames.js'

const WAYS: { readonly [state in ConnectionState]: (setup: CoreSetup) => ReturnType<typeof makeCore> } = {
  hello: makeCore,
  auth: greetedCore,
  open: openCore,
  draining: (setup) => {
    const core = openCore(setup)
    core.sendGoodbye('shutdown', 'bye')
    return core
  },
  closed: (setup) => {
    const core = openCore(setup)
    core.close()
    return core
  },
}

/** Copied from section 5.3 by hand. */
const MAY_ARRIVE: { readonly [state in ConnectionState]: readonly TypeName[] } = {
  hello: ['HELLO', 'PING', 'PONG', 'GOODBYE'],
  auth: ['AUTH', 'PING', 'PONG', 'GOODBYE'],
  open: TYPE_NAMES.filter((name) => name !== 'HELLO' && name !== 'AUTH'),
  draining: TYPE_NAMES.filter((name) => name !== 'HELLO' && name !== 'AUTH'),
  closed: [],
}

const SIDES: readonly CoreSetup[] = [
  { role: 'server', side: 'listener' },
  { role: 'server', side: 'dialer' },
  { role: 'client', side: 'listener' },
  { role: 'client', side: 'dialer' },
]

/** Events that would set something going: no such thing may come of a frame that is not allowed. */
const isWork = ({ type }: CoreEvent) => type !== 'failed' && type !== 'goodbye'

describe.each(SIDES)('a $role that is the $side', (setup) => {
  describe.each(Object.keys(WAYS) as ConnectionState[])('in state %s', (state) => {
    test.each(TYPE_NAMES)('%s', (name) => {
      const core = WAYS[state](setup)
      expect(core.state).toBe(state)
      const id = setup.side === 'dialer' ? 2 : 1
      const mayArrive = MAY_ARRIVE[state].includes(name)
      if (mayArrive && id > 0 && state === 'open' && name !== 'OPEN') acceptFrom(core, id, [64], [64])
      drainBytes(core)
      const events = name === 'HELLO' ? feed(core, greeting(setup)) : feed(core, frameFor(name, id))
      if (state === 'closed') {
        expect([events, core.hasOutput]).toEqual([[], false])
      } else if (!mayArrive) {
        expect(events.filter(isWork)).toEqual([])
        expect(failureIn(events)).toMatchObject({
          code: 'ERR_FAKESSH_PROTOCOL',
          message: `${name} is not allowed in state ${state}`,
        })
        expect(core.state).toBe('closed')
      } else {
        expect(failureIn(events)?.message ?? '').not.toContain('not allowed in state')
      }
    })
  })
})

function greeting({ role }: CoreSetup): Uint8Array {
  return frames.hello(role === 'client' ? 'server' : 'client')
}

describe('before authentication', () => {
  const work = TYPE_NAMES.filter((name) => !['HELLO', 'AUTH', 'GOODBYE', 'PING', 'PONG'].includes(name))

  test.each(work)('%s is refused by its header alone, so that no payload is kept or looked at', (name) => {
    for (const prepare of [makeCore, greetedCore]) {
      const core = prepare({})
      const header = frameFor(name, 1).subarray(0, 16)
      expect(failureIn(core.receive(header))?.message).toContain(`${name} is not allowed in state`)
    }
  })

  test.each(work)('%s is refused while the credential is being verified, and stays refused', (name) => {
    const core = greetedCore({})
    feed(core, frames.auth())
    expect(failureIn(feed(core, frameFor(name, 1)))).toBeDefined()
    core.sendAuthReply({ status: 'success', user: 'test' })
    expect(core.state).toBe('closed')
    expect(feed(core, frameFor('OPEN', 1))).toEqual([])
  })
})
