/** Two ends of a real TCP connection over loopback, as plain transports: what a socket does that an in-memory pair might not. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Transport } from '../../src/transport/transport.js'

const transportOf = (stream: Socket, side: Transport['side']): Transport => ({
  stream,
  side,
  peer: {
    kind: 'tcp',
    label: `127.0.0.1:${stream.remotePort}`,
    address: '127.0.0.1',
    port: stream.remotePort,
  },
})

/** First the dialer's end, then the listener's. Both are destroyed when the test has finished. */
export async function tcpPair(): Promise<[dialer: Transport, listener: Transport]> {
  const server = createServer({ noDelay: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const dialer = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true })
  const [[listener]] = await Promise.all([accepted, once(dialer, 'connect')])
  server.close()
  for (const socket of [dialer, listener]) {
    socket.on('error', () => {})
    onTestFinished(() => void socket.destroy())
  }
  return [transportOf(dialer, 'dialer'), transportOf(listener, 'listener')]
}
