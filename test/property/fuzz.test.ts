// Random and half-right bytes: whatever comes, `receive` does not throw, only documented codes come out, nothing is reported after the end,
// and what the core keeps and wants to say stays bounded. Each run is bounded in time; fast-check prints seed and path of a failure.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ConnectionCore } from '../../src/protocol/connection-core.js'
import { meaningfulFrame } from '../helpers/arbitrary-frames.js'
import {
  acceptFrom,
  type CoreSetup,
  drainBytes,
  drainFrames,
  greetedCore,
  makeCore,
  openCore,
  openTo,
} from '../helpers/cores.js'
import { frames, rawFrame, TYPE_NAMES } from '../helpers/frames.js'
import { concat } from '../helpers/hex.js'
import { wholeFrames } from '../helpers/naive-frames.js'

const TIME_MS = 1_500
const bounded = { numRuns: 1_000_000, interruptAfterTimeLimit: TIME_MS, markInterruptAsFailure: false }
const CODES = ['ERR_FAKESSH_PROTOCOL', 'ERR_FAKESSH_VERSION']

const setups: readonly CoreSetup[] = [
  {},
  { role: 'client', side: 'dialer' },
  { role: 'client' },
  { side: 'dialer' },
]
const prepare = [
  makeCore,
  greetedCore,
  openCore,
  (setup: CoreSetup) => {
    const core = openCore(setup)
    const theirs = setup.side === 'dialer' ? 2 : 1
    acceptFrom(core, theirs, [100], [1_000, 10])
    const ours = openTo(core, [100], [1_000, 10])
    for (const id of [theirs, ours]) {
      core.sendData(id, 0, new Uint8Array(500), () => {})
      core.sendRequest(id, 'test', {})
    }
    return core
  },
]

const anyCore = fc
  .tuple(fc.constantFrom(...prepare), fc.constantFrom(...setups))
  .map(([make, setup]) => ({ make: () => make(setup) }))

/** Feeds the chunks and checks what must hold after each. */
function survive(core: ConnectionCore, chunks: readonly Uint8Array[]): void {
  let isOver = false
  for (const chunk of chunks) {
    const events = core.receive(chunk)
    if (isOver) expect(events).toEqual([])
    for (const [i, event] of events.entries()) {
      const isLast = i === events.length - 1
      if (event.type === 'failed') {
        expect(CODES).toContain(event.error.code)
        expect(event.error.message).not.toMatch(/\p{Cc}/u)
        expect(isLast).toBe(true)
      }
      if (event.type === 'channel-requested' && event.channel % 3 === 0)
        core.acceptChannel(event.channel, {}, [9])
    }
    isOver = core.state === 'closed'
    if (isOver) expect(core.openChannels).toBe(0)
    expect(core.openChannels).toBeLessThanOrEqual(400)
  }
  // All it wants to say is well formed, and not more than it was asked for.
  const wire = drainBytes(core)
  const asked = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  expect(wire.length).toBeLessThan(20_000 + 20 * asked)
  wholeFrames(wire)
}

test('random bytes', () => {
  fc.assert(
    fc.property(
      anyCore,
      fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }),
      ({ make }, chunks) => {
        survive(make(), chunks)
      },
    ),
    bounded,
  )
})

test('random frames with right checks and random content', () => {
  const frame = fc
    .tuple(
      fc.constantFrom(...TYPE_NAMES),
      fc.oneof(fc.nat(8), fc.constant(0xffff_ffff)),
      fc.uint8Array({ maxLength: 100 }),
      fc.nat(9),
      fc.option(fc.oneof(fc.nat(40), fc.constant(0xffff_ffff)), { nil: undefined }),
    )
    .map(([name, id, payload, stream, length]) => rawFrame(name, id, payload, stream, { length }))
  fc.assert(
    fc.property(anyCore, fc.array(frame, { maxLength: 10 }), ({ make }, chunks) => survive(make(), chunks)),
    bounded,
  )
})

test('conversations that make sense, damaged in a few places', () => {
  const damage = fc.array(fc.tuple(fc.nat(2_000), fc.nat(255), fc.constantFrom('flip', 'drop', 'double')), {
    maxLength: 3,
  })
  fc.assert(
    fc.property(anyCore, fc.array(meaningfulFrame, { maxLength: 20 }), damage, ({ make }, list, wounds) => {
      let wire: Uint8Array = concat(...list)
      for (const [place, value, kind] of wounds) {
        if (wire.length === 0) break
        const at = place % wire.length
        const middle = { flip: [value], drop: [], double: [wire[at] as number, wire[at] as number] }[kind]
        wire = concat(wire.subarray(0, at), Uint8Array.from(middle), wire.subarray(at + 1))
      }
      survive(make(), [wire.subarray(0, wire.length >> 1), wire.subarray(wire.length >> 1)])
    }),
    bounded,
  )
})

test('a flood that calls for nothing but PONG leaves one PONG to say', () => {
  const core = openCore()
  acceptFrom(core, 1, [0])
  const flood = concat(frames.ping(), frames.pong(), frames.window(1, 0, 9))
  const many = concat(...Array.from({ length: 1_000 }, () => flood))
  for (let i = 0; i < 100; i += 1) core.receive(many)
  expect(core.state).toBe('open')
  expect(drainFrames(core).map(({ name }) => name)).toEqual(['PONG'])
})

test('a flood that calls for answers is noticed before the answers take more than about 1 MiB', () => {
  for (const flood of [
    (i: number) => frames.open(2 * i + 1, []),
    (i: number) => (i === 0 ? frames.open(1, []) : frames.request(1, i)),
  ]) {
    const core = openCore({ maxChannels: 1 })
    let sent = 0
    while (!core.isOutputOverfull && sent < 100_000) {
      for (const event of core.receive(flood(sent))) {
        if (event.type === 'channel-requested') core.acceptChannel(event.channel, {}, [])
        if (event.type === 'request') core.sendReply(1, { id: event.id, ok: false, code: 'E', message: 'no' })
        expect(event.type).not.toBe('failed')
      }
      sent += 1
    }
    expect(sent).toBeLessThan(100_000)
    expect(drainBytes(core).length).toBeLessThan(1_100_000)
  }
})
