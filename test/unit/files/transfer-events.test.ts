import { afterEach, expect, test, vi } from 'vitest'
import { progressListener } from '../../../src/files/path-transfer.js'
import type { TransferProgress } from '../../../src/files/progress.js'
import { callListener } from '../../../src/files/transfer-events.js'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Keeps what would be run in a fresh turn, where a throw would end this process. */
function keepTurns() {
  const turns: (() => void)[] = []
  vi.spyOn(process, 'nextTick').mockImplementation((turn) => {
    turns.push(turn as () => void)
  })
  return turns
}

const progress = { transferred: 1 } as TransferProgress

test('a listener is called, at once', () => {
  const seen: string[] = []
  callListener(() => seen.push('called'))
  expect(seen).toEqual(['called'])
})

test('what it throws is the exception of a fresh turn, not of the caller', () => {
  const turns = keepTurns()
  const error = new Error('faulty listener')
  callListener(() => {
    throw error
  })
  expect(turns).toHaveLength(1)
  expect(() => turns[0]?.()).toThrow(error)
})

test('onProgress gets the progress', () => {
  const seen: unknown[] = []
  progressListener((one) => seen.push(one))?.progress?.({ op: 'upload', path: 'a' }, progress)
  expect(seen).toEqual([progress])
})

test('a faulty onProgress does not reach the transfer', () => {
  const turns = keepTurns()
  const listener = progressListener(() => {
    throw new Error('faulty')
  })
  expect(() => listener?.progress?.({ op: 'upload', path: 'a' }, progress)).not.toThrow()
  expect(turns).toHaveLength(1)
})

test('without onProgress there is nothing to observe', () => {
  expect(progressListener(undefined)).toBeUndefined()
})
