// The client half alone, against a server that says what the test wants: above all what a server should not say.
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ChannelHandler } from '../../../src/connection/channel-handler.js'
import { FakeSshError } from '../../../src/errors.js'
import { type ExecArguments, parseExecArguments } from '../../../src/exec/exec-arguments.js'
import { ExecChannelProcess } from '../../../src/exec/exec-channel-process.js'
import type { ExecResult } from '../../../src/exec/exec-result.js'
import { RecordingChannel } from '../../helpers/recording-channel.js'
import { recordUncaught } from '../../helpers/uncaught.js'

const EXIT = { exitCode: 0, signal: null, stdioLeaked: false, stdinBytes: 0 }

function made(...args: ExecArguments | []) {
  const channel = new RecordingChannel()
  const opened: unknown[] = []
  const results: ExecResult[] = []
  let handler: ChannelHandler | undefined
  const opener = {
    open(kind: string, params: object, windows: readonly number[], given: ChannelHandler) {
      opened.push([kind, params, windows])
      handler = given
      return channel
    },
  }
  const call = parseExecArguments(args.length === 0 ? ['cat'] : args)
  const proc = new ExecChannelProcess(opener, call, (result) => results.push(result))
  const server = {
    start: (info: object = { cwd: '/' }) => handler?.onOpened?.(info as never),
    data: (stream: number, text: string | Uint8Array) => handler?.onData(stream, Buffer.from(text)),
    eof: (...streams: number[]) => {
      for (const stream of streams) handler?.onEof(stream)
    },
    exit: (exit: object = EXIT) => handler?.onExit?.(exit as never),
    closed: (error?: FakeSshError) => handler?.onClosed(error),
  }
  return { proc, channel, opened, results, server }
}

describe('opening', () => {
  test('asks for the exec with a window for each output', () => {
    expect(made('git', ['log']).opened).toEqual([
      ['exec', { file: 'git', args: ['log'] }, [1_048_576, 262_144]],
    ])
  })

  test('knows nothing before the start, and then what the server said', async () => {
    const { proc, server } = made()
    expect([proc.pid, proc.cwd, proc.refusedEnv]).toEqual([undefined, undefined, []])
    const spawned = once(proc, 'spawn')
    server.start({ pid: 42, cwd: '/a', shell: '/bin/sh', refusedEnv: ['PATH'] })
    expect(await spawned).toEqual([{ pid: 42, cwd: '/a', shell: '/bin/sh', refusedEnv: ['PATH'] }])
    expect([proc.pid, proc.cwd, proc.refusedEnv]).toEqual([42, '/a', ['PATH']])
  })

  test('an opener that throws is a failure like any other', async () => {
    const opener = {
      open() {
        throw new FakeSshError('ERR_FAKESSH_LIMIT', 'no ids left')
      },
    }
    const proc = new ExecChannelProcess(opener, parseExecArguments(['ls']))
    await expect(proc.result).rejects.toMatchObject({
      code: 'ERR_FAKESSH_LIMIT',
      message: "exec 'ls': no ids left",
    })
  })

  test('nothing is opened for a signal that is aborted already', async () => {
    const { proc, opened } = made('ls', { signal: AbortSignal.abort('no') })
    await expect(proc.result).rejects.toBe('no')
    expect(opened).toEqual([])
    expect(await proc.kill()).toBe(false)
    expect(proc.destroyed).toBe(true)
  })
})

describe('a server that breaks the protocol', () => {
  const broken = (message: string) => ({
    code: 'ERR_FAKESSH_PROTOCOL',
    message: expect.stringContaining(message),
  })

  test.each([{}, { cwd: 1 }, { cwd: '/', pid: 'x' }])('starts with %j', async (info) => {
    const { proc, server, channel } = made()
    server.start(info)
    await expect(proc.result).rejects.toMatchObject(broken("exec 'cat': exec: "))
    expect(channel.log).toEqual(['abort'])
  })

  test.each([
    ['before the end of stdout', [1], EXIT],
    ['before the end of stderr', [0], EXIT],
    ['with code and signal', [0, 1], { ...EXIT, signal: 'SIGTERM' }],
    ['with neither code nor signal', [0, 1], { ...EXIT, exitCode: null }],
  ])('exits %s', async (_name, eofs, exit) => {
    const { proc, server } = made()
    server.start()
    server.eof(...eofs)
    server.exit(exit)
    await expect(proc.result).rejects.toMatchObject(broken('the server sent an exit that is not one'))
  })

  test('answers a signal with something else', async () => {
    const { proc, server, channel } = made()
    server.start()
    channel.request = async () => ({ delivered: 'yes' })
    await expect(proc.kill()).rejects.toMatchObject({ code: 'ERR_FAKESSH_PROTOCOL' })
  })
})

describe('the end', () => {
  test('is told first to the session, then to result and listeners', async () => {
    const { proc, server, results, channel } = made()
    const exited = once(proc, 'exit')
    server.start({ cwd: '/a' })
    server.data(0, 'out')
    server.data(1, 'err!')
    server.eof(0, 1)
    server.exit({ ...EXIT, exitCode: 3, stdinBytes: 9, stdioLeaked: true })
    const result = await proc.result
    expect(result).toEqual({
      command: 'cat',
      exitCode: 3,
      signal: null,
      durationMs: expect.any(Number),
      stdinBytes: 9,
      stdoutBytes: 3,
      stderrBytes: 4,
      stdoutDiscarded: false,
      stderrDiscarded: false,
      stdioLeaked: true,
      gaps: [],
      refusedEnv: [],
      cwd: '/a',
      timedOut: false,
    })
    expect(results).toEqual([result])
    expect(await exited).toEqual([result])
    expect(channel.log).toEqual(['abort'])
  })

  test('does not wait for a reader, and leaves everything to be read afterwards', async () => {
    const { proc, server } = made()
    server.start()
    server.data(0, 'out')
    server.data(1, 'err')
    server.eof(0, 1)
    server.exit()
    server.closed()
    await proc.result
    expect(await text(proc)).toBe('out')
    expect(await text(proc.stderr)).toBe('err')
  })

  test('in the words of the session, where there is one', async () => {
    const { proc, server } = made()
    server.start({ cwd: '/a', shell: '/bin/sh' })
    server.eof(0, 1)
    server.exit({ ...EXIT, cwd: '/b' })
    expect((await proc.result).cwd).toBe('/b')
  })

  test('that the server cannot tell is an error', async () => {
    const { proc, server } = made()
    server.start()
    server.exit({ error: { code: 'EIO', message: 'lost the\u001b[2J child' } })
    await expect(proc.result).rejects.toMatchObject({
      code: 'EIO',
      message: "exec 'cat': lost the\\x1b[2J child",
    })
  })

  test('without an exit is an error', async () => {
    const { proc, server } = made()
    server.start()
    server.data(0, 'part')
    server.closed()
    await expect(proc.result).rejects.toMatchObject({
      code: 'ERR_FAKESSH_CANCELLED',
      stdoutBytes: 4,
      exitCode: null,
    })
  })

  test('of the connection after the exit changes nothing', async () => {
    const { proc, server } = made()
    server.start()
    server.data(0, 'out')
    server.eof(0, 1)
    server.exit()
    server.closed(new FakeSshError('ERR_FAKESSH_CONNECTION_LOST', 'lost'))
    expect((await proc.result).exitCode).toBe(0)
    expect(await text(proc)).toBe('out')
  })

  test('closes the stream once stdout has been read, also when nobody ended stdin', async () => {
    const { proc, server } = made()
    const events: string[] = []
    for (const event of ['end', 'finish', 'close', 'error'] as const) proc.on(event, () => events.push(event))
    proc.resume()
    server.start()
    server.eof(0, 1)
    await turn()
    expect(events).toEqual(['end'])
    server.exit()
    await turn()
    expect(events).toEqual(['end', 'finish', 'close'])
  })

  test('does not come before the exit when both directions have ended', async () => {
    const { proc, server } = made()
    proc.resume()
    server.start()
    proc.end()
    server.eof(0, 1)
    await turn()
    await turn()
    expect([proc.readableEnded, proc.writableFinished, proc.destroyed]).toEqual([true, true, false])
    server.exit()
    await proc.result
    await turn()
    expect(proc.closed).toBe(true)
  })
})

describe('stdin of a command that has ended', () => {
  test('a pending write fails with EPIPE, after stdout has been delivered', async () => {
    const { proc, server, channel } = made()
    const order: string[] = []
    proc.on('end', () => order.push('end'))
    proc.on('error', (error) => order.push((error as NodeJS.ErrnoException).code ?? '?'))
    proc.on('close', () => order.push('close'))
    server.start()
    proc.write('never read', (error) => order.push(`write ${(error as NodeJS.ErrnoException | null)?.code}`))
    server.data(0, 'the answer')
    server.eof(0, 1)
    server.exit()
    expect(channel.log).toEqual(['data 0 never read', 'abort'])
    await turn()
    expect(order).toEqual([])
    expect(await text(proc)).toBe('the answer')
    await turn()
    expect(order).toEqual(['end', 'write EPIPE', 'EPIPE', 'close'])
  })

  test('nothing of stdout is lost to a pending write', async () => {
    const { proc, server } = made()
    server.start()
    proc.write('never read')
    server.data(0, 'the answer')
    server.eof(0, 1)
    server.exit()
    let answer = ''
    proc.on('data', (chunk) => (answer += chunk))
    await new Promise((resolve) => proc.on('close', resolve))
    expect(answer).toBe('the answer')
    expect((await proc.result).exitCode).toBe(0)
  })

  test('a later write calls back with an error, and throws nothing', async () => {
    const uncaught = recordUncaught()
    const { proc, server } = made()
    server.start()
    server.eof(0, 1)
    server.exit()
    proc.resume()
    await new Promise((resolve) => proc.on('close', resolve))
    const error = await new Promise((resolve) => proc.write('late', resolve))
    expect(error).toBeInstanceOf(Error)
    await turn()
    expect(uncaught).toEqual([])
  })

  test('every callback is called, whatever the failure', async () => {
    const { proc, server } = made()
    const errors: unknown[] = []
    for (let i = 0; i < 3; i += 1) proc.write('x', (error) => errors.push(error))
    server.closed(new FakeSshError('ENOENT', 'no such program'))
    await turn()
    await turn()
    expect(errors).toHaveLength(3)
    expect(errors.every((error) => error instanceof Error)).toBe(true)
  })
})

describe('killing', () => {
  test('waits for the start', async () => {
    const { proc, server, channel } = made()
    const delivered = proc.kill('SIGHUP')
    await turn()
    expect(channel.log).toEqual([])
    server.start()
    expect(await delivered).toBe(true)
    expect(channel.log).toEqual(['request signal {"signal":"SIGHUP"}'])
  })

  test('a command that never started, or has ended, is false', async () => {
    const refused = made()
    const early = refused.proc.kill()
    refused.server.closed(new FakeSshError('ENOENT', 'x'))
    expect(await early).toBe(false)
    const ended = made()
    ended.server.start()
    ended.server.eof(0, 1)
    ended.server.exit()
    expect(await ended.proc.kill()).toBe(false)
    expect(ended.channel.log).toEqual(['abort'])
  })

  test('a command that ends meanwhile is false', async () => {
    const { proc, server, channel } = made()
    server.start()
    channel.request = async () => {
      server.eof(0, 1)
      server.exit()
      throw new FakeSshError('ERR_FAKESSH_CLOSED', 'the channel closed before the reply')
    }
    expect(await proc.kill()).toBe(false)
  })

  test('a mistake that nobody waits for is no unhandled rejection', async () => {
    const uncaught = recordUncaught()
    const { proc } = made()
    void proc.kill('TERM' as never)
    await turn()
    expect(uncaught).toEqual([])
    await expect(proc.kill('TERM' as never)).rejects.toMatchObject({ code: 'ERR_FAKESSH_INVALID_ARG' })
  })
})

describe('output that nobody reads', () => {
  const CHUNK = Buffer.alloc(65_536)
  const flood = (server: ReturnType<typeof made>['server'], chunks: number) => {
    for (let i = 0; i < chunks; i += 1) server.data(0, CHUNK)
  }

  test('holds up the command while nobody asked for the result', () => {
    const { proc, server, channel } = made()
    server.start()
    flood(server, 16)
    expect([channel.credited[0], proc.destroyed]).toEqual([undefined, false])
  })

  test('is thrown away once the result was asked for', async () => {
    const { proc, server, channel } = made()
    server.start()
    const { result } = proc
    flood(server, 7)
    expect(channel.credited[0]).toBeUndefined()
    flood(server, 1)
    expect(channel.credited[0]).toBe(CHUNK.length * 8)
    flood(server, 5)
    server.eof(0, 1)
    server.exit()
    expect(await result).toMatchObject({ stdoutDiscarded: true, stdoutBytes: CHUNK.length * 13 })
    await turn()
    expect(proc.closed).toBe(true)
  })

  test('is thrown away when the result is asked for later', () => {
    const { proc, server, channel } = made()
    server.start()
    flood(server, 16)
    void proc.result
    expect(channel.credited[0]).toBe(CHUNK.length * 16)
  })

  test('is kept for who paused it', () => {
    const { proc, server, channel } = made()
    server.start()
    proc.pause()
    void proc.result
    flood(server, 16)
    expect(channel.credited[0]).toBeUndefined()
  })

  test('a reader that comes too late does not get a part for the whole', async () => {
    const { proc, server } = made()
    server.start()
    void proc.result
    flood(server, 10)
    server.data(0, 'tail')
    server.eof(0, 1)
    server.exit()
    await expect(text(proc)).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
  })
})

test('a kill() that timed out before the start is not sent after it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { proc, server, channel } = made()
  const killing = proc.kill()
  vi.advanceTimersByTime(30_000)
  await expect(killing).rejects.toMatchObject({ code: 'ERR_FAKESSH_TIMEOUT' })
  server.start()
  await turn()
  expect(channel.log).toEqual([])
})

async function text(stream: AsyncIterable<unknown>): Promise<string> {
  let all = ''
  for await (const chunk of stream) all += chunk
  return all
}
