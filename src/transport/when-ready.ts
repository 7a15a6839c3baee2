/**
 * Waits until a socket that is being dialled is ready, within a bound and until aborted. Whatever happens, the socket is
 * handed over ready or is destroyed.
 */
import type { Socket } from 'node:net'
import { systemError } from './system-error.js'

/** When to give up. */
export interface DialBounds {
  /** Milliseconds from the call until the socket is ready. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** What decides about the socket once its event came. */
export interface Readiness {
  readonly event: 'connect' | 'secureConnect'
  /** Throws when the socket must not be used. */
  readonly verify?: () => void
  readonly timeoutError: () => Error
  /** Turns what the socket or `verify` threw into what the caller gets. */
  readonly translate: (error: unknown) => Error
}

/**
 * Resolves with the socket once `event` came and `verify` passed. Rejects with `signal.reason` on abort. The socket keeps a
 * listener for 'error', so that an error that comes before its user listens does not end the process; 'close' follows it.
 *
 * @internal
 */
export function whenReady<S extends Socket>(socket: S, bounds: DialBounds, readiness: Readiness): Promise<S> {
  const { timeoutMs, signal } = bounds
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(readiness.timeoutError()), timeoutMs)
    let isSettled = false
    const settle = () => {
      isSettled = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      socket.off(readiness.event, onReady)
      socket.off('close', onClose)
    }
    const fail = (error: unknown) => {
      if (isSettled) return
      settle()
      socket.destroy()
      reject(error)
    }
    const onAbort = () => fail(signal?.reason)
    const onClose = () =>
      fail(readiness.translate(systemError('ECONNRESET', 'the peer closed the connection')))
    const onReady = () => {
      try {
        readiness.verify?.()
      } catch (error) {
        return fail(readiness.translate(error))
      }
      settle()
      resolve(socket)
    }
    socket.on('error', (error) => fail(readiness.translate(error)))
    socket.on('close', onClose)
    socket.on(readiness.event, onReady)
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort)
  })
}
