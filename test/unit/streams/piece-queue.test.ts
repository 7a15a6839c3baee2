import { describe, expect, test } from 'vitest'
import { PieceQueue } from '../../../src/streams/piece-queue.js'

const filled = (length: number, value: number) => new Uint8Array(length).fill(value)

/** Bytes of memory that the pieces keep: all of each buffer they are views of. */
const keptBytes = (pieces: readonly Uint8Array[]) =>
  [...new Set(pieces.map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0)

describe('PieceQueue', () => {
  test('gives back what it was given, in order, however it was cut', () => {
    const queue = new PieceQueue()
    const sent: Uint8Array[] = []
    const got: Uint8Array[] = []
    for (let i = 0; i < 2_000; i += 1) {
      const piece = filled(i % 11 === 0 ? 4_096 + (i % 5) : (i * 31) % 900, i % 251)
      sent.push(piece)
      queue.push(piece)
      const one = i % 3 === 0 ? queue.shift() : undefined
      if (one !== undefined) got.push(Uint8Array.from(one))
      if (i % 700 === 699) got.push(...queue.takeAll())
    }
    got.push(...queue.takeAll())
    expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true)
    expect(queue.bytes).toBe(0)
    expect(queue.shift()).toBeUndefined()
  })

  test('one-byte views of distinct chunks keep none of the chunks', () => {
    const queue = new PieceQueue()
    for (let i = 0; i < 20_000; i += 1) queue.push(new Uint8Array(65_536).subarray(i, i + 1))
    expect(queue.bytes).toBe(20_000)
    const pieces = queue.takeAll()
    expect([pieces.length, keptBytes(pieces)]).toEqual([2, 32_768])
  })

  test('a large piece is not copied, a small one is', () => {
    const queue = new PieceQueue()
    const [large, small] = [filled(4_096, 1), filled(4_095, 1)]
    queue.push(large)
    queue.push(small)
    for (const piece of [large, small]) piece.fill(2)
    expect([queue.shift(), queue.shift()?.[0]]).toEqual([large, 1])
  })

  test('what was given away is not written to any more', () => {
    const queue = new PieceQueue()
    queue.push(filled(2, 1))
    const first = queue.shift()
    queue.push(filled(2, 2))
    const [second] = queue.takeAll()
    queue.push(filled(2, 3))
    expect([first, second, queue.shift()]).toEqual([filled(2, 1), filled(2, 2), filled(2, 3)])
  })

  test('cleared, it is empty and can be used again', () => {
    const queue = new PieceQueue()
    queue.push(filled(10, 1))
    queue.clear()
    expect([queue.bytes, queue.shift()]).toEqual([0, undefined])
    queue.push(filled(3, 2))
    expect([queue.bytes, queue.shift()]).toEqual([3, filled(3, 2)])
  })
})
