import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ExecOutcome } from '../../../src/exec/exec-outcome.js'

/** Unhandled rejections while the test runs. */
function unhandled(): unknown[] {
  const seen: unknown[] = []
  const listener = (error: unknown) => seen.push(error)
  process.on('unhandledRejection', listener)
  onTestFinished(() => void process.off('unhandledRejection', listener))
  return seen
}

describe('ExecOutcome', () => {
  test('resolves whoever asked before and after', async () => {
    const outcome = new ExecOutcome<number>()
    const before = outcome.promise
    expect(outcome.resolve(1)).toBe(true)
    expect(await before).toBe(1)
    expect(await outcome.promise).toBe(1)
  })

  test('rejects whoever asked before and after', async () => {
    const early = new ExecOutcome<number>()
    const before = early.promise
    early.reject('why')
    await expect(before).rejects.toBe('why')
    const late = new ExecOutcome<number>()
    late.reject('why')
    await expect(late.promise).rejects.toBe('why')
  })

  test('gives one promise', () => {
    const outcome = new ExecOutcome<number>()
    expect(outcome.promise).toBe(outcome.promise)
  })

  test('keeps the first outcome', async () => {
    const outcome = new ExecOutcome<number>()
    expect(outcome.isSettled).toBe(false)
    expect(outcome.resolve(1)).toBe(true)
    expect(outcome.reject(new Error('late'))).toBe(false)
    expect(outcome.resolve(2)).toBe(false)
    expect(outcome.isSettled).toBe(true)
    expect(await outcome.promise).toBe(1)
  })

  test('a failure nobody asks about is no unhandled rejection', async () => {
    const seen = unhandled()
    const outcome = new ExecOutcome<number>()
    outcome.reject(new Error('quiet'))
    expect(outcome.isTouched).toBe(false)
    await turn()
    await turn()
    expect(seen).toEqual([])
  })

  test('rejects with undefined where that was the reason', async () => {
    const outcome = new ExecOutcome<number>()
    outcome.reject(undefined)
    await expect(outcome.promise).rejects.toBeUndefined()
  })
})
