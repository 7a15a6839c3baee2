import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { checkStopOptions, watchStopOptions } from '../../../src/files/stop-conditions.js'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

function recorder() {
  const told: unknown[] = []
  const listener = {
    onAbort: (reason: unknown) => told.push(['abort', reason]),
    onTimeout: () => told.push(['timeout']),
  }
  return { told, listener }
}

test('an aborted signal stops at once, with its reason', () => {
  const { told, listener } = recorder()
  const signal = AbortSignal.abort('why')
  watchStopOptions({ signal, timeoutMs: 1 }, listener)()
  vi.advanceTimersByTime(10)
  expect(told).toEqual([['abort', 'why']])
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('an abort later stops once and clears the timer', () => {
  const { told, listener } = recorder()
  const controller = new AbortController()
  watchStopOptions({ signal: controller.signal, timeoutMs: 1000 }, listener)
  expect(told).toEqual([])
  controller.abort('later')
  expect(told).toEqual([['abort', 'later']])
  expect(vi.getTimerCount()).toBe(0)
  vi.advanceTimersByTime(2000)
  expect(told).toHaveLength(1)
})

test('the timeout comes when it is due and removes the listener', () => {
  const { told, listener } = recorder()
  const controller = new AbortController()
  watchStopOptions({ signal: controller.signal, timeoutMs: 1000 }, listener)
  vi.advanceTimersByTime(999)
  expect(told).toEqual([])
  vi.advanceTimersByTime(1)
  controller.abort()
  expect(told).toEqual([['timeout']])
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
})

test('once ended, nothing stops and nothing is left behind', () => {
  const { told, listener } = recorder()
  const controller = new AbortController()
  const end = watchStopOptions({ signal: controller.signal, timeoutMs: 5 }, listener)
  end()
  end()
  controller.abort()
  vi.advanceTimersByTime(10)
  expect(told).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
})

test('without options there is no timer', () => {
  const { listener } = recorder()
  watchStopOptions({}, listener)()
  expect(vi.getTimerCount()).toBe(0)
})

test('ten thousand operations leave a shared signal as it was', () => {
  const { signal } = new AbortController()
  for (let i = 0; i < 10_000; i++) watchStopOptions({ signal }, recorder().listener)()
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test.each([{}, { signal: undefined, timeoutMs: undefined }, { timeoutMs: 1 }, { timeoutMs: 2 ** 31 - 1 }])(
  '%j passes',
  (options) => {
    expect(() => checkStopOptions('get', options)).not.toThrow()
  },
)

test.each([0, -1, 1.5, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY, '5', null])(
  'a timeoutMs of %j is refused',
  (timeoutMs) => {
    expect(() => checkStopOptions('get', { timeoutMs: timeoutMs as number })).toThrow(
      expect.objectContaining({
        code: 'ERR_FAKESSH_INVALID_ARG',
        message: expect.stringContaining('get: timeoutMs: expected an integer from 1 to 2147483647'),
      }),
    )
  },
)

test.each([null, {}, 'abort', new AbortController(), { aborted: false }])('%j is no signal', (signal) => {
  expect(() => checkStopOptions('put', { signal: signal as AbortSignal })).toThrow(
    expect.objectContaining({
      code: 'ERR_FAKESSH_INVALID_ARG',
      message: expect.stringMatching(/put: signal/),
    }),
  )
})

test('a signal of another make passes', () => {
  const signal = { aborted: false, addEventListener() {}, removeEventListener() {} }
  expect(() => checkStopOptions('get', { signal: signal as unknown as AbortSignal })).not.toThrow()
})
