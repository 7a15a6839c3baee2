import { expect, test } from 'vitest'
import { RoundTrip } from '../../../src/protocol/round-trip.js'

/** A round trip whose clock the test sets. */
function measured() {
  const clock = { ms: 1_000 }
  return { clock, roundTrip: new RoundTrip(() => clock.ms) }
}

test('is not known before the first answer', () => {
  const { roundTrip } = measured()
  expect(roundTrip.ms).toBeUndefined()
  roundTrip.ping()
  expect(roundTrip.ms).toBeUndefined()
})

test('is the time from the PING to its PONG', () => {
  const { clock, roundTrip } = measured()
  const payload = roundTrip.ping()
  clock.ms += 50
  roundTrip.onPong(payload)
  expect(roundTrip.ms).toBe(50)
})

test('is the shortest that was seen', () => {
  const { clock, roundTrip } = measured()
  for (const ms of [50, 80, 20, 40]) {
    const payload = roundTrip.ping()
    clock.ms += ms
    roundTrip.onPong(payload)
  }
  expect(roundTrip.ms).toBe(20)
})

test('is asked for three times at the start, and then no more', () => {
  const { roundTrip } = measured()
  const answers = Array.from({ length: 5 }, () => roundTrip.onPong(roundTrip.ping()))
  expect(answers).toEqual([true, true, false, false, false])
})

test('an answer counts once, and only that to the last question', () => {
  const { clock, roundTrip } = measured()
  const first = roundTrip.ping()
  const second = roundTrip.ping()
  clock.ms += 5
  roundTrip.onPong(first)
  roundTrip.onPong(new Uint8Array(8).fill(255))
  expect(roundTrip.ms).toBeUndefined()
  clock.ms += 5
  roundTrip.onPong(second)
  expect(roundTrip.ms).toBe(10)
  clock.ms -= 9
  roundTrip.onPong(second)
  expect(roundTrip.ms).toBe(10)
})

test('an answer without a question is no measurement', () => {
  const { roundTrip } = measured()
  roundTrip.onPong(new Uint8Array(8))
  expect(roundTrip.ms).toBeUndefined()
})
