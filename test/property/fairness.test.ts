// DATA is taken one frame at a time from the streams that have bytes and credit, so none waits for another's bulk.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { acceptFrom, drainFrames, openCore } from '../helpers/cores.js'
import { concat } from '../helpers/hex.js'
import { wholeFrames } from '../helpers/naive-frames.js'

const loads = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 2, maxLength: 12 })

/** A core with a channel for each load, all of it queued at once. */
function loaded(loads: readonly number[]) {
  const core = openCore({}, { limits: { maxFrameBytes: 1_024, maxChannels: 200 } })
  const left = new Map(loads.map((bytes, i) => [2 * i + 1, bytes]))
  for (const id of left.keys()) acceptFrom(core, id, [1_000_000])
  for (const [id, bytes] of left) core.sendData(id, 0, new Uint8Array(bytes), () => {})
  return { core, left }
}

test('between two frames of one stream every other stream with bytes had its turn', () => {
  fc.assert(
    fc.property(loads, fc.integer({ min: 1, max: 5_000 }), (bytes, targetBytes) => {
      const { core, left } = loaded(bytes)
      /** For each stream, which others had a turn since its own last one. */
      const since = new Map([...left.keys()].map((id) => [id, undefined as Set<number> | undefined]))
      while (core.hasOutput) {
        for (const { channel, payload } of wholeFrames(concat(...core.take(targetBytes).buffers))) {
          const turns = since.get(channel)
          if (turns !== undefined) {
            for (const id of left.keys()) expect(id === channel || turns.has(id)).toBe(true)
          }
          since.set(channel, new Set())
          for (const others of since.values()) others?.add(channel)
          const rest = (left.get(channel) ?? 0) - payload.length
          left.set(channel, rest)
          if (rest === 0) left.delete(channel)
        }
      }
      expect(left.size).toBe(0)
    }),
    { numRuns: 100 },
  )
})

test('streams of the same load get the same share, whatever the batches', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 20 }),
      fc.integer({ min: 1, max: 40_000 }),
      (count, targetBytes) => {
        const { core, left } = loaded(Array.from({ length: count }, () => 50 * 1_024))
        const frames = new Map([...left.keys()].map((id) => [id, 0]))
        while (core.hasOutput) {
          for (const { channel } of wholeFrames(concat(...core.take(targetBytes).buffers))) {
            frames.set(channel, (frames.get(channel) ?? 0) + 1)
          }
          const shares = [...frames.values()]
          expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1)
        }
      },
    ),
    { numRuns: 50 },
  )
})

test('a stream that comes late waits for one round, not for the bulk before it', () => {
  const core = openCore({}, { limits: { maxFrameBytes: 1_024, maxChannels: 200 } })
  for (const id of [1, 3, 5, 7]) acceptFrom(core, id, [10_000_000])
  for (const id of [1, 3, 5]) core.sendData(id, 0, new Uint8Array(1_000_000), () => {})
  core.take(10_000)
  core.sendData(7, 0, Uint8Array.of(7), () => {})
  const order = drainFrames(core).map(({ channel }) => channel)
  expect(order.indexOf(7)).toBeLessThan(4)
})

test('control frames overtake all queued DATA', () => {
  const core = openCore()
  acceptFrom(core, 1, [10_000_000])
  core.sendData(1, 0, new Uint8Array(5_000_000), () => {})
  core.openChannel('test', {}, [])
  core.sendPing()
  core.sendRequest(1, 'signal', {})
  expect(
    drainFrames(core)
      .slice(0, 4)
      .map(({ name }) => name),
  ).toEqual(['OPEN', 'PING', 'REQUEST', 'DATA'])
})
