/** What a connection hears of its byte stream: bytes, and that no more will come. */
import type { Transport } from '../transport/transport.js'
import { endGracefully } from './end-gracefully.js'

export interface TransportListener {
  /** Valid during the call only. */
  bytes(chunk: Uint8Array): void
  /** The peer ended the stream, or it broke; may be told again. */
  ended(cause: Error | undefined): void
}

export function hearTransport({ stream, setReceiver }: Transport, listener: TransportListener): void {
  let cause: Error | undefined
  stream.on('error', (error) => {
    cause ??= error
    // A TLS socket that fails after its handshake stays open otherwise, and nobody would hear of it before the keepalive.
    stream.destroy()
  })
  const receiver = (bytes: Uint8Array) => listener.bytes(bytes)
  if (setReceiver === undefined) stream.on('data', receiver)
  else setReceiver(receiver)
  stream.on('end', () => {
    listener.ended(cause)
    endGracefully(stream)
  })
  stream.on('close', () => listener.ended(cause))
}
