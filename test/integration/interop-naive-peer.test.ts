// A Connection and a peer that was written from docs/protocol.md alone understand each other, in both roles, from either side.
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { Connection } from '../../src/connection/connection.js'
import type { ConnectionHooks } from '../../src/connection/connection-options.js'
import type { ConnectionError } from '../../src/errors.js'
import { INPUT, isWhole, NOISE, serve, talk } from '../helpers/conversation.js'
import { gate } from '../helpers/gate.js'
import { type NaiveChannel, type NaiveOptions, NaivePeer } from '../helpers/naive-peer.js'
import { RecordingHandler } from '../helpers/recording-handler.js'
import { tcpPair } from '../helpers/tcp-pair.js'

/** A naive peer in one role and a Connection in the other. */
async function joined(options: NaiveOptions, hooks: Partial<ConnectionHooks> = {}) {
  const [dialer, listener] = await tcpPair()
  const [far, near] = options.dialled ? [dialer, listener] : [listener, dialer]
  const ended = gate<ConnectionError | undefined>()
  const connection = new Connection(
    near,
    { role: options.role === 'client' ? 'server' : 'client', agent: 'test' },
    {
      onAuthenticate: async ({ user }) => user === 'test',
      onOpen: serve,
      onEnded: ended.open,
      onInternalError: (error) => expect(error).toBeUndefined(),
      ...hooks,
    },
  )
  return { peer: new NaivePeer(far.stream as Socket, options), connection, ended: ended.promise }
}

const SIDES = [{ dialled: true }, { dialled: false }]
const AUTH = { method: 'token', user: 'test', token: 'x' }

describe.each(SIDES)('the naive peer as a client (dialled: $dialled)', ({ dialled }) => {
  async function client() {
    const all = await joined({ role: 'client', dialled })
    expect(await all.peer.authenticate(AUTH)).toBe(true)
    return all
  }

  test('a whole operation: request, data, ends, results, close', async () => {
    const { peer, connection } = await client()
    const channel = await peer.open('talk', {}, [10, 10])
    expect(await channel.request('ask', { a: 'é' })).toMatchObject({
      ok: true,
      info: { type: 'ask', params: { a: 'é' } },
    })
    await channel.write(0, Buffer.from(INPUT))
    channel.end(0)
    await peer.until(() => channel.isClosed)
    expect([channel.text(0), channel.text(1), channel.ended]).toEqual([INPUT, NOISE, [true, true]])
    expect(channel.exit).toMatchObject({ exitCode: 7, signal: null })
    expect(channel.commit).toMatchObject({ bytes: Buffer.byteLength(INPUT) })
    expect(peer.problems).toEqual([])
    await connection.close(0)
  })

  test('hundreds of kilobytes both ways through small windows', async () => {
    const { peer, connection } = await client()
    const channel = await peer.open('talk', {}, [300, 300])
    const sent = randomBytes(200_000)
    await channel.write(0, sent)
    channel.end(0)
    await peer.until(() => channel.isClosed)
    expect(Buffer.concat(channel.received[0] ?? []).equals(sent)).toBe(true)
    // All but what was still to be acknowledged, less than a quarter of what the window has grown to.
    expect(channel.acknowledged[0]).toBeGreaterThan(100_000)
    expect(peer.problems).toEqual([])
    await connection.close(0)
  })

  test('PING, and a refused credential before an accepted one', async () => {
    const { peer, connection } = await joined({ role: 'client', dialled })
    expect(await peer.authenticate({ method: 'token', user: 'other', token: 'x' })).toBe(false)
    expect(peer.authReplies).toMatchObject([{ status: 'failure', attemptsLeft: 2 }])
    const payload = randomBytes(8)
    expect(await peer.ping(payload)).toEqual(payload)
    expect(await peer.authenticate(AUTH)).toBe(true)
    await connection.close(0)
  })

  test('the server closes: GOODBYE, then the end; an OPEN after it is refused', async () => {
    const { peer, connection, ended } = await client()
    const channel = await peer.open('talk', {}, [10, 10])
    const closing = connection.close(60_000)
    await peer.until(() => peer.goodbye !== undefined)
    expect(peer.goodbye).toEqual({ code: 'shutdown', message: 'the server is closing' })
    await expect(peer.open('late', {}, [])).rejects.toMatchObject({ code: 'ERR_FAKESSH_SHUTDOWN' })
    channel.end(0)
    await peer.until(() => channel.isClosed)
    await closing
    expect(await ended).toBeUndefined()
    expect(peer.problems).toEqual([])
  })

  test('the peer cancels', async () => {
    const served: RecordingHandler[] = []
    const { peer, connection } = await joined(
      { role: 'client', dialled },
      { onOpen: (open) => void served.push(serve(open)) },
    )
    await peer.authenticate(AUTH)
    const channel = await peer.open('talk', {}, [10, 10])
    channel.close()
    await peer.until(() => channel.isClosed)
    expect(served[0]?.log).toEqual(['closed'])
    expect([connection.pendingOperations, peer.problems]).toEqual([0, []])
    await connection.close(0)
  })
})

describe.each(SIDES)('the naive peer as a server (dialled: $dialled)', ({ dialled }) => {
  /** Plays the server's part of the scripted conversation. */
  function play(channel: NaiveChannel, kind: string): void {
    channel.onRequest = (type, params) => ({ type, params })
    void finish(channel, kind)
  }

  let server: NaivePeer | undefined
  async function finish(channel: NaiveChannel, kind: string): Promise<void> {
    const peer = server as NaivePeer
    await peer.until(() => channel.ended[0] === true || channel.isClosed)
    if (channel.isClosed) return
    await channel.write(0, Buffer.concat(channel.received[0] ?? []))
    await channel.write(1, Buffer.from(NOISE))
    channel.end(0)
    channel.end(1)
    const bytes = channel.sending[0]?.bytes ?? 0
    channel.sendCommit({ bytes, algorithm: 'md5', digest: '0'.repeat(32) })
    channel.sendExit({ exitCode: 7, signal: null, stdioLeaked: false, stdinBytes: bytes, kind })
    channel.close()
  }

  async function connected() {
    const all = await joined({ role: 'server', dialled, accepts: ({ token }) => token === 'x', onOpen: play })
    server = all.peer
    expect(await all.connection.authenticate(AUTH)).toMatchObject({ status: 'success', user: 'test' })
    return all
  }

  test('a whole operation, and more than it allows at once', async () => {
    const { peer, connection } = await connected()
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => talk(connection)))
    for (const outcome of outcomes) {
      expect(isWhole(outcome)).toBe(true)
      expect(outcome).toMatchObject({
        stdout: INPUT,
        stderr: NOISE,
        reply: { type: 'ask', params: { a: 1 } },
      })
    }
    expect(peer.problems).toEqual([])
    await connection.close(0)
  })

  test('a refusal of a credential, and of an operation', async () => {
    const { connection, peer } = await joined({
      role: 'server',
      dialled,
      accepts: ({ token }) => token === 'x',
    })
    expect(await connection.authenticate({ ...AUTH, token: 'y' })).toMatchObject({ status: 'failure' })
    expect(await connection.authenticate(AUTH)).toMatchObject({ status: 'success' })
    const handler = new RecordingHandler()
    connection.open('unknown', {}, [], handler)
    expect(await handler.closed).toMatchObject({ code: 'ERR_FAKESSH_UNSUPPORTED' })
    expect(peer.problems).toEqual([])
    await connection.close(0)
  })

  test('a large upload keeps to its small windows and frames', async () => {
    const { peer, connection } = await connected()
    const sent = randomBytes(150_000)
    const handler = new RecordingHandler()
    const channel = connection.open('talk', {}, [65_536, 65_536], handler)
    handler.channel = channel
    await handler.opened
    channel.send(0, sent, () => {})
    channel.sendEof(0)
    await handler.closed
    expect(handler.bytesOn(0).equals(sent)).toBe(true)
    expect(handler.acknowledged[0]).toBe(150_000)
    expect(peer.problems).toEqual([])
    await connection.close(0)
  })

  test('its goodbye lets what runs finish; then it hangs up, and that is a clean end', async () => {
    const { peer, connection, ended } = await connected()
    const talked = talk(connection)
    await peer.until(() => peer.channels.size > 0)
    peer.sayGoodbye('shutdown')
    expect(isWhole(await talked)).toBe(true)
    const late = new RecordingHandler()
    connection.open('talk', {}, [], late)
    expect(await late.closed).toMatchObject({ code: 'ERR_FAKESSH_SHUTDOWN' })
    peer.hangUp()
    expect(await ended).toBeUndefined()
    expect(peer.problems).toEqual([])
  })
})
