import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { FakeSshError } from '../../../../src/errors.js'
import { DurableStdin } from '../../../../src/exec/jobs/durable-stdin.js'
import { RecordingChannel } from '../../../helpers/recording-channel.js'

const lost = () => new FakeSshError('ERR_FAKESSH_CLOSED', 'lost')
const textOf = (channel: RecordingChannel) => Buffer.concat(channel.sent).toString()

function made(offset = 0, hasEnd = false) {
  const stdin = new DurableStdin()
  const channel = new RecordingChannel()
  stdin.attach(channel, offset, hasEnd)
  const taken: (string | undefined)[] = []
  const write = (text: string | Uint8Array) =>
    stdin.write(Buffer.from(text), (error) => taken.push(error?.code))
  return { stdin, channel, taken, write }
}

describe('DurableStdin', () => {
  test('passes on, says when the transport took it, and ends', () => {
    const { stdin, channel, taken, write } = made()
    write('abc')
    expect(taken).toEqual([])
    channel.take()
    expect(taken).toEqual([undefined])
    stdin.end()
    expect(channel.log).toEqual(['data 0 abc', 'eof 0'])
  })

  test('sends again what the server does not have, and only that, and the end', () => {
    const { stdin, channel, taken, write } = made()
    write('0123')
    write('456789')
    channel.take()
    stdin.end()
    stdin.detach()
    channel.abort()
    const second = new RecordingChannel()
    stdin.attach(second, 3, false)
    expect(second.log).toEqual(['data 0 3456789', 'eof 0'])
    expect(taken).toEqual([undefined])
    second.take()
    expect(taken).toEqual([undefined, undefined])
    stdin.onAcknowledged(7)
    const third = new RecordingChannel()
    stdin.attach(third, 10, true)
    expect(third.log).toEqual([])
  })

  test('waits while there is no channel', () => {
    const { stdin, taken, write } = made()
    stdin.detach()
    write('later')
    const next = new RecordingChannel()
    stdin.attach(next, 0, false)
    expect(textOf(next)).toBe('later')
    next.take()
    expect(taken).toEqual([undefined])
  })

  test('goes on from where another client had written to', () => {
    const { stdin, write, channel } = made(1000)
    write('abc')
    stdin.onAcknowledged(2)
    expect(stdin.acknowledged).toBe(1002)
    const next = new RecordingChannel()
    stdin.attach(next, 1002, false)
    expect([textOf(channel), textOf(next)]).toEqual(['abc', 'c'])
  })

  test('copies what it keeps, across blocks', () => {
    const { stdin, channel } = made()
    const bytes = randomBytes(200_000)
    const given = Buffer.from(bytes)
    stdin.write(given, () => {})
    given.fill(0)
    expect(Buffer.concat(channel.sent).equals(bytes)).toBe(true)
    stdin.onAcknowledged(150_000)
    const next = new RecordingChannel()
    stdin.attach(next, 170_000, false)
    expect(Buffer.concat(next.sent).equals(bytes.subarray(170_000))).toBe(true)
  })

  test.each([
    ['less than it had confirmed', 4],
    ['more than was written', 11],
  ])('fails where the server has %s', (_what, offset) => {
    const { stdin, write } = made()
    write('0123456789')
    stdin.onAcknowledged(5)
    expect(() => stdin.attach(new RecordingChannel(), offset, false)).toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_PROTOCOL' }),
    )
  })

  test('fails what another client has ended stdin before, and what is written after that', async () => {
    const { stdin, taken, write } = made()
    write('abc')
    write('def')
    stdin.detach()
    const next = new RecordingChannel()
    stdin.attach(next, 3, true)
    expect(taken).toEqual([undefined, 'ERR_FAKESSH_CLOSED'])
    write('ghi')
    stdin.end()
    await turn()
    expect(taken).toEqual([undefined, 'ERR_FAKESSH_CLOSED', 'ERR_FAKESSH_CLOSED'])
    expect(next.log).toEqual([])
    // Nor does it try again.
    stdin.detach()
    const last = new RecordingChannel()
    stdin.attach(last, 3, true)
    expect([last.log, taken.length]).toEqual([[], 3])
  })

  test('fails what waits when there will be no other channel', () => {
    const { stdin, taken, write } = made()
    write('abc')
    stdin.detach()
    stdin.release(lost)
    expect(taken).toEqual(['ERR_FAKESSH_CLOSED'])
  })
})
