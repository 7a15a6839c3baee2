/**
 * Gives memory back before the garbage collector would: it hardly notices the buffers that sockets and pipes bring, and up to 64 MiB of
 * them wait there, depending on the version of Node.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'

/**
 * Takes buffers over and throws them away, as nobody listens at its other end. `ArrayBuffer.prototype.transfer` would do as well, but is not
 * in Node 20.
 */
let drain: MessagePort | undefined

/** For a chunk that nobody looks at any more, and that no write of the system is still reading. One that is a view of more stays: it may have neighbours in use. */
export function releaseBuffer({ buffer, byteLength }: Uint8Array): void {
  if (buffer.byteLength !== byteLength) return
  if (drain === undefined) {
    const { port1, port2 } = new MessageChannel()
    port2.close()
    drain = port1
  }
  drain.postMessage(null, [buffer as ArrayBuffer])
}
