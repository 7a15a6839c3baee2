import { expect, test } from 'vitest'
import { WorkQueue } from '../../../src/auth/work-queue.js'

/** Work whose end the test decides. */
function controlled(log: string[], name: string) {
  let finish: (error?: Error) => void = () => {}
  const work = () =>
    new Promise<string>((resolve, reject) => {
      log.push(name)
      finish = (error) => (error === undefined ? resolve(name) : reject(error))
    })
  return { work, finish: (error?: Error) => finish(error) }
}

const settled = () => new Promise(setImmediate)

test('runs as many at once as allowed, the others in order', async () => {
  const queue = new WorkQueue({ concurrency: 2, maxWaiting: 10 })
  const log: string[] = []
  const jobs = ['a', 'b', 'c', 'd'].map((name) => controlled(log, name))
  const results = jobs.map((job) => queue.run(job.work))
  await settled()
  expect(log).toEqual(['a', 'b'])
  jobs[1]?.finish()
  expect(await results[1]).toBe('b')
  await settled()
  expect(log).toEqual(['a', 'b', 'c'])
  jobs[0]?.finish()
  await settled()
  expect(log).toEqual(['a', 'b', 'c', 'd'])
  jobs[2]?.finish()
  jobs[3]?.finish()
  expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd'])
})

test('work that fails, at once or later, makes room too', async () => {
  const queue = new WorkQueue({ concurrency: 1, maxWaiting: 10 })
  const failing = queue.run(() => {
    throw new Error('at once')
  })
  const later = queue.run(() => Promise.reject(new Error('later')))
  const last = queue.run(async () => 'done')
  await expect(failing).rejects.toThrow('at once')
  await expect(later).rejects.toThrow('later')
  expect(await last).toBe('done')
})

test('what would wait beyond the bound is refused at once, and does not run', async () => {
  const queue = new WorkQueue({ concurrency: 1, maxWaiting: 1 })
  const log: string[] = []
  const [a, b, c] = [controlled(log, 'a'), controlled(log, 'b'), controlled(log, 'c')]
  const running = queue.run(a.work)
  const waiting = queue.run(b.work)
  await expect(queue.run(c.work)).rejects.toMatchObject({ code: 'ERR_FAKESSH_LIMIT' })
  a.finish()
  await running
  await settled()
  b.finish()
  await waiting
  expect(log).toEqual(['a', 'b'])
})
