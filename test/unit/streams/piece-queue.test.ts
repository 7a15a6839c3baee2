import { describe, expect, test } from 'vitest'
import { PieceQueue } from '../../../src/streams/piece-queue.js'

const filled = (length: number, value: number) => new Uint8Array(length).fill(value)

/** All that waits. */
function drained(queue: PieceQueue): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) pieces.push(piece)
  return pieces
}

/** Bytes of memory that the pieces keep: all of each buffer they are views of. */
const keptBytes = (pieces: readonly Uint8Array[]) =>
  [...new Set(pieces.map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0)

describe('PieceQueue', () => {
  test('gives back what it was given, in order, however it was cut', () => {
    const queue = new PieceQueue()
    const sent: Uint8Array[] = []
    const got: Uint8Array[] = []
    for (let i = 0; i < 2_000; i += 1) {
      const piece = filled(i % 11 === 0 ? 4_096 + i * 200 : (i * 31) % 900, i % 251)
      sent.push(piece)
      queue.push(piece)
      const one = i % 3 === 0 ? queue.shift() : undefined
      if (one !== undefined) {
        got.push(Uint8Array.from(one))
        if (i % 2 === 0) queue.giveBack(one)
      }
      if (i % 700 === 699) got.push(...drained(queue))
    }
    got.push(...drained(queue))
    expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true)
    expect(queue.bytes).toBe(0)
    expect(queue.shift()).toBeUndefined()
  })

  test('counts what waits', () => {
    const queue = new PieceQueue()
    queue.push(filled(10, 1))
    queue.push(filled(100_000, 1))
    expect(queue.bytes).toBe(100_010)
    const first = queue.shift()
    expect(queue.bytes).toBe(100_010 - (first?.length ?? 0))
  })

  test('what it was given may be used again at once', () => {
    const queue = new PieceQueue()
    for (const length of [3, 20_000]) {
      const piece = filled(length, 1)
      queue.push(piece)
      piece.fill(2)
    }
    expect(drained(queue).every((piece) => piece.every((byte) => byte === 1))).toBe(true)
  })

  test('a piece that waits alone keeps no more than it is long', () => {
    const queue = new PieceQueue()
    queue.push(filled(70_000, 1).subarray(0, 5))
    expect(keptBytes(drained(queue))).toBe(5)
  })

  test('one-byte views of distinct chunks keep none of the chunks', () => {
    const queue = new PieceQueue()
    for (let i = 0; i < 20_000; i += 1) queue.push(new Uint8Array(65_536).subarray(i, i + 1))
    expect(queue.bytes).toBe(20_000)
    const pieces = drained(queue)
    expect([pieces.length, keptBytes(pieces)]).toEqual([3, 1 + 16_384 + 32_770])
  })

  test('much that waits is in few pieces, none above 256 KiB', () => {
    const queue = new PieceQueue()
    for (let i = 0; i < 64; i += 1) queue.push(filled(16_384, i))
    const pieces = drained(queue)
    expect(pieces.length).toBeLessThan(9)
    expect(Math.max(...pieces.map(({ length }) => length))).toBe(262_144)
  })

  test('what was given away is not written to any more', () => {
    const queue = new PieceQueue()
    queue.push(filled(2, 1))
    queue.push(filled(2, 1))
    const before = drained(queue)
    queue.push(filled(2, 2))
    queue.push(filled(2, 2))
    expect(Buffer.concat(before)).toEqual(Buffer.from(filled(4, 1)))
    expect(Buffer.concat(drained(queue))).toEqual(Buffer.from(filled(4, 2)))
  })

  test('a large piece that was given back is filled again, a small one is not', () => {
    const queue = new PieceQueue()
    queue.push(filled(262_144, 1))
    const large = queue.shift() as Uint8Array
    queue.giveBack(large.subarray(0, 5))
    queue.push(filled(16_384, 2))
    expect(queue.shift()?.buffer).toBe(large.buffer)
    const small = filled(5, 3)
    queue.giveBack(small)
    queue.push(filled(5, 4))
    expect(queue.shift()?.buffer).not.toBe(small.buffer)
  })

  test('cleared, it is empty and can be used again', () => {
    const queue = new PieceQueue()
    queue.push(filled(10, 1))
    queue.clear()
    expect([queue.bytes, queue.shift()]).toEqual([0, undefined])
    queue.push(filled(3, 2))
    expect([queue.bytes, drained(queue)]).toEqual([3, [Buffer.from(filled(3, 2))]])
  })
})
