import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { FakeSshError } from '../../../src/errors.js'
import { CommandInput, CommandOutput } from '../../../src/exec/command-streams.js'
import { RecordingChannel } from '../../helpers/recording-channel.js'

describe('CommandInput', () => {
  test('counts what the command could read, and gives credit for it', async () => {
    const channel = new RecordingChannel()
    const input = new CommandInput(channel, 0)
    input.accept(Buffer.from('abc'))
    expect([input.bytesTaken, channel.credited[0]]).toEqual([0, undefined])
    expect(String(input.read())).toBe('abc')
    expect([input.bytesTaken, channel.credited[0]]).toEqual([3, 3])
    input.finish()
    input.resume()
    await once(input, 'end')
  })

  test('gives credit for what it discards, and does not count it', () => {
    const channel = new RecordingChannel()
    const input = new CommandInput(channel, 0)
    input.accept(Buffer.from('abc'))
    input.destroy()
    input.accept(Buffer.from('de'))
    expect([input.bytesTaken, channel.credited[0]]).toEqual([0, 5])
  })

  test('an error nobody listens to does not throw', async () => {
    const input = new CommandInput(new RecordingChannel(), 0)
    input.destroy(new Error('x'))
    await new Promise((resolve) => input.on('close', resolve))
  })
})

describe('CommandOutput', () => {
  test('takes text and bytes, and waits for the peer', async () => {
    const channel = new RecordingChannel()
    const output = new CommandOutput(channel, 1)
    let written = 0
    output.write('é', () => (written += 1))
    output.write(Buffer.from('b'), () => (written += 1))
    await turn()
    expect([channel.log, written]).toEqual([['data 1 é'], 0])
    channel.take()
    await turn()
    expect([channel.log, written]).toEqual([['data 1 é', 'data 1 b'], 1])
    channel.take()
    await turn()
    expect([output.bytes, written]).toEqual([3, 2])
  })

  test('finishes once everything has left', async () => {
    const channel = new RecordingChannel()
    const output = new CommandOutput(channel, 0)
    output.write('a')
    let isFinished = false
    const finished = output.finish().then(() => {
      isFinished = true
    })
    await turn()
    expect([isFinished, channel.log]).toEqual([false, ['data 0 a']])
    channel.take()
    await finished
    expect(channel.log).toEqual(['data 0 a', 'eof 0'])
  })

  test.each<[string, (output: CommandOutput) => void]>([
    ['ended it', (output) => void output.end()],
    ['destroyed it', (output) => void output.destroy()],
    ['broke it', (output) => void output.destroy(new Error('x'))],
    ['wrote after the end', (output) => void output.end().write('late')],
  ])('finishes also when the command %s', async (_name, spoil) => {
    const channel = new RecordingChannel()
    const output = new CommandOutput(channel, 0)
    spoil(output)
    await output.finish()
    expect(channel.log).toEqual(['eof 0'])
  })

  test('writes to a closed channel call back with an error, and throw nothing', async () => {
    const channel = new RecordingChannel()
    const output = new CommandOutput(channel, 0)
    const failed = new Promise((resolve) => output.write('a', resolve))
    channel.take(new FakeSshError('ERR_FAKESSH_CLOSED', 'closed'))
    expect(await failed).toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    const late = new Promise((resolve) => output.write('b', resolve))
    expect(await late).toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
  })
})
