import { describe, expect, test } from 'vitest'
import { WINDOW_GROWTH_BYTES } from '../../../src/protocol/constants.js'
import { RoundTrip } from '../../../src/protocol/round-trip.js'
import { WindowGrowth } from '../../../src/protocol/window-growth.js'
import { ReceiveWindow } from '../../../src/protocol/windows.js'

const MIB = 2 ** 20

/** A line of this length, and a clock that the test sets. */
function line(roundTripMs: number | undefined) {
  const clock = { ms: 0 }
  const roundTrip = new RoundTrip(() => clock.ms)
  if (roundTripMs !== undefined) {
    const payload = roundTrip.ping()
    clock.ms += roundTripMs
    roundTrip.onPong(payload)
  }
  return { clock, growth: new WindowGrowth(() => clock.ms, roundTrip) }
}

type Line = ReturnType<typeof line>

/** A consumer that takes `bytes` every `everyMs`. */
function take({ clock, growth }: Line, window: ReceiveWindow, bytes: number, everyMs: number, times: number) {
  for (let i = 0; i < times; i += 1) {
    window.onReceived(bytes)
    growth.consider(window)
    window.onConsumed(bytes)
    clock.ms += everyMs
  }
}

describe('a window', () => {
  test('grows to twice what is taken in a round trip', () => {
    const far = line(50)
    const window = new ReceiveWindow(MIB)
    take(far, window, MIB, 50, 3)
    expect(window.size).toBe(2 * MIB)
  })

  test('grows on as long as the consumer takes all of it', () => {
    const far = line(50)
    const window = new ReceiveWindow(MIB)
    for (let size = 1; size < 32; size *= 2) take(far, window, size * MIB, 50, 2)
    expect(window.size).toBeGreaterThanOrEqual(16 * MIB)
  })

  test.each([
    ['a consumer that takes less than half of it', 50, MIB / 4],
    ['a line that is short, however much is taken', 4.9, MIB],
    ['a consumer that takes nothing', 50, 0],
  ])('does not grow for %s', (_name, roundTripMs, bytes) => {
    const window = new ReceiveWindow(MIB)
    take(line(roundTripMs), window, bytes, 50, 100)
    expect(window.size).toBe(MIB)
  })

  test('does not grow while the line has not been measured', () => {
    const window = new ReceiveWindow(MIB)
    take(line(undefined), window, MIB, 50, 100)
    expect(window.size).toBe(MIB)
  })

  test('a burst on a short line is not taken for a rate', () => {
    const near = line(1)
    const window = new ReceiveWindow(MIB)
    for (let i = 0; i < 20; i += 1) {
      take(near, window, MIB / 4, 0, 4)
      near.clock.ms += 10
    }
    expect(window.size).toBe(MIB)
  })

  test('a larger size is announced with the next credit, and what was announced stays', () => {
    const window = new ReceiveWindow(100)
    window.grow(100)
    expect(window.limit).toBe(100)
    window.onReceived(10)
    expect(window.onConsumed(10)).toBe(true)
    expect(window.limit).toBe(210)
  })
})

describe('all windows of a connection', () => {
  test('grow by no more than what there is for all of them', () => {
    const far = line(50)
    const windows = [new ReceiveWindow(MIB), new ReceiveWindow(MIB)]
    for (let i = 0; i < 40; i += 1) for (const window of windows) take(far, window, window.size, 25, 1)
    const grown = windows.reduce((sum, { size }) => sum + size - MIB, 0)
    expect(grown).toBe(WINDOW_GROWTH_BYTES)
  })

  test('get back what one that is over had', () => {
    const far = line(50)
    const fill = (window: ReceiveWindow) => {
      for (let i = 0; i < 20; i += 1) take(far, window, window.size, 50, 1)
      return window
    }
    const first = fill(new ReceiveWindow(MIB))
    expect(fill(new ReceiveWindow(MIB)).size).toBe(MIB)
    far.growth.release(first)
    far.growth.release(first)
    const next = fill(new ReceiveWindow(MIB))
    expect(next.size).toBe(MIB + WINDOW_GROWTH_BYTES)
  })
})
