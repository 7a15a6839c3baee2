import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { FakeSshError } from '../../../src/errors.js'
import { brokenPipe, ExecStdin } from '../../../src/exec/exec-stdin.js'
import { RecordingChannel } from '../../helpers/recording-channel.js'

const dropped = new FakeSshError('ERR_FAKESSH_CLOSED', 'closed')

function made() {
  const channel = new RecordingChannel()
  const stdin = new ExecStdin()
  const results: (string | undefined)[] = []
  const record = (error?: Error | null) => results.push((error as NodeJS.ErrnoException | null)?.code)
  return { channel, stdin, results, record }
}

describe('ExecStdin', () => {
  test('sends nothing before the command has started', () => {
    const { channel, stdin, results, record } = made()
    stdin.write(Buffer.from('abc'), record)
    expect(channel.log).toEqual([])
    stdin.open(channel)
    expect(channel.log).toEqual(['data 0 abc'])
    expect(results).toEqual([])
    channel.take()
    expect(results).toEqual([undefined])
  })

  test('the end waits for the start too', async () => {
    const { channel, stdin, results, record } = made()
    stdin.final(record)
    await turn()
    expect([channel.log, results]).toEqual([[], []])
    stdin.open(channel)
    await turn()
    expect([channel.log, results]).toEqual([['eof 0'], [undefined]])
  })

  test('joins what piled up', () => {
    const { channel, stdin, record } = made()
    stdin.open(channel)
    stdin.writev([{ chunk: Buffer.from('a') }, { chunk: Buffer.from('b') }], record)
    expect(channel.log).toEqual(['data 0 ab'])
  })

  test('a write that was dropped is held until it is released', () => {
    const { channel, stdin, results, record } = made()
    stdin.open(channel)
    stdin.write(Buffer.from('abc'), record)
    stdin.onCommandEnded()
    channel.take(dropped)
    expect([stdin.isHolding, results]).toEqual([true, []])
    stdin.release(() => brokenPipe('cat'))
    expect([stdin.isHolding, results]).toEqual([false, ['EPIPE']])
    stdin.release(() => brokenPipe('cat'))
    expect(results).toEqual(['EPIPE'])
  })

  test('a write that is dropped after the release fails then', async () => {
    const { channel, stdin, results, record } = made()
    stdin.open(channel)
    stdin.write(Buffer.from('abc'), record)
    stdin.onCommandEnded()
    stdin.release(() => brokenPipe('cat'))
    expect(results).toEqual([])
    channel.take(dropped)
    await turn()
    expect(results).toEqual(['EPIPE'])
  })

  test('a write after the command has ended is held, one after the release fails', async () => {
    const { channel, stdin, results, record } = made()
    stdin.open(channel)
    stdin.onCommandEnded()
    stdin.write(Buffer.from('abc'), record)
    expect(results).toEqual([])
    stdin.release(() => brokenPipe('cat'))
    stdin.write(Buffer.from('def'), record)
    await turn()
    expect(results).toEqual(['EPIPE', 'EPIPE'])
    expect(channel.log).toEqual([])
  })

  test('the input of a command that has ended can be ended', async () => {
    const { channel, stdin, results, record } = made()
    stdin.open(channel)
    stdin.onCommandEnded()
    stdin.final(record)
    await turn()
    expect([channel.log, results]).toEqual([[], [undefined]])
  })

  test('what waits for a command that never starts fails', async () => {
    const writing = made()
    writing.stdin.write(Buffer.from('abc'), writing.record)
    writing.stdin.release(() => dropped)
    await turn()
    expect(writing.results).toEqual(['ERR_FAKESSH_CLOSED'])
    const ending = made()
    ending.stdin.final(ending.record)
    ending.stdin.release(() => dropped)
    ending.stdin.open(ending.channel)
    await turn()
    expect([ending.results, ending.channel.log]).toEqual([[undefined], []])
  })

  test('the error is that of a local pipe', () => {
    expect(brokenPipe('cat x')).toMatchObject({
      code: 'EPIPE',
      syscall: 'write',
      message: "EPIPE: 'cat x' has ended and reads no more input",
    })
  })
})
