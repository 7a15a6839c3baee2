import { expect, test } from 'vitest'
import { ConnectionError, FakeSshError } from '../../../src/errors.js'
import { Attempts } from '../../../src/files/attempts.js'

const lost = new ConnectionError('ERR_FAKESSH_CONNECTION_LOST', 'lost')
const notStarted = new ConnectionError('ERR_FAKESSH_NOT_STARTED', 'not started')
/** What the server says of a connection that lives. */
const leaving = new FakeSshError('ERR_FAKESSH_SHUTDOWN', 'leaving')
const recovery = {
  isRecoverable: (error: unknown) => [lost, notStarted, leaving].includes(error as FakeSshError),
  whenOpen: async (signal?: AbortSignal) => signal?.throwIfAborted(),
  instance: undefined,
}
const never = new AbortController().signal

/** What was answered to so many attempts, each of which began and got to a byte. */
function answers(attempts: Attempts, count: number, start?: number, bytes = start ?? 0): boolean[] {
  return Array.from({ length: count }, () => {
    if (start !== undefined) attempts.agreed(start)
    return attempts.mayFollow(lost, bytes)
  })
}

const nineMore = [...Array(9).fill(true), false]

test('without a recovery there is one attempt', () => {
  expect(new Attempts(undefined).mayFollow(lost, 5)).toBe(false)
})

test('what no other connection mends is final', () => {
  expect(new Attempts(recovery).mayFollow(new Error('wrong'), 5)).toBe(false)
})

test('ten in a row that get nothing across are all', () => {
  expect(answers(new Attempts(recovery), 10)).toEqual(nineMore)
})

test('one that asked for nothing does not count, unless it was refused', () => {
  const attempts = new Attempts(recovery)
  const idle = (error: FakeSshError) => attempts.mayFollow(error, 0, true)
  expect(Array.from({ length: 30 }, () => idle(lost))).toEqual(Array(30).fill(true))
  expect(Array.from({ length: 10 }, () => idle(leaving))).toEqual(nineMore)
})

test('every byte that is new begins the count anew; one that was had before does not', () => {
  const attempts = new Attempts(recovery)
  for (let i = 1; i <= 50; i++) expect(answers(attempts, 1, i - 1, i)).toEqual([true])
  expect(answers(attempts, 10, 50, 50)).toEqual(nineMore)
})

test('what an attempt got across may show only in where the next one begins', () => {
  const attempts = new Attempts(recovery)
  for (let i = 0; i < 50; i++) expect(answers(attempts, 1, i)).toEqual([true])
})

test('after a part was lost, what comes across again counts', () => {
  const attempts = new Attempts(recovery)
  for (let i = 1; i <= 50; i++) expect(answers(attempts, 1, i - 1, i)).toEqual([true])
  for (let i = 1; i <= 49; i++) expect(answers(attempts, 1, i - 1, i)).toEqual([true])
})

test('ten in a row that begin at less, and get no further than before, are all', () => {
  const attempts = new Attempts(recovery)
  expect(answers(attempts, 1, 0, 7)).toEqual([true])
  expect(answers(attempts, 10, 0, 7)).toEqual(nineMore)
})

test('one that begins at less, and gets further than any before, begins that count anew', () => {
  const attempts = new Attempts(recovery)
  for (let i = 1; i <= 50; i++) expect(answers(attempts, 1, 0, i)).toEqual([true])
  expect(answers(attempts, 10, 0, 50)).toEqual(nineMore)
})

test('one that the server cannot have heard of says nothing', () => {
  const attempts = new Attempts(recovery)
  expect(answers(attempts, 9)).not.toContain(false)
  for (let i = 0; i < 50; i++) expect(attempts.mayFollow(notStarted, 0)).toBe(true)
  expect(answers(attempts, 1)).toEqual([false])
})

test('the next one waits for a connection, and for no longer than it is wanted', async () => {
  await new Attempts(recovery).next(never)
  await expect(new Attempts(recovery).next(AbortSignal.abort('stop'))).rejects.toBe('stop')
})
