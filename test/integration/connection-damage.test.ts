// A scripted conversation over a plain byte stream that is cut after every frame, or whose bytes are flipped, lost or doubled one at a
// time. Whatever happens, both ends settle, and nobody takes what was not proved for a success.
import { expect, test } from 'vitest'
import { ConnectionError } from '../../src/errors.js'
import { memoryPair } from '../../src/transport/memory-pair.js'
import {
  type Conversation,
  conversation,
  INPUT,
  isWhole,
  NOISE,
  type Outcome,
} from '../helpers/conversation.js'
import { interceptedPair } from '../helpers/intercepted-pair.js'

/** Small enough to notice a lost byte that leaves both waiting. */
const QUICK = { keepaliveIntervalMs: 25, handshakeTimeoutMs: 250 }

/** Runs the conversation and the graceful end after it. Settles whatever happens; the test's own timeout is the bound. */
async function finish(talk: Conversation): Promise<Outcome> {
  const outcome = await talk.run()
  await talk.close()
  return outcome
}

/** What must hold after every run. */
function check(talk: Conversation, outcome: Outcome, where: string): void {
  expect(talk.internalErrors, where).toEqual([])
  expect(talk.timesEnded, where).toEqual({ client: 1, server: 1 })
  expect([talk.client.pendingOperations, talk.server.pendingOperations], where).toEqual([0, 0])
  for (const handler of talk.served) {
    expect(handler.closedTimes, where).toBe(1)
    expect(
      handler.log.filter((line) => line.startsWith('after the end')),
      where,
    ).toEqual([])
    if (handler.log.includes('eof 0')) expect(String(handler.bytesOn(0)), where).toBe(INPUT)
  }
  if ('error' in outcome) {
    expect(outcome.error.code, where).toMatch(/^ERR_FAKESSH_/)
    return
  }
  if (outcome.log.includes('eof 0')) expect(outcome.stdout, where).toBe(INPUT)
  if (outcome.log.includes('eof 1')) expect(outcome.stderr, where).toBe(NOISE)
}

const hasFailed = ({ endings }: Conversation) => endings.client !== 'clean' || endings.server !== 'clean'

test('without damage the conversation succeeds, with this many frames', async () => {
  const { transports, passed } = interceptedPair()
  const talk = conversation(transports)
  const outcome = await finish(talk)
  check(talk, outcome, 'untouched')
  expect(isWhole(outcome)).toBe(true)
  expect(hasFailed(talk)).toBe(false)
  expect(passed.length).toBeGreaterThan(15)
})

test.each(['end', 'reset'] as const)(
  'cut after every frame (%s): always settles, never succeeds',
  async (how) => {
    const whole = interceptedPair()
    await finish(conversation(whole.transports))
    const lastOfServer = whole.passed.findLastIndex(({ direction }) => direction === 'down')
    expect(whole.passed[lastOfServer]?.name).toBe('CLOSE')
    let runs = 0
    for (let count = 0; count < lastOfServer; count += 1) {
      const pair = interceptedPair({
        onPassed: (_frame, { passed, cut }) => {
          if (passed.length === count) cut(how)
        },
      })
      if (count === 0) pair.cut(how)
      const talk = conversation(pair.transports)
      const outcome = await finish(talk)
      const where = `cut after ${count} frames`
      check(talk, outcome, where)
      expect(isWhole(outcome), where).toBe(false)
      expect('error' in outcome, where).toBe(true)
      expect(hasFailed(talk), where).toBe(true)
      runs += 1
    }
    expect(runs).toBeGreaterThan(10)
  },
)

const gaveUp = () => new ConnectionError('ERR_FAKESSH_TIMEOUT', 'gave up')

type Damage = (bytes: Buffer, at: number) => Uint8Array
const DAMAGES: readonly [name: string, damage: Damage][] = [
  [
    'flipped',
    (bytes, at) => {
      const copy = Buffer.from(bytes)
      copy[at] = (copy[at] as number) ^ (1 << (at % 8))
      return copy
    },
  ],
  ['lost', (bytes, at) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])],
  ['doubled', (bytes, at) => Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)])],
]

/** A pair of byte streams on which byte number `target` towards one end is damaged. */
function damagedPair(to: 'dialer' | 'listener', target: number, damage: Damage) {
  let seen = 0
  const state = { isHit: false, bytes: { dialer: 0, listener: 0 } }
  const transports = memoryPair({
    intercept: (bytes, end) => {
      state.bytes[end] += bytes.length
      if (end !== to) return bytes
      const at = target - seen
      seen += bytes.length
      if (at < 0 || at >= bytes.length) return bytes
      state.isHit = true
      return damage(bytes, at)
    },
  })
  return { transports, state }
}

const untouched: Damage = (bytes) => bytes

test.each(
  DAMAGES.flatMap(([name, damage]) =>
    (['dialer', 'listener'] as const).map((to) => [name, to, damage] as const),
  ),
)(
  'any one byte %s on its way to the %s: noticed, and no wrong byte is taken for right',
  { timeout: 120_000 },
  async (name, to, damage) => {
    const whole = damagedPair(to, -1, untouched)
    await finish(conversation(whole.transports))
    const length = whole.state.bytes[to]
    expect(length).toBeGreaterThan(300)
    const run = async (target: number) => {
      const where = `byte ${target} of ${length} to the ${to} ${name}`
      const { transports, state } = damagedPair(to, target, damage)
      const talk = conversation(transports, QUICK)
      const outcome = await finish(talk)
      check(talk, outcome, where)
      // A run with other PINGs may not have had this byte to damage.
      if (state.isHit) expect(hasFailed(talk), where).toBe(true)
    }
    // Some runs wait for a keepalive, so many go on at once.
    // The last byte doubled is a byte after everything was said; it harms nobody and is not looked for.
    const targets = Array.from({ length: name === 'doubled' ? length - 1 : length }, (_, i) => i)
    for (let from = 0; from < targets.length; from += 100)
      await Promise.all(targets.slice(from, from + 100).map(run))
  },
)

test.each(['lost', 'doubled'] as const)(
  'any whole frame %s: noticed, unless it says what was said',
  async (how) => {
    const whole = interceptedPair()
    await finish(conversation(whole.transports))
    // WINDOW says where things stand and PING asks nothing of importance, so one more or one less is no harm; the results and CLOSE
    // only say again what was said.
    const harmless = ['WINDOW', 'PING', 'PONG', ...(how === 'lost' ? [] : ['EXIT', 'COMMIT', 'CLOSE'])]
    for (const { direction, index, name } of whole.passed) {
      if (harmless.includes(name)) continue
      const pair = interceptedPair({
        meddle: (frame) => {
          if (frame.direction !== direction || frame.index !== index) return frame.bytes
          return how === 'lost' ? new Uint8Array(0) : Buffer.concat([frame.bytes, frame.bytes])
        },
      })
      const talk = conversation(pair.transports, QUICK)
      const where = `${name} ${direction} number ${index} ${how}`
      // Where a whole frame is lost nothing else is wrong, so some ends can only come from whoever waits: here, after a moment.
      const patience = setTimeout(() => talk.client.destroy(gaveUp()), 300)
      const outcome = await finish(talk)
      clearTimeout(patience)
      check(talk, outcome, where)
      if (name !== 'GOODBYE') expect(hasFailed(talk) || !isWhole(outcome), where).toBe(true)
    }
  },
)
