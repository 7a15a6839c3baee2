/**
 * Two connected byte streams in one process, that behave as the two ends of a socket do. Not `stream.duplexPair`: that one
 * passes the writer's own buffers on, and one end does not learn that the other was destroyed.
 */
import { Duplex } from 'node:stream'
import { invalidArgument } from '../errors.js'
import { systemError } from './system-error.js'
import type { Transport } from './transport.js'

/** Bytes each end buffers before it makes the other wait, as the kernel does for a socket. */
const DEFAULT_BUFFER_BYTES = 65_536

/**
 * Bytes after which a write is done only in the next turn of the event loop. Without it two ends that always have something to say would
 * keep the process to themselves: no timer, no promise and no other socket would have a turn, as they have between reads of a real one.
 */
const TURN_BYTES = 262_144

/** @internal */
export interface MemoryPairOptions {
  /** Bytes buffered per end and direction. Default 65,536. */
  readonly bufferBytes?: number | undefined
  /**
   * Sees a copy of every piece of bytes on its way to one end, and returns what arrives there instead. When it throws, the end that
   * wrote fails with that error, and the other sees it vanish.
   */
  readonly intercept?: ((bytes: Buffer, to: Transport['side']) => Uint8Array) | undefined
}

/**
 * A plain transport to nowhere but this process: first the dialer's end, then the listener's.
 *
 * `end()` on one end is 'end' on the other, which then ends too. `destroy()` does the same at once; `destroy(error)` is a
 * peer that vanished: the other end fails with ECONNRESET. What is written to an end that is gone fails with EPIPE.
 *
 * @internal
 */
export function memoryPair(options: MemoryPairOptions = {}): [dialer: Transport, listener: Transport] {
  const { bufferBytes = DEFAULT_BUFFER_BYTES, intercept = (bytes) => bytes } = options
  const dialer = new MemoryEnd(bufferBytes, (bytes) => intercept(bytes, 'listener'))
  const listener = new MemoryEnd(bufferBytes, (bytes) => intercept(bytes, 'dialer'))
  dialer.peer = listener
  listener.peer = dialer
  const peer = { kind: 'memory', label: 'memory' } as const
  return [
    { stream: dialer, side: 'dialer', peer },
    { stream: listener, side: 'listener', peer },
  ]
}

class MemoryEnd extends Duplex {
  peer: MemoryEnd | undefined
  /** Completes the peer's write once we read again. */
  #resumePeer: ((error?: Error) => void) | undefined
  #isEof = false
  #bytesThisTurn = 0
  readonly #intercept: (bytes: Buffer) => Uint8Array

  constructor(highWaterMark: number, intercept: (bytes: Buffer) => Uint8Array) {
    super({ highWaterMark, allowHalfOpen: false })
    this.#intercept = intercept
    // As on a socket: what nobody listens to must not end the process. 'close' follows.
    this.on('error', () => {})
  }

  override _read(): void {
    const resume = this.#resumePeer
    this.#resumePeer = undefined
    resume?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const peer = this.peer
    if (peer === undefined || peer.destroyed) {
      done(systemError('EPIPE', 'the other end is gone'))
      return
    }
    let bytes: Uint8Array
    try {
      // A copy, as a socket makes one: the writer may reuse its buffer as soon as the write is done.
      bytes = this.#intercept(Buffer.from(chunk))
      if (!(bytes instanceof Uint8Array)) throw invalidArgument('intercept', 'bytes to be returned', bytes)
    } catch (error) {
      done(error instanceof Error ? error : systemError('EIO', String(error)))
      return
    }
    if (bytes.length === 0) {
      done()
    } else {
      // The wait is set up first, because pushing to a flowing stream reads again at once.
      let isDone = false
      const finish = (error?: Error) => {
        if (isDone) return
        isDone = true
        if (this.#bytesThisTurn < TURN_BYTES) process.nextTick(done, error)
        else {
          this.#bytesThisTurn = 0
          setImmediate(done, error)
        }
      }
      this.#bytesThisTurn += bytes.length
      peer.#resumePeer = finish
      if (peer.push(bytes)) finish()
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.peer?.takeEof()
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const peer = this.peer
    const resume = this.#resumePeer
    this.#resumePeer = undefined
    resume?.(systemError('EPIPE', 'the other end is gone'))
    if (peer !== undefined && !peer.destroyed) {
      if (error === null) peer.takeEof()
      else process.nextTick(() => peer.destroy(systemError('ECONNRESET', 'the other end vanished')))
    }
    done(error)
  }

  /** The peer writes nothing more. */
  takeEof(): void {
    if (this.#isEof || this.destroyed) return
    this.#isEof = true
    this.push(null)
  }
}
