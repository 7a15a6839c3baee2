/** Reading a socket in 'data' events, each of which brings a buffer of its own for 16 KiB. It is given back as soon as it was looked at. */
import type { Duplex } from 'node:stream'
import { releaseBuffer } from '../release-buffer.js'
import type { Transport } from './transport.js'

/** For sockets of our own, whose chunks nobody else sees. */
export function releasingReceiver(stream: Duplex): NonNullable<Transport['setReceiver']> {
  return (receiver) => {
    stream.on('data', (chunk: Buffer) => {
      receiver(chunk)
      releaseBuffer(chunk)
    })
  }
}
