// Nobody listens, nobody awaits: whatever the peer or the network does, neither process dies of it.
import { type Socket, connect as tcpConnect } from 'node:net'
import { expect, test } from 'vitest'
import { FakeSshClient } from '../../src/index.js'
import { served } from '../helpers/served.js'
import { tcpProxy } from '../helpers/tcp-proxy.js'
import { recordUncaught } from '../helpers/uncaught.js'
import { turns, until } from '../helpers/until.js'

test.each(['reset', 'end'] as const)(
  'a connection that is lost by %s while everything runs unheard',
  async (how) => {
    const uncaught = recordUncaught()
    const { server, token, events, running } = await served({ transport: 'tls' })
    const port = Number(server.connectionString('test').split(':').at(-1))
    const proxy = await tcpProxy(port)
    const client = await FakeSshClient.connect({ port: proxy.port, user: 'test', token })
    const streams = [
      client.exec('sleep 1000'),
      client.exec('yes'),
      client.get('/missing'),
      client.get('.'),
      client.put('a'),
    ]
    const session = await client.session()
    session.exec('sleep 1000')
    await until(() => events('exec').length >= 3)
    proxy.cutNow(how)
    await until(
      () => !client.isConnected && streams.every(({ destroyed }) => destroyed) && running().length === 0,
    )
    client.exec('true')
    client.get('a')
    client.put('b').write('x')
    await turns(20)
    expect(uncaught).toEqual([])
  },
)

test('garbage, silence and half a handshake at the port', async () => {
  const uncaught = recordUncaught()
  const { server, connect, events } = await served({ transport: 'tls', limits: { handshakeTimeoutMs: 200 } })
  const port = Number(server.connectionString('test').split(':').at(-1))
  const dial = (speak: (socket: Socket) => void) => {
    const socket = tcpConnect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.once('connect', () => speak(socket))
  }
  dial((socket) => socket.write('GET / HTTP/1.1\r\n\r\n'))
  dial((socket) => socket.write(Buffer.alloc(70_000, 0xff)))
  dial((socket) => socket.write(Buffer.from([0x16, 0x03, 0x01])))
  dial((socket) => socket.resetAndDestroy())
  dial((socket) => socket.end())
  dial(() => {})
  const client = await connect()
  await expect(client.run('echo served')).resolves.toMatchObject({ stdout: 'served\n' })
  await until(() => events('denied').length >= 6)
  expect(uncaught).toEqual([])
})
