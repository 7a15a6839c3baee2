/** Ends a byte stream so that the last frame arrives, and cuts it if the peer's end does not follow. */
import type { Duplex } from 'node:stream'

/** How long an ended connection may take to flush its last frame and see the peer's end, in milliseconds. */
const LINGER_MS = 1_000

export function endGracefully(stream: Duplex): void {
  stream.end()
  const timer = setTimeout(() => stream.destroy(), LINGER_MS)
  timer.unref()
  stream.once('close', () => clearTimeout(timer))
}
