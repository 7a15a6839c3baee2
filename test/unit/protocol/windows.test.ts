import { describe, expect, test } from 'vitest'
import { ReceiveWindow, SendWindow } from '../../../src/protocol/windows.js'

describe('SendWindow', () => {
  test('starts with what the peer offered, and none of it acknowledged', () => {
    const window = new SendWindow(100)
    expect(window).toMatchObject({ available: 100, sent: 0, acknowledged: 0 })
  })

  test('sending uses it up, an update gives more', () => {
    const window = new SendWindow(10)
    window.onSent(10)
    expect(window.available).toBe(0)
    window.onUpdate(4, 14)
    expect(window).toMatchObject({ available: 4, sent: 10, acknowledged: 4 })
  })

  test('a window may grow without anything being acknowledged', () => {
    const window = new SendWindow(0)
    window.onUpdate(0, 1_000_000)
    expect(window.available).toBe(1_000_000)
  })

  test('the same update twice changes nothing', () => {
    const window = new SendWindow(10)
    window.onSent(5)
    window.onUpdate(5, 15)
    window.onUpdate(5, 15)
    expect(window).toMatchObject({ available: 10, acknowledged: 5 })
  })

  test.each([
    ['acknowledges less than before', 3, 20, 'WINDOW consumed: expected 4 to 8 (bytes sent), got 3'],
    ['acknowledges more than was sent', 9, 20, 'WINDOW consumed: expected 4 to 8 (bytes sent), got 9'],
    ['takes credit back', 4, 13, 'WINDOW limit: expected at least 14, got 13'],
  ])('an update that %s is refused and changes nothing', (_name, consumed, limit, message) => {
    const window = new SendWindow(10)
    window.onSent(8)
    window.onUpdate(4, 14)
    expect(() => window.onUpdate(consumed, limit)).toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_PROTOCOL', message }),
    )
    expect(window).toMatchObject({ available: 6, acknowledged: 4 })
  })

  test('offsets beyond 32 bits', () => {
    const window = new SendWindow(2 ** 40)
    window.onSent(2 ** 40)
    window.onUpdate(2 ** 40, 2 ** 41)
    expect(window.available).toBe(2 ** 40)
  })
})

describe('ReceiveWindow', () => {
  test('takes exactly its size and not one byte more', () => {
    const window = new ReceiveWindow(16)
    window.expect(16)
    window.onReceived(16)
    expect(window).toMatchObject({ received: 16, consumed: 0, limit: 16 })
    expect(() => window.expect(1)).toThrow('DATA beyond the window: allowed up to offset 16, got 17')
  })

  test('a window of nothing takes nothing', () => {
    expect(() => new ReceiveWindow(0).expect(1)).toThrow('allowed up to offset 0, got 1')
  })

  test('arrival alone gives no credit', () => {
    const window = new ReceiveWindow(16)
    window.onReceived(15)
    expect(window.limit).toBe(16)
  })

  test('less than a quarter consumed is not announced', () => {
    const window = new ReceiveWindow(100)
    window.onReceived(60)
    expect(window.onConsumed(24)).toBe(false)
    expect(window.limit).toBe(100)
    expect(window.consumed).toBe(24)
  })

  test('a quarter consumed since the last announcement is announced, with all of it', () => {
    const window = new ReceiveWindow(100)
    window.onReceived(60)
    window.onConsumed(24)
    expect(window.onConsumed(1)).toBe(true)
    expect(window.limit).toBe(125)
    expect(window.onConsumed(24)).toBe(false)
    expect(window.onConsumed(1)).toBe(true)
    expect(window.limit).toBe(150)
  })

  test('a peer that used the window up is always let go on once all of it was consumed', () => {
    for (const size of [1, 2, 3, 4, 5, 7, 100, 262_144]) {
      const window = new ReceiveWindow(size)
      window.onReceived(size)
      let announced = false
      for (let rest = size; rest > 0; rest -= Math.min(rest, 1_000)) {
        announced = window.onConsumed(Math.min(rest, 1_000)) || announced
      }
      expect(announced).toBe(true)
      expect(window.limit).toBeGreaterThan(size)
    }
  })

  test('a window that is used up is not given back in crumbs', () => {
    const window = new ReceiveWindow(100)
    window.onReceived(100)
    const announced = Array.from({ length: 100 }, () => window.onConsumed(1)).filter((is) => is)
    expect(announced).toHaveLength(4)
  })

  test('never allows more unconsumed bytes than its size', () => {
    const window = new ReceiveWindow(8)
    window.onReceived(8)
    window.onConsumed(3)
    expect(window.limit - window.consumed).toBeLessThanOrEqual(8)
    expect(() => window.expect(9)).toThrow('DATA beyond the window')
  })

  test('consuming what never came is our own mistake, not the peer’s', () => {
    const window = new ReceiveWindow(8)
    window.onReceived(4)
    expect(() => window.onConsumed(5)).toThrow(RangeError)
  })

  test('consuming nothing announces nothing, even with the window used up', () => {
    const window = new ReceiveWindow(4)
    window.onReceived(4)
    expect(window.onConsumed(0)).toBe(false)
  })
})
