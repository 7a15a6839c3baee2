// REQUEST and REPLY on one channel, both ways, against a raw peer.
import { describe, expect, test } from 'vitest'
import { FakeSshError } from '../../../src/errors.js'
import { frames } from '../../helpers/frames.js'
import { jsonOf } from '../../helpers/naive-frames.js'
import { openedChannel } from '../../helpers/opened-channel.js'
import { RecordingHandler } from '../../helpers/recording-handler.js'

describe('requests of ours', () => {
  test('settle with the answer, in whatever order', async () => {
    const { peer, handler, id } = await openedChannel()
    const [first, second] = [handler.channel?.request('a', { x: 1 }), handler.channel?.request('b', {})]
    await peer.next('REQUEST')
    await peer.next('REQUEST')
    peer.send(frames.replyFail(id, 2, 'ESRCH', 'g\u0000one'), frames.replyOk(id, 1, { ok: 1 }))
    expect(await first).toEqual({ ok: 1 })
    await expect(second).rejects.toMatchObject({ code: 'ESRCH', message: 'g\\x00one', host: 'memory' })
  })

  test.each(['peer closes', 'we abort', 'connection lost'])('are rejected when the %s first', async (how) => {
    const { peer, handler, id } = await openedChannel()
    const asked = handler.channel?.request('a', {}) as Promise<unknown>
    await peer.next('REQUEST')
    if (how === 'connection lost') peer.destroy()
    else {
      if (how === 'we abort') handler.channel?.abort()
      peer.send(frames.close(id))
    }
    await expect(asked).rejects.toMatchObject({
      code: how === 'connection lost' ? 'ERR_FAKESSH_CONNECTION_LOST' : 'ERR_FAKESSH_CLOSED',
    })
  })

  test('one that fits in no frame is rejected by itself, and the next one is fine', async () => {
    const { peer, handler, id } = await openedChannel()
    const large = { text: 'x'.repeat(300_000) }
    await expect(handler.channel?.request('a', large)).rejects.toMatchObject({ code: 'ERR_FAKESSH_LIMIT' })
    const next = handler.channel?.request('b', {})
    expect(jsonOf(await peer.next('REQUEST'))).toMatchObject({ id: 1, type: 'b' })
    peer.send(frames.replyOk(id, 1))
    expect(await next).toEqual({})
  })
})

describe('requests of the peer', () => {
  const answering = (onRequest: NonNullable<RecordingHandler['onRequest']>) => {
    const handler = new RecordingHandler()
    handler.onRequest = onRequest
    return openedChannel(handler)
  }

  test.each<[string, () => Promise<object> | object, object]>([
    ['at once', () => ({ a: 1 }), { ok: true, info: { a: 1 } }],
    ['later', async () => ({ a: 2 }), { ok: true, info: { a: 2 } }],
    [
      'with a refusal',
      async () => {
        throw new FakeSshError('ESRCH', 'gone')
      },
      { ok: false, code: 'ESRCH', message: 'gone' },
    ],
  ])('are answered %s', async (_how, onRequest, expected) => {
    const { peer, id, internalErrors } = await answering(async () => (await onRequest()) as never)
    peer.send(frames.request(id, 1))
    expect(jsonOf(await peer.next('REPLY'))).toEqual({ id: 1, ...expected })
    expect(internalErrors).toEqual([])
  })

  test('a mistake of ours is refused without details, and reported here', async () => {
    for (const onRequest of [
      () => {
        throw new TypeError('secret /srv/path')
      },
      async () => ({ big: 'x'.repeat(300_000) }),
      async () => ({ not: 1n }) as never,
    ]) {
      const { peer, id, connection } = await answering(onRequest)
      peer.send(frames.request(id, 1))
      const reply = jsonOf(await peer.next('REPLY'))
      expect(reply).toMatchObject({ id: 1, ok: false })
      expect(JSON.stringify(reply)).not.toContain('secret')
      expect(connection.isEnded).toBe(false)
    }
  })

  test('more than 16 at once are refused, and a place is free again once one was answered', async () => {
    const answers: (() => void)[] = []
    const { peer, id } = await answering(() => new Promise((resolve) => answers.push(() => resolve({}))))
    for (let i = 1; i <= 17; i += 1) peer.send(frames.request(id, i))
    expect(jsonOf(await peer.next('REPLY'))).toMatchObject({ id: 17, ok: false, code: 'ERR_FAKESSH_LIMIT' })
    expect(answers).toHaveLength(16)
    answers[4]?.()
    expect(jsonOf(await peer.next('REPLY'))).toMatchObject({ id: 5, ok: true })
    peer.send(frames.request(id, 18), frames.ping())
    await peer.next('PONG')
    expect(answers).toHaveLength(17)
  })

  test('an answer that comes after the channel closed goes nowhere', async () => {
    const answers: (() => void)[] = []
    const { peer, id, handler } = await answering(
      () => new Promise((resolve) => answers.push(() => resolve({}))),
    )
    peer.send(frames.request(id, 1), frames.close(id))
    await handler.closed
    answers[0]?.()
    peer.send(frames.ping())
    await peer.next('PONG')
    expect(peer.names).not.toContain('REPLY')
  })
})
