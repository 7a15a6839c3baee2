// Nothing waits for ever for a server that never answers.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ChannelHandler } from '../../../src/connection/channel-handler.js'
import { within } from '../../../src/exec/bounded-wait.js'
import { openSession } from '../../../src/exec/client-session.js'
import { parseExecArguments } from '../../../src/exec/exec-arguments.js'
import { ExecChannelProcess } from '../../../src/exec/exec-channel-process.js'
import { RecordingChannel } from '../../helpers/recording-channel.js'
import { turns } from '../../helpers/until.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

function silentServer() {
  const channel = new RecordingChannel()
  let handler: ChannelHandler | undefined
  const opener = {
    open(_kind: string, _params: object, _windows: readonly number[], given: ChannelHandler) {
      handler = given
      return channel
    },
  }
  return {
    channel,
    opener,
    start: () => handler?.onOpened?.({ cwd: '/' }),
    closed: () => handler?.onClosed(undefined),
  }
}

/** How a promise has ended so far. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  await turns(2)
  const failed = promise.then(
    (value) => ({ value }),
    (error: { code?: string }) => ({ code: error.code }),
  )
  return await Promise.race([failed, turns(2).then(() => 'pending')])
}

describe('within', () => {
  test('gives what the promise gives, and leaves no timer', async () => {
    expect(await within(Promise.resolve(1), 10, () => 2)).toBe(1)
    await expect(within(Promise.reject(new Error('no')), 10, () => 2)).rejects.toThrow('no')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('gives what onLate gives, at the limit', async () => {
    const waiting = within(new Promise<number>(() => {}), 10, () => 2)
    vi.advanceTimersByTime(9)
    expect(await stateOf(waiting)).toBe('pending')
    vi.advanceTimersByTime(1)
    expect(await waiting).toBe(2)
  })
})

describe('a server that never answers', () => {
  test('OPEN of a session: ERR_FAKESSH_TIMEOUT after 30 s, and it is told', async () => {
    const { opener, channel } = silentServer()
    const opening = openSession(opener)
    opening.catch(() => {})
    vi.advanceTimersByTime(29_999)
    expect(await stateOf(opening)).toBe('pending')
    vi.advanceTimersByTime(1)
    expect(await stateOf(opening)).toEqual({ code: 'ERR_FAKESSH_TIMEOUT' })
    expect(channel.log).toEqual(['abort'])
  })

  test('CLOSE of a session: close() resolves after 2 s; with an answer at once, and no timer is left', async () => {
    for (const isAnswered of [false, true]) {
      const { opener, channel, start, closed } = silentServer()
      const opening = openSession(opener)
      start()
      const session = await opening
      expect(vi.getTimerCount()).toBe(0)
      const closing = session.close()
      expect(channel.log).toEqual(['close'])
      if (isAnswered) closed()
      else {
        vi.advanceTimersByTime(1_999)
        expect(await stateOf(closing)).toBe('pending')
        vi.advanceTimersByTime(1)
      }
      expect(await stateOf(closing)).toEqual({ value: undefined })
      expect(await stateOf(session.close())).toEqual({ value: undefined })
      expect(vi.getTimerCount()).toBe(0)
    }
  })

  test.each([false, true])('kill(): ERR_FAKESSH_TIMEOUT after 30 s (started: %s)', async (isStarted) => {
    const { opener, channel, start } = silentServer()
    channel.request = () => new Promise(() => {})
    const proc = new ExecChannelProcess(opener, parseExecArguments(['cat']))
    if (isStarted) start()
    const killed = proc.kill()
    vi.advanceTimersByTime(29_999)
    expect(await stateOf(killed)).toBe('pending')
    vi.advanceTimersByTime(1)
    await expect(killed).rejects.toMatchObject({
      code: 'ERR_FAKESSH_TIMEOUT',
      message: "exec 'cat': no answer to SIGTERM within 30000 ms",
    })
    proc.destroy()
  })
})
