import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Backoff, reconnectPolicy } from '../../../src/client/reconnect-options.js'

const policy = { minDelayMs: 100, maxDelayMs: 1_000, giveUpAfterMs: 60_000 }
const JUST_BELOW_1 = 1 - Number.EPSILON

describe('the policy', () => {
  test.each([undefined, false])('%s means that a lost connection stays lost', (reconnect) => {
    expect(reconnectPolicy(reconnect)).toBeUndefined()
  })

  test('true means the defaults', () => {
    expect(reconnectPolicy(true)).toEqual({ minDelayMs: 100, maxDelayMs: 10_000, giveUpAfterMs: 300_000 })
  })

  test('what is given replaces its default only', () => {
    expect(reconnectPolicy({ maxDelayMs: 7, giveUpAfterMs: undefined })).toEqual({
      minDelayMs: 100,
      maxDelayMs: 7,
      giveUpAfterMs: 300_000,
    })
  })

  test.each<[reconnect: unknown, where: string]>([
    ['yes', 'connect reconnect: expected true, false or an object, got "yes"'],
    [null, 'connect reconnect: expected true, false or an object, got null'],
    [
      { delayMs: 1 },
      'connect reconnect.delayMs: expected an option out of minDelayMs, maxDelayMs, giveUpAfterMs',
    ],
    [{ minDelayMs: 0 }, 'connect reconnect.minDelayMs: expected an integer from 1 to '],
    [{ maxDelayMs: 1.5 }, 'connect reconnect.maxDelayMs: expected an integer from 1 to '],
    [
      { giveUpAfterMs: Number.POSITIVE_INFINITY },
      'connect reconnect.giveUpAfterMs: expected an integer from 1 to ',
    ],
  ])('%j is refused', (reconnect, where) => {
    expect(() => reconnectPolicy(reconnect as boolean)).toThrow(where)
  })
})

describe('the wait before an attempt', () => {
  test('doubles its bound with every failure, up to the largest', () => {
    const backoff = new Backoff(policy, () => JUST_BELOW_1)
    expect(Array.from({ length: 6 }, () => backoff.next())).toEqual([100, 200, 400, 800, 1_000, 1_000])
  })

  test('is anything from nothing to the bound', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: JUST_BELOW_1, noNaN: true }), { minLength: 1 }),
        (draws) => {
          let index = 0
          const backoff = new Backoff(policy, () => draws[index] as number)
          for (; index < draws.length; index += 1) {
            const boundMs = Math.min(1_000, 100 * 2 ** index)
            expect(backoff.next()).toBe(Math.round((draws[index] as number) * boundMs))
          }
        },
      ),
    )
  })

  test('begins anew after a connection that lasted', () => {
    const backoff = new Backoff(policy, () => JUST_BELOW_1)
    expect([backoff.next(), backoff.next()]).toEqual([100, 200])
    backoff.lasted(400)
    expect(backoff.next()).toBe(100)
  })

  test('goes on growing for a server that drops its clients as soon as they come', () => {
    const backoff = new Backoff(policy, () => JUST_BELOW_1)
    expect([backoff.next(), backoff.next()]).toEqual([100, 200])
    backoff.lasted(399)
    expect(backoff.next()).toBe(400)
  })

  test('stays finite after any number of failures', () => {
    const backoff = new Backoff(policy, () => JUST_BELOW_1)
    for (let failures = 0; failures < 5_000; failures += 1) backoff.next()
    expect(backoff.next()).toBe(1_000)
  })
})
