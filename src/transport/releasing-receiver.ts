/**
 * Reading a socket in 'data' events, each of which brings a buffer of its own. It is given back as soon as it was looked at, where Node
 * can do that (22 and newer): left to the garbage collector, up to 64 MiB of them wait there.
 */
import type { Duplex } from 'node:stream'
import type { Transport } from './transport.js'

/** ES2024, so not in Node 20. */
interface Transferable {
  transfer?(newByteLength: number): unknown
}

/** For sockets of our own, whose chunks nobody else sees. */
export function releasingReceiver(stream: Duplex): NonNullable<Transport['setReceiver']> {
  return (receiver) => {
    stream.on('data', (chunk: Buffer) => {
      receiver(chunk)
      const { buffer } = chunk
      // One that is a view of more may have neighbours in use.
      if (buffer.byteLength === chunk.length) (buffer as Transferable).transfer?.(0)
    })
  }
}
