import { afterEach, beforeEach, expect, test } from 'vitest'
import { LazyResult } from '../../../src/files/lazy-result.js'

const unhandled: unknown[] = []
const remember = (reason: unknown) => unhandled.push(reason)

beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', remember)
})

afterEach(() => {
  process.off('unhandledRejection', remember)
})

/** Node reports unhandled rejections after the microtasks of a turn. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('asked for before and after the value', async () => {
  const result = new LazyResult<number>()
  const before = result.promise
  result.resolve(1)
  expect(await before).toBe(1)
  expect(await result.promise).toBe(1)
  expect(result.promise).toBe(before)
})

test('asked for only after the value', async () => {
  const result = new LazyResult<string>()
  result.resolve('x')
  expect(result.isTouched).toBe(false)
  await expect(result.promise).resolves.toBe('x')
  expect(result.isTouched).toBe(true)
})

test('asked for only after the failure', async () => {
  const result = new LazyResult<number>()
  result.reject('reason')
  await expect(result.promise).rejects.toBe('reason')
})

test('the first outcome counts', async () => {
  const failed = new LazyResult<number>()
  failed.reject('first')
  failed.resolve(2)
  failed.reject('third')
  await expect(failed.promise).rejects.toBe('first')

  const succeeded = new LazyResult<number>()
  const { promise } = succeeded
  succeeded.resolve(1)
  succeeded.reject('second')
  await expect(promise).resolves.toBe(1)
  await expect(succeeded.promise).resolves.toBe(1)
})

test.each([undefined, null, 0, '', false])('the reason can be %j', async (reason) => {
  const result = new LazyResult<number>()
  result.reject(reason)
  await expect(result.promise).rejects.toBe(reason)
})

test('a failure nobody asked about is no unhandled rejection', async () => {
  new LazyResult<number>().reject(new Error('nobody cares'))
  await turn()
  expect(unhandled).toEqual([])
})

test('a failure somebody asked about and dropped is one', async () => {
  const result = new LazyResult<number>()
  void result.promise
  result.reject('dropped')
  await turn()
  expect(unhandled).toEqual(['dropped'])
})

test('unless it was told elsewhere', async () => {
  const result = new LazyResult<number>()
  void result.promise
  result.markHandled()
  result.reject('told')
  await turn()
  expect(unhandled).toEqual([])
  await expect(result.promise).rejects.toBe('told')
})

test('marking does not ask', () => {
  const result = new LazyResult<number>()
  result.markHandled()
  expect(result.isTouched).toBe(false)
})
