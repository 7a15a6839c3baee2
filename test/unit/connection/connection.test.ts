// The Connection against a raw peer in memory: handshake, endings, and what must never happen. Real pairs are in test/integration/.
import { describe, expect, test } from 'vitest'
import { Connection } from '../../../src/connection/connection.js'
import { ConnectionError } from '../../../src/errors.js'
import { memoryPair } from '../../../src/transport/memory-pair.js'
import { frames, utf8 } from '../../helpers/frames.js'
import { gate } from '../../helpers/gate.js'
import { jsonOf } from '../../helpers/naive-frames.js'
import { rawConnected, rawSetup } from '../../helpers/raw-peer.js'
import { RecordingHandler } from '../../helpers/recording-handler.js'
import { turns, until } from '../../helpers/until.js'

const TOKEN = { method: 'token', user: 'test', token: 'x' }

describe('handshake', () => {
  test('a server asks about the credential and is open with its answer', async () => {
    const asked: unknown[] = []
    let opened = 0
    const { peer, connection } = rawSetup({
      hooks: {
        onAuthenticate: async (request) => asked.push(request) > 0,
        onOpened: () => {
          opened += 1
        },
      },
    })
    await peer.next('HELLO')
    peer.send(frames.hello('client', { agent: 'other/2' }), frames.auth(TOKEN))
    expect(jsonOf(await peer.next('AUTH'))).toEqual({ status: 'success', user: 'test' })
    expect(asked).toEqual([TOKEN])
    expect([connection.isOpen, opened]).toEqual([true, 1])
    expect(connection.agreement).toMatchObject({ version: 1, peerAgent: 'other/2' })
  })

  test('a client is open with the success, told before whoever asked goes on', async () => {
    const log: string[] = []
    const { peer, connection } = rawSetup({ role: 'client', hooks: { onOpened: () => log.push('opened') } })
    const asked = connection.authenticate(TOKEN).then(() => log.push('answered'))
    peer.send(frames.hello('server'))
    expect(jsonOf(await peer.next('AUTH'))).toEqual(TOKEN)
    peer.send(frames.authOk())
    await asked
    expect(log).toEqual(['opened', 'answered'])
    expect(connection.isOpen).toBe(true)
  })

  test('refusals leave room for another try, until the last one', async () => {
    const { peer, ended } = rawSetup({
      hooks: { onAuthenticate: async () => false },
      options: { maxAuthFailures: 2 },
    })
    peer.send(frames.hello('client'), frames.auth())
    expect(jsonOf(await peer.next('AUTH'))).toMatchObject({ status: 'failure', attemptsLeft: 1 })
    peer.send(frames.auth())
    expect(jsonOf(await peer.next('AUTH'))).toMatchObject({ status: 'failure', attemptsLeft: 0 })
    expect(jsonOf(await peer.next('GOODBYE'))).toMatchObject({ code: 'auth-failed' })
    expect(await ended).toMatchObject({ code: 'ERR_FAKESSH_AUTH_FAILED' })
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('database down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('database down'))],
  ])('a verifier that %s counts as no, without details', async (_how, onAuthenticate) => {
    const { peer, internalErrors } = rawSetup({ hooks: { onAuthenticate } })
    peer.send(frames.hello('client'), frames.auth())
    const answer = jsonOf(await peer.next('AUTH'))
    expect(answer).toMatchObject({ status: 'failure', code: 'ERR_FAKESSH_AUTH_FAILED' })
    expect(JSON.stringify(answer)).not.toContain('database')
    expect(internalErrors).toMatchObject([{ message: 'database down' }])
  })

  test('a peer that is gone before the verdict gets none, and nothing is opened', async () => {
    const verdict = gate<boolean>()
    let opened = 0
    const { peer, ended, connection } = rawSetup({
      hooks: {
        onAuthenticate: () => verdict.promise,
        onOpened: () => {
          opened += 1
        },
      },
    })
    peer.send(frames.hello('client'), frames.auth())
    await turns(3)
    peer.destroy()
    expect(await ended).toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
    verdict.open(true)
    await turns(3)
    expect([opened, connection.isOpen]).toEqual([0, false])
  })

  test('the handshake has an absolute bound, however busy the peer is', async () => {
    const { peer, ended } = rawSetup({ options: { handshakeTimeoutMs: 60 } })
    const hello = frames.hello('client')
    let sent = 0
    const drip = setInterval(() => peer.send(hello.slice(sent, ++sent)), 5)
    expect(await ended).toMatchObject({ code: 'ERR_FAKESSH_HANDSHAKE_TIMEOUT' })
    clearInterval(drip)
    expect(jsonOf(await peer.next('GOODBYE'))).toMatchObject({ code: 'handshake-timeout' })
    expect(sent).toBeGreaterThan(2)
  })

  test('the bound holds while a credential is being verified, and for a client that waits', async () => {
    const server = rawSetup({
      options: { handshakeTimeoutMs: 20 },
      hooks: { onAuthenticate: () => new Promise(() => {}) },
    })
    server.peer.send(frames.hello('client'), frames.auth())
    expect(await server.ended).toMatchObject({ code: 'ERR_FAKESSH_HANDSHAKE_TIMEOUT' })
    const client = rawSetup({ role: 'client', options: { handshakeTimeoutMs: 20 } })
    client.peer.send(frames.hello('server'))
    await expect(client.connection.authenticate(TOKEN)).rejects.toMatchObject({
      code: 'ERR_FAKESSH_HANDSHAKE_TIMEOUT',
    })
  })

  test('keepalive does not use up the frames that a slow verification may take', async () => {
    const verdict = gate<boolean>()
    const server = rawSetup({
      options: { keepaliveIntervalMs: 5 },
      hooks: { onAuthenticate: () => verdict.promise },
    })
    server.peer.send(frames.hello('client'), frames.auth())
    // One that is authenticated, and whose peer is as silent, has asked twice and given up in the meantime.
    const other = await rawConnected({ options: { keepaliveIntervalMs: 5 } })
    expect(await other.ended).toMatchObject({ code: 'ERR_FAKESSH_KEEPALIVE_TIMEOUT' })
    expect(server.peer.seen.map(({ name }) => name)).toEqual(['HELLO'])
    expect(server.connection.isEnded).toBe(false)
    verdict.open(true)
    await server.peer.next('AUTH')
    await server.peer.next('PING')
  })

  test('a goodbye before authentication is the end, whatever its code', async () => {
    for (const role of ['client', 'server'] as const) {
      const { peer, ended, connection } = rawSetup({ role })
      const asked = role === 'client' ? connection.authenticate(TOKEN) : undefined
      peer.send(frames.goodbye('shutdown', 'later'))
      await asked?.catch(() => {})
      expect(await ended).toMatchObject({ code: 'ERR_FAKESSH_SHUTDOWN' })
      await peer.ended()
    }
  })

  test('no operation can be started before', async () => {
    const { connection } = rawSetup({ role: 'client' })
    const handler = new RecordingHandler()
    connection.open('test', {}, [], handler)
    expect(await handler.closed).toMatchObject({
      code: 'ERR_FAKESSH_CLOSED',
      message: 'the connection is not authenticated yet',
    })
  })
})

describe('the end', () => {
  test('everything pending is told in the same turn, before the owner, and each once', async () => {
    const order: string[] = []
    const handlers = [new RecordingHandler(), new RecordingHandler(), new RecordingHandler()]
    const told: string[] = []
    let asked: Promise<unknown> = Promise.resolve()
    let seenInEnded: unknown
    const raw = await rawConnected({
      role: 'client',
      hooks: {
        onEnded: () => {
          order.push('ended')
          seenInEnded = { closed: handlers.map(({ closedTimes }) => closedTimes), told: [...told] }
        },
      },
    })
    const [running, opening, queued] = handlers as [RecordingHandler, RecordingHandler, RecordingHandler]
    for (const [name, handler] of Object.entries({ running, opening, queued })) {
      handler.onEvent = (event) => void (event.startsWith('closed') && order.push(name))
    }
    running.channel = raw.connection.open('test', {}, [], running)
    const { channel: id } = await raw.peer.next('OPEN')
    raw.peer.send(frames.openOk(id, [4]))
    await running.opened
    running.channel.send(0, utf8('more than the window'), () => told.push('send'))
    asked = running.channel.request('x', {})
    asked.catch(() => told.push('request'))
    opening.channel = raw.connection.open('test', {}, [], opening)
    await raw.peer.next('OPEN')
    queued.channel = raw.connection.open('test', {}, [], queued)
    raw.connection.destroy(new ConnectionError('ERR_FAKESSH_CLOSED', 'enough'))
    expect(order).toEqual(['running', 'opening', 'queued', 'ended'])
    expect(seenInEnded).toEqual({ closed: [1, 1, 1], told: ['send'] })
    await expect(asked).rejects.toThrow('enough')
    await raw.peer.ended()
    await turns(3)
    expect(handlers.map(({ log }) => log.filter((line) => line.startsWith('closed')))).toEqual(
      Array(3).fill(['closed ERR_FAKESSH_CLOSED']),
    )
    expect([raw.endedTimes(), raw.connection.pendingOperations]).toEqual([1, 0])
  })

  test('nothing that came in the same chunk is passed on after the end', async () => {
    const opens: string[] = []
    const raw = await rawConnected({
      hooks: {
        onOpen: (open) => {
          opens.push(open.kind)
          raw.connection.destroy(new ConnectionError('ERR_FAKESSH_CLOSED', 'enough'))
        },
      },
    })
    raw.peer.send(frames.open(1, [], 'first'), frames.open(3, [], 'second'))
    await raw.ended
    await turns(2)
    expect(opens).toEqual(['first'])
    expect(raw.connection.pendingOperations).toBe(0)
  })

  test.each<[string, (raw: Awaited<ReturnType<typeof rawConnected>>) => void, string]>([
    ['closes without a goodbye', ({ peer }) => peer.end(), 'ERR_FAKESSH_CONNECTION_LOST'],
    ['vanishes', ({ peer }) => peer.destroy(), 'ERR_FAKESSH_CONNECTION_LOST'],
    ['breaks the protocol', ({ peer }) => peer.send(new Uint8Array(16)), 'ERR_FAKESSH_PROTOCOL'],
    [
      'gives us up',
      ({ peer }) => peer.send(frames.goodbye('keepalive-timeout')),
      'ERR_FAKESSH_KEEPALIVE_TIMEOUT',
    ],
    ['has had enough', ({ peer }) => peer.send(frames.goodbye('limit')), 'ERR_FAKESSH_LIMIT'],
    [
      'says something new',
      ({ peer }) => peer.send(frames.goodbye('moon-phase')),
      'ERR_FAKESSH_CONNECTION_LOST',
    ],
    [
      'stops in the middle of a frame',
      ({ peer }) => {
        peer.send(frames.ping().slice(0, 20))
        peer.end()
      },
      'ERR_FAKESSH_CONNECTION_LOST',
    ],
    [
      'goes away while operations run',
      ({ peer }) => {
        peer.send(frames.openOk(2), frames.goodbye('shutdown'))
        peer.end()
      },
      'ERR_FAKESSH_CONNECTION_LOST',
    ],
  ])('a peer that %s', async (_how, act, code) => {
    const raw = await rawConnected({ role: 'client' })
    const handler = new RecordingHandler()
    handler.channel = raw.connection.open('test', {}, [], handler)
    await raw.peer.next('OPEN')
    act(raw)
    expect(await raw.ended).toMatchObject({ code, host: 'memory' })
    expect(handler.error?.code).toBe(code)
    await raw.peer.ended()
    const late = new RecordingHandler()
    raw.connection.open('test', {}, [], late)
    const refusal = await late.closed
    // After a loss, a code that says that it is safe to start it again; the loss is the cause.
    if (code === 'ERR_FAKESSH_LIMIT') expect(refusal?.code).toBe(code)
    else expect(refusal).toMatchObject({ code: 'ERR_FAKESSH_NOT_STARTED', host: 'memory', cause: { code } })
    await expect(raw.connection.authenticate(TOKEN)).rejects.toMatchObject({ code })
    await raw.connection.close(1_000)
    expect(raw.endedTimes()).toBe(1)
  })

  test('an OPEN that crossed the goodbye of a peer that then hung up is refused, and the end is clean', async () => {
    const { peer, ended, connection } = await rawConnected({ role: 'client' })
    const handler = new RecordingHandler()
    handler.channel = connection.open('test', {}, [], handler)
    await peer.next('OPEN')
    peer.send(frames.goodbye('shutdown', 'tea'))
    peer.end()
    expect(await handler.closed).toMatchObject({ code: 'ERR_FAKESSH_SHUTDOWN' })
    expect(await ended).toBeUndefined()
  })

  test('a peer that said shutdown, has nothing running and closes, is a clean end', async () => {
    const { peer, ended, connection } = await rawConnected({ role: 'client' })
    peer.send(frames.goodbye('shutdown', 'tea'))
    await until(() => !connection.isOpen)
    const refused = new RecordingHandler()
    connection.open('test', {}, [], refused)
    expect(await refused.closed).toMatchObject({ code: 'ERR_FAKESSH_SHUTDOWN' })
    peer.end()
    expect(await ended).toBeUndefined()
    const late = new RecordingHandler()
    connection.open('test', {}, [], late)
    expect(await late.closed).toMatchObject({ code: 'ERR_FAKESSH_SHUTDOWN' })
  })

  test('a byte stream that was gone before we got it ends at once', async () => {
    for (const how of ['destroyed', 'closed'] as const) {
      const [, near] = memoryPair()
      near.stream.destroy()
      if (how === 'closed') await until(() => near.stream.closed)
      const ended = gate<ConnectionError | undefined>()
      const connection = new Connection(
        near,
        { role: 'client', agent: 'test' },
        {
          onAuthenticate: async () => true,
          onOpen: () => {},
          onEnded: ended.open,
          onInternalError: () => {},
        },
      )
      await expect(connection.authenticate(TOKEN)).rejects.toMatchObject({
        code: 'ERR_FAKESSH_CONNECTION_LOST',
      })
      expect(await ended.promise).toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
      await connection.close(1_000)
    }
  })

  test('nothing is left of a connection that ended', async () => {
    const before = process.getActiveResourcesInfo().length
    const { peer, ended, connection } = await rawConnected()
    const [, near] = [peer, connection.transport.stream]
    peer.destroy()
    await ended
    await until(() => near.closed)
    await turns(2)
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before)
    for (const event of ['data', 'end', 'drain']) expect(near.listenerCount(event)).toBeLessThanOrEqual(1)
  })
})
