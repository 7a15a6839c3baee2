// The client half alone, against connections that follow each other and a server that says what the test wants.
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { ChannelHandler } from '../../../../src/connection/channel-handler.js'
import type { ChannelOpener, Recovery } from '../../../../src/connection/channel-opener.js'
import { ConnectionError, FakeSshError } from '../../../../src/errors.js'
import { DurableChannel } from '../../../../src/exec/jobs/durable-channel.js'
import { RecordingChannel } from '../../../helpers/recording-channel.js'

const ID = 'ab'.repeat(32)
const HOLDER = 'cd'.repeat(16)
const MIB = 1_048_576
const LOST = new ConnectionError('ERR_FAKESSH_CONNECTION_LOST', 'cut')
const NOT_STARTED = new ConnectionError('ERR_FAKESSH_NOT_STARTED', 'down')
const RECOVERABLE = [LOST.code, NOT_STARTED.code]
/** Of an OPEN_FAIL: the connection lives. */
const REFUSED = new FakeSshError('ERR_FAKESSH_SHUTDOWN', 'no more')

class Link implements ChannelOpener, Recovery {
  instance: string | undefined = 'one'
  readonly opened: {
    readonly kind: string
    readonly params: object
    readonly windows: readonly number[]
    readonly handler: ChannelHandler
    readonly channel: RecordingChannel
  }[] = []
  throws: unknown

  get recovery(): Recovery {
    return this
  }

  isRecoverable(error: unknown): boolean {
    if (!FakeSshError.is(error)) return false
    return error.code === REFUSED.code || (ConnectionError.is(error) && RECOVERABLE.includes(error.code))
  }

  async whenOpen(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (this.throws !== undefined) throw this.throws
  }

  open(kind: string, params: object, windows: readonly number[], handler: ChannelHandler) {
    const channel = new RecordingChannel()
    this.opened.push({ kind, params, windows, handler, channel })
    return channel
  }

  get last() {
    const last = this.opened.at(-1)
    if (last === undefined) throw new Error('nothing was opened')
    return last
  }

  /** OPEN_OK of the last one. */
  accept(job: object = {}): void {
    const whole = { id: ID, stdin: 0, stdinEnded: false, stdout: 0, stderr: 0, ...job }
    this.last.handler.onOpened?.({ cwd: '/', job: whole })
  }

  async lose(error: FakeSshError = LOST): Promise<void> {
    this.last.handler.onClosed(error)
    await turn()
  }
}

function made(kind: 'exec' | 'attach' = 'exec') {
  const link = new Link()
  const told: unknown[] = []
  const job = { id: ID, holder: HOLDER, stdout: 0, stderr: 0 }
  const params = kind === 'exec' ? {} : { job: ID, holder: HOLDER, stdout: 0, stderr: 0 }
  const channel = new DurableChannel(
    link,
    { kind, params, job },
    {
      onOpened: () => told.push('opened'),
      onData: (stream, bytes) =>
        told.push(`data ${stream} ${bytes.length > 20 ? bytes.length : Buffer.from(bytes)}`),
      onEof: (stream) => told.push(`eof ${stream}`),
      onExit: () => told.push('exit'),
      onGap: (gap) => told.push(gap),
      onClosed: (error) => told.push(error),
    },
  )
  const data = (stream: number, text: string | Uint8Array) =>
    link.last.handler.onData(stream, Buffer.from(text))
  return { link, told, channel, data }
}

describe('after a loss', () => {
  test('attaches from what arrived, and passes on each byte and each end once', async () => {
    const { link, told, data } = made()
    link.accept()
    data(0, 'one')
    data(1, 'err')
    link.last.handler.onEof(1)
    await link.lose()
    const params = { job: ID, holder: HOLDER, attempt: 2, stdout: 3, stderr: 3 }
    expect(link.last).toMatchObject({ kind: 'attach', params })
    link.accept({ stdout: 3, stderr: 3 })
    link.last.handler.onEof(1)
    data(0, 'two')
    expect(told).toEqual(['opened', 'data 0 one', 'data 1 err', 'eof 1', 'data 0 two'])
  })

  test('tells of what was dropped meanwhile', async () => {
    const { link, told, channel } = made()
    link.accept()
    await link.lose()
    link.accept({ stdout: 100, stderr: 7 })
    expect(told).toEqual([
      'opened',
      { stream: 'stdout', offset: 0, bytes: 100 },
      { stream: 'stderr', offset: 0, bytes: 7 },
    ])
    expect([channel.received(0), channel.received(1)]).toEqual([100, 7])
  })

  test('offers what is left of its windows, credits only what came on this channel, and widens by the rest as it is read', async () => {
    const { link, channel, data } = made()
    link.accept()
    expect(link.last.windows).toEqual([MIB, 262_144])
    data(0, Buffer.alloc(MIB - 1000))
    await link.lose()
    expect(link.last.windows).toEqual([1000, 262_144])
    link.accept({ stdout: MIB - 1000 })
    data(0, Buffer.alloc(1000))
    channel.consumed(0, MIB - 1000 - 1)
    expect(link.last.channel.credited).toEqual([0])
    expect(link.last.channel.widened).toEqual([MIB - 1000 - 1])
    channel.consumed(0, 11)
    expect([link.last.channel.credited, link.last.channel.widened]).toEqual([[10], [MIB - 1000]])
    expect(link.opened).toHaveLength(2)
  })

  test('what is read while it is being attached widens the window once it is', async () => {
    const { link, channel, data } = made()
    link.accept()
    data(0, Buffer.alloc(MIB))
    await link.lose()
    expect(link.last.windows).toEqual([0, 262_144])
    channel.consumed(0, 1000)
    channel.consumed(0, 24)
    expect(link.last.channel.widened).toEqual([])
    link.accept({ stdout: MIB })
    expect([link.last.channel.credited, link.last.channel.widened]).toEqual([[0], [1024]])
  })

  test('fails with why there will be no other connection', async () => {
    const { link, told } = made()
    link.accept()
    link.throws = new FakeSshError('ERR_FAKESSH_CONNECT_FAILED', 'gave up')
    await link.lose()
    expect(told.at(-1)).toBe(link.throws)
  })

  test('names the loss where the job is gone', async () => {
    const { link, told } = made()
    link.accept()
    await link.lose()
    await link.lose(new FakeSshError('ERR_FAKESSH_NO_JOB', 'no such job'))
    expect(told.at(-1)).toMatchObject({ code: 'ERR_FAKESSH_NO_JOB', message: 'no such job', cause: LOST })
  })

  test('goes on however often a connection is lost: how often there is one is for the link to say', async () => {
    const { link, told, data } = made()
    link.accept()
    for (let i = 0; i < 30; i += 1) await link.lose()
    for (let i = 0; i < 30; i += 1) {
      link.accept()
      await link.lose()
    }
    link.accept()
    data(0, 'still there')
    expect([link.opened.length, told]).toEqual([61, ['opened', 'data 0 still there']])
  })

  test('of a server that refuses it while the connection lives, asks ten times in a row and not once more', async () => {
    const { link, told } = made()
    link.accept()
    await link.lose()
    for (let i = 0; i < 10; i += 1) await link.lose(REFUSED)
    link.accept()
    await link.lose()
    for (let i = 0; i < 10; i += 1) await link.lose(REFUSED)
    expect(told).toEqual(['opened'])
    await link.lose(REFUSED)
    expect([link.opened.length, told.at(-1)]).toEqual([23, LOST])
  })
})

describe('before the start was confirmed', () => {
  const FIRST = { id: ID, holder: HOLDER, attempt: 1, stdout: 0, stderr: 0 }

  test('asks for the job it is to be', () => {
    expect(made().link.last).toMatchObject({ kind: 'exec', params: { job: FIRST } })
  })

  test('asks the same server again, by the same id', async () => {
    const { link } = made()
    await link.lose()
    expect(link.opened).toHaveLength(2)
    expect(link.last.params).toEqual({ job: { ...FIRST, attempt: 2, again: true } })
  })

  test('does not ask another server: it may have run', async () => {
    const { link, told } = made()
    link.instance = 'two'
    await link.lose()
    expect([link.opened.length, told]).toEqual([1, [LOST]])
  })

  test('asks another server where the first never heard of it, but not where an earlier one may have', async () => {
    const { link, told } = made()
    link.instance = 'two'
    link.last.channel.id = 0
    await link.lose(NOT_STARTED)
    expect(link.opened).toHaveLength(2)
    expect(link.last.params).toEqual({ job: { ...FIRST, attempt: 2 } })
    await link.lose(LOST)
    expect(link.opened).toHaveLength(3)
    link.instance = 'three'
    link.last.channel.id = 0
    await link.lose(NOT_STARTED)
    // It may have run: the code must not promise that it has not.
    expect([link.opened.length, told]).toEqual([3, [LOST]])
  })

  test.each([
    ['closed before it was sent', 0, new ConnectionError('ERR_FAKESSH_SHUTDOWN', 'closing')],
    ['refused it as it was closing', 1, new FakeSshError('ERR_FAKESSH_SHUTDOWN', 'closing')],
  ])('asks another server where the first %s', async (_what, id, error) => {
    const { link } = made()
    link.instance = 'two'
    link.last.channel.id = id
    await link.lose(error as ConnectionError)
    expect(link.last.params).toEqual({ job: { ...FIRST, attempt: 2 } })
    expect(link.opened).toHaveLength(2)
  })

  test('tells the loss by which it may have run, whatever came of asking again', async () => {
    const { link, told } = made()
    await link.lose(LOST)
    await link.lose(new ConnectionError('ERR_FAKESSH_SHUTDOWN', 'closing'))
    link.instance = 'two'
    await link.lose(NOT_STARTED)
    expect(told).toEqual([LOST])
  })

  test('does not ask another server where the first went without an answer, and does not promise that nothing was done', async () => {
    const { link, told } = made()
    link.instance = 'two'
    const going = new ConnectionError('ERR_FAKESSH_SHUTDOWN', 'closing')
    await link.lose(going)
    expect(link.opened).toHaveLength(1)
    expect(told).toMatchObject([{ code: 'ERR_FAKESSH_CONNECTION_LOST', cause: going }])
  })

  test('does not ask a server that does not say which one it is', async () => {
    const { link, told } = made()
    link.instance = undefined
    await link.lose()
    expect(told).toEqual([LOST])
  })

  test('an attach is asked again of any server', async () => {
    const { link } = made('attach')
    link.instance = 'two'
    const [{ params } = { params: undefined }] = link.opened
    expect(params).toMatchObject({ job: ID, holder: HOLDER, attempt: 1 })
    await link.lose()
    expect(link.last).toMatchObject({ kind: 'attach', params: { ...params, attempt: 2 } })
    expect(link.opened).toHaveLength(2)
  })
})

describe('a server that breaks the protocol', () => {
  test.each([
    ['knows no jobs', undefined, 'ERR_FAKESSH_UNSUPPORTED'],
    ['says what is no job', { id: 'x' }, 'ERR_FAKESSH_PROTOCOL'],
    ['has stdin that nobody wrote', { stdin: 5 }, undefined],
  ])('%s', (_name, job, code) => {
    const { link, told } = made()
    if (job === undefined) link.last.handler.onOpened?.({ cwd: '/' })
    else link.accept(job)
    expect(told.at(-1)).toEqual(code === undefined ? 'opened' : expect.objectContaining({ code }))
    expect(link.last.channel.isClosed).toBe(code !== undefined)
  })

  test('sends output after its end', async () => {
    const { link, told, data } = made()
    link.accept()
    data(1, 'abc')
    link.last.handler.onEof(1)
    await link.lose()
    link.accept({ stderr: 3 })
    data(1, 'more')
    expect(told.at(-1)).toMatchObject({ code: 'ERR_FAKESSH_PROTOCOL' })
    expect(link.last.channel.isClosed).toBe(true)
  })

  test.each([{ stdout: 2 }, { stderr: 1 }])('goes back behind what was told (case %#)', async (job) => {
    const { link, told, data } = made()
    link.accept()
    data(0, 'abc')
    data(1, 'de')
    await link.lose()
    link.accept({ stdout: 3, stderr: 2, ...job })
    expect(told.at(-1)).toMatchObject({ code: 'ERR_FAKESSH_PROTOCOL' })
    expect(link.last.channel.isClosed).toBe(true)
  })
})

describe('closing', () => {
  test('what was handed over goes, with its end; what was not is taken back', async () => {
    for (const isTaken of [true, false]) {
      const { link, channel } = made()
      link.accept()
      channel.send(0, Buffer.from('abc'), () => {})
      if (isTaken) link.last.channel.take()
      channel.sendEof()
      channel.abort()
      expect(link.last.channel.log).toEqual(['data 0 abc', 'eof 0', isTaken ? 'close' : 'abort'])
    }
  })

  test('detaches, fails what waits, and tells nobody anything', async () => {
    const { link, told, channel } = made()
    link.accept()
    await link.lose()
    const request = channel.request('signal', { signal: 'SIGTERM' })
    const taken: (string | undefined)[] = []
    channel.send(0, Buffer.from('abc'), (error) => taken.push(error?.code))
    channel.close()
    expect(link.last.channel.log).toEqual(['abort'])
    await expect(request).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    channel.send(0, Buffer.from('abc'), (error) => taken.push(error?.code))
    await turn()
    expect(taken).toEqual(['ERR_FAKESSH_CLOSED', 'ERR_FAKESSH_CLOSED'])
    await link.lose()
    expect([told, link.opened.length]).toEqual([['opened'], 2])
    await expect(channel.request('signal', {})).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
  })

  test('what was lost with a connection is not handed over before it has been sent again', async () => {
    const { link, channel } = made()
    link.accept()
    channel.send(0, Buffer.from('abc'), () => {})
    link.last.channel.take()
    await link.lose()
    link.accept()
    channel.abort()
    expect(link.last.channel.log).toEqual(['data 0 abc', 'abort'])
  })

  test('kill() signals the job, also one whose start is yet to be confirmed, and then leaves', async () => {
    for (const isEarly of [false, true]) {
      const { link, told, channel, data } = made()
      if (!isEarly) link.accept()
      channel.kill()
      channel.abort()
      if (isEarly) link.accept()
      expect(link.last.channel.log).toEqual(['request signal {"signal":"SIGTERM","forceKillAfterMs":2000}'])
      data(0, 'more')
      await turn()
      expect(link.last.channel.log.at(-1)).toBe('abort')
      expect(told).toEqual(isEarly ? [] : ['opened'])
    }
  })

  test('kill() of an OPEN that waits for a free channel takes it back', async () => {
    const { link, channel } = made()
    link.last.channel.id = 0
    channel.kill()
    channel.abort()
    await turn()
    expect([link.last.channel.log, link.opened.length]).toEqual([['abort'], 1])
  })

  test('kill() without a connection, or with one that is lost before the answer, ends the job on the next', async () => {
    for (const when of ['offline', 'asked', 'attached']) {
      const { link, channel, told } = made()
      if (when !== 'asked') link.accept()
      if (when === 'offline') link.last.handler.onClosed(LOST)
      if (when === 'attached') link.last.channel.request = () => Promise.reject(LOST)
      channel.kill()
      channel.abort()
      if (when !== 'offline') link.last.handler.onClosed(LOST)
      await turn()
      expect(link.last).toMatchObject({ kind: 'jobs' })
      await link.lose()
      expect([link.opened.length, link.last.kind]).toEqual([3, 'jobs'])
      link.last.handler.onOpened?.({})
      await turn()
      const params = JSON.stringify({ job: ID, signal: 'SIGTERM', forceKillAfterMs: 2000, prevent: true })
      expect(link.last.channel.log).toEqual([`request signal ${params}`, 'abort'])
      expect([link.opened.length, told.length]).toEqual([3, when === 'asked' ? 0 : 1])
    }
  })

  test('kill() without a connection is given up with the link, when the server refuses, and after ten times without an answer', async () => {
    for (const [ends, asked] of [
      [[], 0],
      [[new FakeSshError('ERR_FAKESSH_NO_JOB', 'gone')], 1],
      [Array(12).fill(new FakeSshError('ERR_FAKESSH_TIMEOUT', 'no channel to spare')), 10],
      [Array(12).fill(LOST), 10],
    ] as const) {
      const { link, channel } = made()
      link.accept()
      link.last.handler.onClosed(LOST)
      if (ends.length === 0) link.throws = LOST
      channel.kill()
      if (ends.length === 0) link.throws = new FakeSshError('ERR_FAKESSH_CLOSED', 'closed')
      await turn()
      for (const error of ends) await link.lose(error as ConnectionError)
      expect(link.opened.length).toBe(1 + asked)
    }
  })

  test('a server that closes without a word', () => {
    const { link, told } = made()
    link.accept()
    link.last.handler.onClosed(undefined)
    expect(told).toEqual(['opened', undefined])
  })

  test('a request that waits for an attachment can be withdrawn, and is then never sent', async () => {
    const { link, channel } = made()
    const withdrawal = new AbortController()
    const request = channel.request('signal', { signal: 'SIGUSR1' }, withdrawal.signal)
    withdrawal.abort('too late')
    await expect(request).rejects.toBe('too late')
    await expect(channel.request('signal', {}, withdrawal.signal)).rejects.toBe('too late')
    link.accept()
    await turn()
    expect(link.last.channel.log).toEqual([])
  })

  test('a request is not repeated on a channel that lives, whatever the peer says of it', async () => {
    const { link, channel } = made()
    link.accept()
    let requests = 0
    link.last.channel.request = () => {
      requests += 1
      return Promise.reject(LOST)
    }
    await expect(channel.request('signal', { signal: 'SIGTERM' })).rejects.toBe(LOST)
    expect(requests).toBe(1)
  })

  test('an opener that throws', async () => {
    const job = { id: ID, holder: HOLDER, stdout: 0, stderr: 0 }
    const told: unknown[] = []
    const opener = {
      open() {
        throw new FakeSshError('ERR_FAKESSH_LIMIT', 'no ids left')
      },
    }
    const handler = { onData() {}, onEof() {}, onGap() {}, onClosed: (error: unknown) => told.push(error) }
    const channel = new DurableChannel(opener, { kind: 'exec', params: {}, job }, handler)
    expect([channel.isClosed, channel.peerLabel]).toEqual([false, ''])
    await turn()
    expect(told).toMatchObject([{ code: 'ERR_FAKESSH_LIMIT' }])
    expect(channel.isClosed).toBe(true)
  })
})
