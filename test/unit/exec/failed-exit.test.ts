// What is called with nobody to wait for it: a failure there is told to the peer and the observer, and never escapes.
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { CommandExecution } from '../../../src/exec/command-execution.js'
import { baseEnvironment } from '../../../src/exec/environment.js'
import type { ExecEnd } from '../../../src/exec/exec-observer.js'
import { sendFailedExit } from '../../../src/exec/failed-exit.js'
import { ProcessExecution } from '../../../src/exec/process-execution.js'
import { startProgram } from '../../../src/exec/process-group.js'
import { RecordingChannel } from '../../helpers/recording-channel.js'
import { recordUncaught } from '../../helpers/uncaught.js'
import { until } from '../../helpers/until.js'

const TOLD =
  'exit {"error":{"code":"ERR_FAKESSH_INTERNAL","message":"the server failed to follow the command to its end"}}'
const failure = new RangeError('the frame is too large')

/** Cannot send an EXIT, as one that is too large; other frames, and an EXIT that only tells an error, go out. */
class FailingChannel extends RecordingChannel {
  override sendExit(exit: Parameters<RecordingChannel['sendExit']>[0]): void {
    if (!('error' in exit)) throw failure
    super.sendExit(exit)
  }
}

test('sendFailedExit never throws', () => {
  const channel = new (class extends RecordingChannel {
    override sendExit(): void {
      throw failure
    }
    override abort(): void {
      super.abort()
      throw failure
    }
  })()
  sendFailedExit(channel)
  expect(channel.log).toEqual(['abort'])
})

async function program(command: string, onExited?: () => Promise<string | undefined>) {
  const ends: ExecEnd[] = []
  const channel = new FailingChannel()
  const env = baseEnvironment('/bin/sh')
  const group = await startProgram({ file: '/bin/sh', args: ['-c', command], cwd: '/', env })
  const execution = new ProcessExecution(channel, group, {
    killGraceMs: 2000,
    leakGraceMs: 250,
    onExited,
    onEnded: (end) => ends.push(end),
  })
  return { ends, channel, group, execution }
}

describe('a program', () => {
  test('whose EXIT cannot be sent', async () => {
    const uncaught = recordUncaught()
    const { execution, channel, ends } = await program('exit 3')
    await execution.run()
    await turn()
    expect(channel.log).toEqual(expect.arrayContaining(['eof 0', 'eof 1']))
    expect(channel.log.slice(-2)).toEqual([TOLD, 'close'])
    expect(ends).toEqual([expect.objectContaining({ exitCode: 3, error: failure, isCancelled: false })])
    expect(uncaught).toEqual([])
  })

  test('whose session cannot be asked', async () => {
    const { execution, channel, ends } = await program('true', () => Promise.reject(failure))
    await execution.run()
    execution.onClosed()
    expect(channel.log.slice(-2)).toEqual([TOLD, 'close'])
    expect(ends).toEqual([expect.objectContaining({ error: failure })])
  })

  test('that is cancelled while the channel is broken, and is gone', async () => {
    const uncaught = recordUncaught()
    const { execution, channel, ends, group } = await program('sleep 60')
    channel.close = () => {
      throw failure
    }
    const run = execution.run()
    execution.onClosed()
    await until(() => ends.length > 0)
    await run
    expect(ends).toEqual([expect.objectContaining({ error: failure })])
    expect(channel.log.at(-1)).toBe('abort')
    await until(() => !group.isAlive())
    expect(uncaught).toEqual([])
  })
})

test('an in-process command whose EXIT cannot be sent, returned or given up', async () => {
  const uncaught = recordUncaught()
  const call = { name: 'cmd', args: [], env: {}, cwd: '/', user: 'u' }
  for (const handler of [() => 0, () => new Promise<number>(() => {})]) {
    const ends: ExecEnd[] = []
    const channel = new FailingChannel()
    const execution = new CommandExecution(
      channel,
      { ...call, handler },
      {
        killGraceMs: 10,
        onEnded: (end) => ends.push(end),
      },
    )
    void execution.run()
    await turn()
    if (ends.length === 0) execution.onRequest('signal', { signal: 'SIGTERM' })
    await until(() => ends.length > 0)
    expect(channel.log.slice(-2)).toEqual([TOLD, 'close'])
    expect(ends).toEqual([expect.objectContaining({ error: failure })])
  }
  await turn()
  expect(uncaught).toEqual([])
})
