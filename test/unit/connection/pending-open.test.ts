// An OPEN of the peer's between its arrival and our decision.
import { describe, expect, test } from 'vitest'
import type { IncomingOpen } from '../../../src/connection/channel-handler.js'
import { frames, utf8 } from '../../helpers/frames.js'
import { jsonOf } from '../../helpers/naive-frames.js'
import { type RawSetup, rawConnected } from '../../helpers/raw-peer.js'
import { RecordingHandler } from '../../helpers/recording-handler.js'
import { recordUncaught } from '../../helpers/uncaught.js'
import { turns, until } from '../../helpers/until.js'

/** A server to which the peer has sent OPEN 1. */
async function requested(): Promise<RawSetup & { open: IncomingOpen }> {
  const raw = await rawConnected()
  raw.peer.send(frames.open(1, [100], 'exec', { file: 'ls' }))
  await until(() => raw.opens.length > 0)
  return { ...raw, open: raw.opens[0] as IncomingOpen }
}

function accept(open: IncomingOpen, windows: readonly number[] = [100]): RecordingHandler {
  const handler = new RecordingHandler()
  handler.channel = open.channel
  open.accept({}, windows, handler)
  return handler
}

describe('a decision in time', () => {
  test('what the peer asks for', async () => {
    const { open } = await requested()
    expect(open).toMatchObject({ kind: 'exec', params: { file: 'ls' } })
    expect(open.channel).toMatchObject({ id: 1, kind: 'exec', peerLabel: 'memory', isClosed: false })
    expect(open.signal.aborted).toBe(false)
  })

  test('accepting confirms with what we take; the channel is then open', async () => {
    const { open, peer } = await requested()
    open.channel.send(0, utf8('too early'), () => {})
    const handler = new RecordingHandler()
    handler.channel = open.channel
    open.accept({ pid: 7 }, [5, 6], handler)
    expect(jsonOf(await peer.next('OPEN_OK'))).toEqual({ info: { pid: 7 }, windows: [5, 6] })
    peer.send(frames.data(1, utf8('in')))
    open.channel.send(0, utf8('out'), () => {})
    expect(Buffer.from((await peer.next('DATA')).payload).toString()).toBe('out')
    expect(handler.log).toEqual(['data 0 in'])
  })

  test('accepting with more than fits in a frame throws, and can still be rejected', async () => {
    const { open, peer, connection } = await requested()
    const handler = new RecordingHandler()
    expect(() => open.accept({ text: 'x'.repeat(300_000) }, [], handler)).toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_LIMIT' }),
    )
    open.reject('ERR_FAKESSH_INTERNAL', 'it failed')
    await peer.next('OPEN_FAIL')
    expect([handler.closedTimes, connection.pendingOperations]).toEqual([0, 0])
  })

  test('rejecting says why, and leaves nothing behind', async () => {
    const { open, peer, connection } = await requested()
    open.reject('ENOENT', 'no such file')
    expect(jsonOf(await peer.next('OPEN_FAIL'))).toEqual({ code: 'ENOENT', message: 'no such file' })
    expect(connection.pendingOperations).toBe(0)
    peer.send(frames.open(3))
    await turns(3)
    expect(connection.isEnded).toBe(false)
  })
})

describe('the peer gives up first', () => {
  test('the signal tells', async () => {
    const { open, peer } = await requested()
    peer.send(frames.close(1))
    await until(() => open.signal.aborted)
    expect(open.channel.isClosed).toBe(true)
  })

  test('rejecting then only closes', async () => {
    const { open, peer, connection } = await requested()
    peer.send(frames.close(1))
    await until(() => open.signal.aborted)
    open.reject('ENOENT', 'too late')
    await peer.next('CLOSE')
    expect(peer.names).not.toContain('OPEN_FAIL')
    expect(connection.pendingOperations).toBe(0)
  })

  test('accepting then tells the handler of the end, once, in a moment', async () => {
    const { open, peer, connection } = await requested()
    peer.send(frames.close(1))
    await until(() => open.signal.aborted)
    const handler = accept(open)
    expect(handler.closedTimes).toBe(0)
    expect(await handler.closed).toBeUndefined()
    await peer.next('CLOSE')
    expect(peer.names).not.toContain('OPEN_OK')
    expect([handler.closedTimes, connection.pendingOperations]).toEqual([1, 0])
  })

  test('a handler that throws then is reported, and ends no process', async () => {
    const uncaught = recordUncaught()
    const { open, peer, internalErrors } = await requested()
    peer.send(frames.close(1))
    await until(() => open.signal.aborted)
    const handler = new RecordingHandler()
    handler.channel = open.channel
    handler.onEvent = () => {
      throw new Error('mistake')
    }
    open.accept({}, [], handler)
    await peer.next('CLOSE')
    expect(internalErrors).toMatchObject([{ message: 'mistake' }])
    expect(uncaught).toEqual([])
  })

  test.each(['accept', 'reject', 'throw'] as const)(
    'OPEN and CLOSE in one chunk, and we %s at once: CLOSE is answered and nothing is left',
    async (how) => {
      const handler = new RecordingHandler()
      const raw = await rawConnected({
        hooks: {
          onOpen: (open) => {
            if (how === 'throw') throw new Error('mistake')
            if (how === 'reject') open.reject('EPERM', 'no')
            else {
              handler.channel = open.channel
              open.accept({}, [], handler)
            }
          },
        },
      })
      raw.peer.send(frames.open(1), frames.close(1), frames.ping())
      await raw.peer.next('PONG')
      await turns(2)
      expect(raw.peer.names.filter((name) => name === 'CLOSE')).toHaveLength(1)
      expect(raw.connection.pendingOperations).toBe(0)
      if (how === 'accept') expect(handler.log).toEqual(['closed'])
      // Nothing that could hold up a graceful close is left in the core either.
      const closed = raw.connection.close(60_000)
      await raw.peer.next('GOODBYE')
      await raw.peer.ended()
      raw.peer.end()
      await closed
    },
  )
})

describe('the connection ends first', () => {
  test.each(['accept', 'reject'] as const)('the signal tells; we %s all the same', async (how) => {
    const { open, peer, ended, connection } = await requested()
    peer.destroy()
    await ended
    expect(open.signal.aborted).toBe(true)
    if (how === 'reject') open.reject('EPERM', 'no')
    else expect(await accept(open).closed).toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
    expect(connection.pendingOperations).toBe(0)
  })
})

describe('a mistake of whoever decides', () => {
  test('an exception is refused without details, and reported', async () => {
    const raw = await rawConnected({
      hooks: {
        onOpen: () => {
          throw new Error('secret /srv')
        },
      },
    })
    raw.peer.send(frames.open(1))
    const refusal = jsonOf(await raw.peer.next('OPEN_FAIL'))
    expect(refusal).toEqual({ code: 'ERR_FAKESSH_INTERNAL', message: expect.not.stringContaining('secret') })
    expect(raw.internalErrors).toMatchObject([{ message: 'secret /srv' }])
    expect(raw.connection.pendingOperations).toBe(0)
  })

  test('an exception after accepting closes the channel and tells the handler', async () => {
    const handler = new RecordingHandler()
    const raw = await rawConnected({
      hooks: {
        onOpen: (open) => {
          handler.channel = open.channel
          open.accept({}, [100], handler)
          throw new Error('mistake')
        },
      },
    })
    raw.peer.send(frames.open(1))
    await raw.peer.next('CLOSE')
    expect(await handler.closed).toMatchObject({ code: 'ERR_FAKESSH_INTERNAL' })
    raw.peer.send(frames.close(1), frames.ping())
    await raw.peer.next('PONG')
    expect([handler.closedTimes, raw.connection.pendingOperations]).toEqual([1, 0])
  })
})
