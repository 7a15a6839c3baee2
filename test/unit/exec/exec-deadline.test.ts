import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ExecDeadline } from '../../../src/exec/exec-deadline.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

function deadline(bounds: { signal?: AbortSignal; timeoutMs?: number }) {
  const told: unknown[] = []
  const made = new ExecDeadline(
    { signal: bounds.signal, timeoutMs: bounds.timeoutMs },
    { onTimeout: (ms) => told.push(`timeout ${ms}`), onAbort: (reason) => told.push(reason) },
  )
  return { made, told }
}

test('tells of the timeout, once', () => {
  const { told } = deadline({ timeoutMs: 50 })
  vi.advanceTimersByTime(49)
  expect(told).toEqual([])
  vi.advanceTimersByTime(1000)
  expect(told).toEqual(['timeout 50'])
})

test('tells of the abort, with its reason', () => {
  const controller = new AbortController()
  const { told, made } = deadline({ signal: controller.signal })
  expect(made.isOver).toBe(false)
  controller.abort('because')
  expect(told).toEqual(['because'])
})

test('a signal that is aborted already is told later, not from the constructor', async () => {
  const { told, made } = deadline({ signal: AbortSignal.abort('before') })
  expect(made.isOver).toBe(true)
  expect(told).toEqual([])
  await Promise.resolve()
  expect(told).toEqual(['before'])
})

test('stopped, it leaves neither timer nor listener', () => {
  const controller = new AbortController()
  const { told, made } = deadline({ signal: controller.signal, timeoutMs: 10 })
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  made.stop()
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  expect(vi.getTimerCount()).toBe(0)
  controller.abort()
  expect(told).toEqual([])
})

test('without bounds there is nothing to wait for', () => {
  const { made } = deadline({})
  expect(made.isOver).toBe(false)
  expect(vi.getTimerCount()).toBe(0)
  made.stop()
})
