import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { JobStdin } from '../../../../src/exec/jobs/job-stdin.js'

const WINDOW = 262_144

/** A program that takes one piece whenever the test says so. */
function made() {
  const written: string[] = []
  let pending: (() => void) | undefined
  let hasEnded = false
  const target = new Writable({
    write: (chunk, _encoding, callback) => {
      written.push(String(chunk))
      pending = callback
    },
    final: (callback) => {
      hasEnded = true
      callback()
    },
  })
  const take = async () => {
    pending?.()
    await turn()
  }
  const stdin = new JobStdin(target)
  const credits = () => {
    const given: [bytes: number, widerBy: number][] = []
    stdin.attach((...credit) => given.push(credit))
    return given
  }
  return { stdin, target, written, take, credits, hasEnded: () => hasEnded }
}

test('keeps what waits for the program when an attachment goes, and counts it to the window of the next', async () => {
  const { stdin, take, written, credits, hasEnded } = made()
  expect(stdin.offer()).toBe(WINDOW)
  const first = credits()
  stdin.write(Buffer.from('abc'))
  stdin.write(Buffer.from('defg'))
  stdin.detach()
  expect([stdin.offset, stdin.isEnded]).toEqual([7, false])
  expect(stdin.offer()).toBe(WINDOW - 7)
  const second = credits()
  stdin.write(Buffer.from('hi'))
  stdin.end()
  for (let i = 0; i < 3; i += 1) await take()
  expect(written.join('')).toBe('abcdefghi')
  // What came through the first makes the window of the second as wide as that was.
  expect([first, second]).toEqual([
    [],
    [
      [0, 3],
      [0, 4],
      [2, 0],
    ],
  ])
  expect([stdin.offset, stdin.isEnded, stdin.bytesTaken, hasEnded()]).toEqual([9, true, 9, true])
})

test('keeps an end that came after all there was', async () => {
  const { stdin, take, credits, hasEnded } = made()
  credits()
  stdin.write(Buffer.from('abc'))
  stdin.end()
  stdin.detach()
  expect([stdin.offset, stdin.isEnded]).toEqual([3, true])
  await take()
  expect(hasEnded()).toBe(true)
})

test('gives an attachment no credit for what an earlier one brought to a program that reads no more', async () => {
  const { stdin, target, credits } = made()
  target.destroy()
  stdin.offer()
  const first = credits()
  stdin.write(Buffer.alloc(100))
  stdin.detach()
  stdin.offer()
  const second = credits()
  stdin.write(Buffer.alloc(50))
  await turn()
  await turn()
  expect(first).toEqual([])
  expect(second.reduce((sum, [bytes]) => sum + bytes, 0)).toBe(50)
  expect(second.reduce((sum, [, widerBy]) => sum + widerBy, 0)).toBe(100)
})

test('takes nothing after the end', () => {
  const { stdin, credits } = made()
  credits()
  stdin.end()
  stdin.end()
  stdin.write(Buffer.from('late'))
  expect(stdin.offset).toBe(0)
})
