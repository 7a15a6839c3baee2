/**
 * Reading a socket in 'data' events, each of which brings a buffer of its own for 16 KiB. It is given back as soon as it was looked at: left
 * to the garbage collector, up to 64 MiB of them wait there, depending on the version of Node.
 */
import type { Duplex } from 'node:stream'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Transport } from './transport.js'

/**
 * Takes buffers over and throws them away, as nobody listens at its other end. `ArrayBuffer.prototype.transfer` would do as well, but is not
 * in Node 20.
 */
let drain: MessagePort | undefined

/** For sockets of our own, whose chunks nobody else sees. */
export function releasingReceiver(stream: Duplex): NonNullable<Transport['setReceiver']> {
  return (receiver) => {
    stream.on('data', (chunk: Buffer) => {
      receiver(chunk)
      // One that is a view of more may have neighbours in use.
      if (chunk.buffer.byteLength === chunk.length) release(chunk.buffer as ArrayBuffer)
    })
  }
}

function release(buffer: ArrayBuffer): void {
  if (drain === undefined) {
    const { port1, port2 } = new MessageChannel()
    port2.close()
    drain = port1
  }
  drain.postMessage(null, [buffer])
}
