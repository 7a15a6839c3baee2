import { expect, test } from 'vitest'
import { Attempts } from '../../../src/files/attempts.js'

const lost = new Error('lost')
const recovery = {
  isRecoverable: (error: unknown) => error === lost,
  whenOpen: async (signal?: AbortSignal) => signal?.throwIfAborted(),
  instance: undefined,
}
const never = new AbortController().signal

test('without a recovery there is one attempt', () => {
  expect(new Attempts(undefined).mayFollow(lost, 5)).toBe(false)
})

test('what no other connection mends is final', () => {
  expect(new Attempts(recovery).mayFollow(new Error('wrong'), 5)).toBe(false)
})

test('ten in a row that get nothing across are all', () => {
  const attempts = new Attempts(recovery)
  const answers = Array.from({ length: 10 }, () => attempts.mayFollow(lost, 0))
  expect(answers).toEqual([...Array(9).fill(true), false])
})

test('every byte that is new begins the count anew; one that was had before does not', () => {
  const attempts = new Attempts(recovery)
  for (let i = 1; i <= 50; i++) expect(attempts.mayFollow(lost, i)).toBe(true)
  const answers = Array.from({ length: 10 }, (_, i) => attempts.mayFollow(lost, 40 + i))
  expect(answers).toEqual([...Array(9).fill(true), false])
})

test('the next one waits for a connection, and for no longer than it is wanted', async () => {
  await new Attempts(recovery).next(never)
  await expect(new Attempts(recovery).next(AbortSignal.abort('stop'))).rejects.toBe('stop')
})
