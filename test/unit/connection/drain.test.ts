import { expect, test } from 'vitest'
import { Drain } from '../../../src/connection/drain.js'
import { turns } from '../../helpers/until.js'

async function isDone(drain: Drain): Promise<boolean> {
  let done = false
  void drain.done.then(() => {
    done = true
  })
  await turns(2)
  return done
}

test('is done as soon as nothing is left, and leaves no timer behind', async () => {
  const drain = new Drain()
  drain.start(1_000_000)
  expect(await isDone(drain)).toBe(false)
  drain.finish()
  await drain.done
  expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBeLessThan(2)
})

test('is done when the time is over', async () => {
  const drain = new Drain()
  drain.start(5)
  await drain.done
  drain.finish()
})

test('nothing left before it has started means nothing', async () => {
  const drain = new Drain()
  drain.finish()
  expect(await isDone(drain)).toBe(false)
  drain.start(1_000_000)
  expect(await isDone(drain)).toBe(false)
  drain.finish()
  drain.finish()
  expect(await isDone(drain)).toBe(true)
})
