import { expect, test } from 'vitest'
import { Cleanup } from '../../../bench/cleanup.js'

test('steps are undone in reverse, one after the other', async () => {
  const cleanup = new Cleanup()
  const done: string[] = []
  cleanup.add(() => done.push('first'))
  cleanup.add(async () => {
    await new Promise((resolve) => setImmediate(resolve))
    done.push('second')
  })
  await cleanup.run()
  expect(done).toEqual(['second', 'first'])
})

test('one that fails keeps none from being undone, and is told of', async () => {
  const cleanup = new Cleanup()
  const done: string[] = []
  cleanup.add(() => done.push('first'))
  cleanup.add(() => {
    throw new Error('second failed')
  })
  cleanup.add(() => Promise.reject(new Error('third failed')))
  await expect(cleanup.run()).rejects.toThrow('third failed')
  expect(done).toEqual(['first'])
})

test('running twice undoes nothing twice', async () => {
  const cleanup = new Cleanup()
  let count = 0
  cleanup.add(() => {
    count += 1
  })
  await cleanup.run()
  await cleanup.run()
  expect(count).toBe(1)
})

test('a part is undone by itself, or else with the whole', async () => {
  const cleanup = new Cleanup()
  const done: string[] = []
  cleanup.add(() => done.push('whole'))
  const [early, late] = [cleanup.part(), cleanup.part()]
  early.add(() => done.push('early'))
  late.add(() => done.push('late'))
  await early.run()
  expect(done).toEqual(['early'])
  await cleanup.run()
  expect(done).toEqual(['early', 'late', 'whole'])
})
