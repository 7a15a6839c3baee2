import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { JobStdin } from '../../../../src/exec/jobs/job-stdin.js'

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
  const credits = (): number[] => {
    const given: number[] = []
    stdin.attach((bytes) => given.push(bytes))
    return given
  }
  return { stdin, target, written, take, credits, hasEnded: () => hasEnded }
}

test('forgets, when an attachment goes, what the program was not given, and has it sent again', async () => {
  const { stdin, take, written, credits, hasEnded } = made()
  const first = credits()
  stdin.write(Buffer.from('abc'))
  stdin.write(Buffer.from('defg'))
  stdin.end()
  expect([stdin.offset, stdin.isEnded]).toEqual([7, true])
  stdin.detach()
  expect([stdin.offset, stdin.isEnded]).toEqual([3, false])
  const second = credits()
  stdin.write(Buffer.from('defg'))
  stdin.end()
  await take()
  await take()
  expect(written.join('')).toBe('abcdefg')
  // Those three bytes came through the first.
  expect([first, second]).toEqual([[], [4]])
  expect([stdin.offset, stdin.isEnded, stdin.bytesTaken, hasEnded()]).toEqual([7, true, 7, true])
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
  const first = credits()
  stdin.write(Buffer.alloc(100))
  stdin.detach()
  const second = credits()
  stdin.write(Buffer.alloc(50))
  await turn()
  await turn()
  expect(first).toEqual([])
  expect(second.reduce((sum, bytes) => sum + bytes, 0)).toBe(50)
})

test('takes nothing after the end', () => {
  const { stdin, credits } = made()
  credits()
  stdin.end()
  stdin.end()
  stdin.write(Buffer.from('late'))
  expect(stdin.offset).toBe(0)
})
