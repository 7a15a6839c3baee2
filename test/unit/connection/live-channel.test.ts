// One channel against a raw peer: what the handler is told, and what goes out.
import { describe, expect, test } from 'vitest'
import type { FakeSshError } from '../../../src/errors.js'
import { frames, utf8 } from '../../helpers/frames.js'
import { jsonOf } from '../../helpers/naive-frames.js'
import { openedChannel } from '../../helpers/opened-channel.js'
import { rawConnected } from '../../helpers/raw-peer.js'
import { RecordingHandler } from '../../helpers/recording-handler.js'
import { turns } from '../../helpers/until.js'

describe('what the handler is told', () => {
  test('everything, in order, and the end once', async () => {
    const { peer, handler, id } = await openedChannel()
    peer.send(
      frames.data(id, utf8('abc')),
      frames.eof(id, 3, 0x352441c2),
      frames.exit(id, 3),
      frames.commit(id, 3),
      frames.close(id),
    )
    expect(await handler.closed).toBeUndefined()
    expect(handler.log).toEqual(['opened', 'data 0 abc', 'eof 0', 'exit 3', 'commit 3', 'closed'])
    await peer.next('CLOSE')
  })

  test('a refusal, with what the peer wrote escaped', async () => {
    const raw = await rawConnected({ role: 'client' })
    const handler = new RecordingHandler()
    handler.channel = raw.connection.open('test', {}, [], handler)
    const { channel } = await raw.peer.next('OPEN')
    raw.peer.send(frames.openFail(channel, 'ENOENT\n', 'no\u001b[2J'))
    expect(await handler.closed).toMatchObject({ code: 'ENOENT\\x0a', message: 'no\\x1b[2J', host: 'memory' })
    expect(handler.channel.isClosed).toBe(true)
    expect(raw.connection.pendingOperations).toBe(0)
  })

  test.each<[string, object, string]>([
    ['is larger than a frame', { text: 'x'.repeat(300_000) }, 'ERR_FAKESSH_LIMIT'],
    ['cannot be written as JSON', { big: 1n }, 'ERR_FAKESSH_CLOSED'],
  ])('an OPEN that %s fails by itself, in a moment, and takes no place', async (_what, params, code) => {
    const { connection, peer } = await rawConnected({ role: 'client' })
    const handler = new RecordingHandler()
    handler.channel = connection.open('test', params, [], handler)
    expect(handler.closedTimes).toBe(0)
    expect(await handler.closed).toMatchObject({ code })
    expect(connection.pendingOperations).toBe(0)
    connection.open('next', {}, [], new RecordingHandler())
    expect(await peer.next('OPEN')).toMatchObject({ channel: 2 })
    expect(peer.names.filter((name) => name === 'OPEN')).toHaveLength(1)
  })

  test('a handler without the optional methods is fine', async () => {
    const raw = await rawConnected({ role: 'client' })
    const log: string[] = []
    const channel = raw.connection.open('test', {}, [9], {
      onData: () => log.push('data'),
      onEof: () => log.push('eof'),
      onClosed: () => {
        log.push('closed')
        channel.close()
      },
    })
    const { channel: id } = await raw.peer.next('OPEN')
    raw.peer.send(frames.openOk(id, [9]), frames.window(id, 0, 20), frames.exit(id), frames.commit(id))
    raw.peer.send(frames.request(id, 1), frames.goodbye('shutdown'))
    expect(jsonOf(await raw.peer.next('REPLY'))).toMatchObject({ ok: false, code: 'ERR_FAKESSH_UNSUPPORTED' })
    raw.peer.send(frames.close(id))
    await raw.peer.next('CLOSE')
    expect(log).toEqual(['closed'])
    expect(raw.internalErrors).toEqual([])
  })

  test.each(['opened', 'data', 'eof', 'exit', 'commit', 'acknowledged', 'draining', 'closed'])(
    'a handler that throws at "%s" ends its channel, not the connection',
    async (when) => {
      const raw = await rawConnected({ role: 'client' })
      const handler = new RecordingHandler()
      const thrown = new Error('mistake')
      handler.onEvent = (event) => {
        if (event.startsWith(when)) throw thrown
      }
      handler.channel = raw.connection.open('test', {}, [100], handler)
      const { channel: id } = await raw.peer.next('OPEN')
      raw.peer.send(frames.openOk(id, [100]), frames.data(id, utf8('x')), frames.eof(id, 1, 0x8cdc1683))
      raw.peer.send(frames.window(id, 0, 200), frames.exit(id), frames.commit(id))
      if (when === 'draining') raw.peer.send(frames.goodbye('shutdown'))
      if (when === 'closed') raw.peer.send(frames.close(id))
      await raw.peer.next('CLOSE')
      expect(raw.internalErrors).toEqual([thrown])
      expect(handler.closedTimes).toBe(1)
      if (when !== 'closed')
        expect(handler.error).toMatchObject({ code: 'ERR_FAKESSH_INTERNAL', cause: thrown })
      expect(handler.log.filter((line) => line.startsWith('after the end'))).toEqual([])
      expect(raw.connection.isEnded).toBe(false)
      raw.peer.send(frames.close(id).slice(0, when === 'closed' ? 0 : 16), frames.ping())
      await raw.peer.next('PONG')
      expect(raw.connection.pendingOperations).toBe(0)
    },
  )
})

describe('sending', () => {
  test('is told when the bytes left, and when they could not', async () => {
    const { peer, handler, id } = await openedChannel()
    const told: (FakeSshError | undefined)[] = []
    handler.channel?.send(0, utf8('abc'), (error) => told.push(error))
    expect(Buffer.from((await peer.next('DATA')).payload).toString()).toBe('abc')
    await turns(2)
    expect(told).toEqual([undefined])
    peer.send(frames.close(id))
    await handler.closed
    handler.channel?.send(0, utf8('late'), (error) => told.push(error))
    await turns(2)
    expect(told).toMatchObject([undefined, { code: 'ERR_FAKESSH_CLOSED' }])
  })

  test('is never told from within the call', async () => {
    const { handler } = await openedChannel()
    for (const close of [false, true]) {
      if (close) handler.channel?.abort()
      let isInside = true
      handler.channel?.send(0, utf8('x'), () => expect(isInside).toBe(false))
      isInside = false
      await turns(3)
    }
  })

  test('before the peer confirmed is dropped', async () => {
    const raw = await rawConnected({ role: 'client' })
    const handler = new RecordingHandler()
    const channel = raw.connection.open('test', {}, [], handler)
    const told: unknown[] = []
    channel.send(0, utf8('early'), (error) => told.push(error))
    channel.sendEof(0)
    await expect(channel.request('signal', {})).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    await turns(2)
    expect(told).toMatchObject([{ code: 'ERR_FAKESSH_CLOSED' }])
    expect(raw.peer.names.at(-1)).toBe('OPEN')
  })

  test('after the connection ended is told too', async () => {
    const { peer, handler, ended } = await openedChannel()
    peer.destroy()
    await ended
    const told: unknown[] = []
    for (let i = 0; i < 3; i += 1) handler.channel?.send(0, utf8('late'), (error) => told.push(error))
    handler.channel?.sendEof(0)
    handler.channel?.sendExit({ exitCode: 0, signal: null, stdioLeaked: false, stdinBytes: 0 })
    handler.channel?.sendCommit({ bytes: 0, algorithm: 'md5', digest: '0'.repeat(32) })
    handler.channel?.consumed(0, 1)
    handler.channel?.close()
    handler.channel?.abort()
    await expect(handler.channel?.request('x', {})).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
    await turns(2)
    expect(told).toHaveLength(3)
    expect(handler.channel?.received(0)).toBe(0)
  })
})

describe('ending', () => {
  test('close sends what is queued first; abort does not; each says CLOSE once', async () => {
    for (const how of ['close', 'abort'] as const) {
      const { peer, handler, id } = await openedChannel()
      handler.channel?.send(0, new Uint8Array(150), () => {})
      handler.channel?.[how]()
      handler.channel?.[how]()
      expect(handler.channel?.isClosed).toBe(true)
      if (how === 'close') {
        await peer.next('DATA')
        peer.send(frames.window(id, 0, 200))
      }
      await peer.next('CLOSE')
      peer.send(frames.close(id), frames.ping())
      await peer.next('PONG')
      expect(handler.closedTimes).toBe(1)
      expect(peer.names.filter((name) => name === 'CLOSE')).toHaveLength(1)
      expect(peer.names.filter((name) => name === 'DATA')).toHaveLength(how === 'close' ? 2 : 0)
    }
  })

  test('closing twice in a row, then aborting, changes nothing', async () => {
    const { peer, handler, id, connection } = await openedChannel()
    handler.channel?.close()
    handler.channel?.close()
    handler.channel?.abort()
    await peer.next('CLOSE')
    peer.send(frames.close(id))
    await handler.closed
    handler.channel?.close()
    handler.channel?.abort()
    peer.send(frames.ping())
    await peer.next('PONG')
    expect(peer.names.filter((name) => name === 'CLOSE')).toHaveLength(1)
    expect([connection.pendingOperations, handler.closedTimes]).toEqual([0, 1])
  })

  test.each<[string, (id: number) => Uint8Array, string]>([
    ['the peer’s CLOSE', (id) => frames.close(id), 'closed'],
    ['a broken frame', () => new Uint8Array(16), 'closed ERR_FAKESSH_PROTOCOL'],
    ['a goodbye', () => frames.goodbye('limit'), 'closed ERR_FAKESSH_LIMIT'],
  ])(
    'closing when told something that came in one chunk with %s: the end is told all the same',
    async (_what, last, end) => {
      for (const how of ['close', 'abort'] as const) {
        const { peer, handler, id, connection } = await openedChannel()
        handler.onEvent = (event) => {
          if (event.startsWith('exit')) handler.channel?.[how]()
        }
        const asked = handler.channel?.request('x', {}) as Promise<unknown>
        const rejected = expect(asked).rejects.toHaveProperty('code')
        await peer.next('REQUEST')
        peer.send(frames.exit(id), last(id))
        await Promise.all([handler.closed, rejected])
        await turns(3)
        expect(handler.log).toEqual(['opened', 'exit 0', end])
        expect([handler.closedTimes, connection.pendingOperations]).toEqual([1, 0])
        expect(peer.names.filter((name) => name === 'CLOSE')).toHaveLength(end === 'closed' ? 1 : 0)
      }
    },
  )

  test('cancelling while OPEN is on its way: confirmed, refused, or both sides closing', async () => {
    for (const answer of ['openOk', 'openFail'] as const) {
      const raw = await rawConnected({ role: 'client' })
      const handler = new RecordingHandler()
      handler.channel = raw.connection.open('test', {}, [9], handler)
      const { channel: id } = await raw.peer.next('OPEN')
      handler.channel.abort()
      await raw.peer.next('CLOSE')
      raw.peer.send(frames[answer](id))
      if (answer === 'openOk') raw.peer.send(frames.data(id, utf8('late')), frames.close(id))
      await handler.closed
      expect(handler.log).toEqual([answer === 'openOk' ? 'closed' : 'closed ENOENT'])
      expect([raw.connection.pendingOperations, raw.connection.isEnded]).toEqual([0, false])
    }
  })
})
