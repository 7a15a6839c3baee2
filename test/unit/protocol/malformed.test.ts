// Everything test/vectors/malformed.json lists is refused with the message it names, in the state it names, whole or byte by byte.
import { describe, expect, test } from 'vitest'
import type { ConnectionCore } from '../../../src/protocol/connection-core.js'
import {
  acceptFrom,
  drainBytes,
  drainFrames,
  failureIn,
  feed,
  greetedCore,
  makeCore,
  openCore,
  openTo,
} from '../../helpers/cores.js'
import { frames } from '../../helpers/frames.js'
import { fromHex } from '../../helpers/hex.js'
import { jsonOf } from '../../helpers/naive-frames.js'
import { type Malformed, readVectors } from '../../helpers/vectors.js'

/** A core, and what it has been through. */
const STATES: { readonly [name: string]: () => ConnectionCore } = {
  hello: () => makeCore(),
  auth: () => greetedCore(),
  'auth-pending': () => fed(greetedCore(), frames.auth()),
  'client-auth': () => {
    const core = greetedCore({ role: 'client', side: 'dialer' })
    core.sendAuth({ method: 'psk', user: 'u' })
    return core
  },
  'client-idle': () => greetedCore({ role: 'client', side: 'dialer' }),
  sixteen: () => fed(greetedCore(), ...Array.from({ length: 15 }, () => frames.ping())),
  open: () => openCore(),
  small: () => withChannel(openCore({ maxFrameBytes: 1024 })),
  channel: () => withChannel(openCore()),
  'tls-channel': () => withChannel(openCore({ isPlain: false })),
  'channel-5': () => withChannel(openCore(), 5),
  opening: () => {
    const core = openCore()
    core.openChannel('test', {}, [])
    return core
  },
  'own-channel': () => {
    const core = openCore()
    openTo(core)
    return core
  },
  pending: () => fed(openCore(), frames.open(1)),
  'close-received': () => fed(withChannel(openCore()), frames.close(1)),
  gone: () => {
    const core = fed(withChannel(openCore()), frames.close(1))
    core.closeChannel(1, false)
    return core
  },
  requesting: () => {
    const core = withChannel(openCore())
    core.sendRequest(1, 'signal', {})
    return core
  },
  ended: () => fed(withChannel(openCore()), frames.eof(1, 0, 0)),
  acknowledged: () => {
    const core = withChannel(openCore())
    core.sendData(1, 0, new Uint8Array(8), () => {})
    drainBytes(core)
    return fed(core, frames.window(1, 4, 20))
  },
}

function fed(core: ConnectionCore, ...parts: readonly Uint8Array[]): ConnectionCore {
  const failure = failureIn(feed(core, ...parts))
  if (failure !== undefined) throw new Error(`the preparation failed: ${failure.message}`)
  return core
}

/** The peer's channel: 16 bytes for it on streams 0 and 1, 16 for us on stream 0. */
function withChannel(core: ConnectionCore, id = 1): ConnectionCore {
  acceptFrom(core, id, [16], [16, 16])
  return core
}

function inState(name: string): ConnectionCore {
  const make = STATES[name]
  if (make === undefined) throw new RangeError(`no state ${name}`)
  const core = make()
  drainBytes(core)
  return core
}

const entries = readVectors<Malformed>('malformed')

test('every state is used', () => {
  expect(new Set(entries.map(({ state }) => state))).toEqual(new Set(Object.keys(STATES)))
})

describe.each(entries)('in $state: $name', ({ state, wire, error, code }) => {
  test('is refused, says why to the peer, and is the end', () => {
    const core = inState(state)
    const events = core.receive(fromHex(wire))
    expect(failureIn(events)).toEqual({
      code: code ?? 'ERR_FAKESSH_PROTOCOL',
      message: expect.stringContaining(error),
    })
    expect(events.filter(({ type }) => type === 'failed')).toHaveLength(1)
    const said = drainFrames(core)
    expect(said.map(({ name }) => name)).toEqual(['GOODBYE'])
    expect(jsonOf(said[0] as (typeof said)[0])).toEqual({
      code: code === 'ERR_FAKESSH_VERSION' ? 'version' : 'protocol',
      message: expect.stringContaining(error),
    })
    expect(core.state).toBe('closed')
    expect(core.openChannels).toBe(0)
    expect(core.receive(frames.ping())).toEqual([])
    expect(core.hasOutput).toBe(false)
  })

  test('is refused byte by byte, no later than with its last byte', () => {
    const core = inState(state)
    const events = [...fromHex(wire)].flatMap((byte) => core.receive(Uint8Array.of(byte)))
    expect(failureIn(events)?.message).toContain(error)
  })
})
