import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { OutputLog } from '../../../../src/exec/jobs/output-log.js'
import { OutputSender } from '../../../../src/exec/jobs/output-sender.js'
import { RecordingChannel } from '../../../helpers/recording-channel.js'

function made(from = 0, text = '') {
  const log = new OutputLog({ memoryBytes: 4096, spillBytes: 0 }, () => {})
  onTestFinished(() => log.dispose())
  log.append(Buffer.from(text), () => {})
  const channel = new RecordingChannel()
  const told: unknown[] = []
  const sender = new OutputSender(log, from, channel, 1, {
    onEnded: () => told.push('ended'),
    onFailed: (error) => told.push(error),
  })
  return { log, channel, sender, told, append: (more: string) => log.append(Buffer.from(more), () => {}) }
}

test('sends nothing before it is started, then what there is from its offset, then what comes, then the end', () => {
  const { log, channel, sender, told, append } = made(3, '0123456789')
  append('abc')
  expect(channel.log).toEqual([])
  sender.start()
  append('def')
  log.finish()
  expect(channel.log).toEqual(['data 1 3456789abc', 'data 1 def', 'eof 1'])
  expect(told).toEqual(['ended'])
})

test('starts at the oldest byte that is kept where an older one is asked for', () => {
  const { log, sender, channel } = made(5, 'x'.repeat(6000))
  expect(sender.from).toBe(log.start)
  expect(log.start).toBe(2048)
  sender.start()
  expect(Buffer.concat(channel.sent).length).toBe(3952)
})

test('has at most two pieces on their way', async () => {
  const log = new OutputLog({ memoryBytes: 1_048_576, spillBytes: 0 }, () => {})
  onTestFinished(() => log.dispose())
  log.append(Buffer.alloc(600_000), () => {})
  const channel = new RecordingChannel()
  const sender = new OutputSender(log, 0, channel, 0, { onEnded() {}, onFailed() {} })
  sender.start()
  expect(channel.waiting).toBe(2)
  channel.take()
  expect([channel.waiting, channel.sent.length]).toEqual([2, 3])
  sender.stop()
  channel.take()
  await turn()
  expect(channel.sent.length).toBe(3)
})

test('holds what was not acknowledged, until it is stopped', () => {
  const { log, sender, append } = made(0, 'x'.repeat(4096))
  sender.start()
  append('y'.repeat(1000))
  // Everything was read: what is on its way has left the log.
  expect(log.end).toBe(5096)
  sender.onAcknowledged(5096)
  expect(sender.acknowledged).toBe(5096)
  sender.stop()
  append('z'.repeat(10_000))
  expect(log.end).toBe(15_096)
})

test('tells of a log that cannot be read', async () => {
  const log = new OutputLog({ memoryBytes: 4096, spillBytes: 65_536 }, () => {})
  const told: unknown[] = []
  let hasRoom: () => void = () => {}
  const room = new Promise<void>((resolve) => {
    hasRoom = resolve
  })
  log.append(Buffer.alloc(10_000), hasRoom)
  await room
  const sender = new OutputSender(log, 0, new RecordingChannel(), 0, {
    onEnded() {},
    onFailed: (error) => told.push(error),
  })
  await log.dispose()
  sender.start()
  await turn()
  expect(told).toEqual([expect.any(RangeError)])
})
