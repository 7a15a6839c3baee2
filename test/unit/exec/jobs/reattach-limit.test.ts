import { expect, test } from 'vitest'
import { ReattachLimit } from '../../../../src/exec/jobs/reattach-limit.js'

function made() {
  let now = 0
  const limit = new ReattachLimit(() => now)
  const attempts = () => {
    let count = 0
    while (limit.mayTryAgain()) count += 1
    return count
  }
  return { limit, attempts, pass: (ms: number) => (now += ms) }
}

test('ten attempts in a row that got nothing done', () => {
  expect(made().attempts()).toBe(10)
})

test('bytes begin the count anew', () => {
  const { limit, attempts } = made()
  attempts()
  limit.onProgress()
  expect(attempts()).toBe(10)
})

test('so does an attachment that lasted, though the command was silent; one that did not last does not', () => {
  const { limit, attempts, pass } = made()
  attempts()
  limit.onAttached()
  pass(9_999)
  expect(attempts()).toBe(0)
  limit.onAttached()
  pass(10_000)
  expect(attempts()).toBe(10)
})
