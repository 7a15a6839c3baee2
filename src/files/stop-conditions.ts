/** What stops an operation from outside: the caller's `signal` and `timeoutMs`. */
import { invalidArgument } from '../errors.js'
import { MAX_TIMEOUT_MS, type OperationOptions } from '../options.js'

/** Throws `ERR_FAKESSH_INVALID_ARG`. */
export function checkStopOptions(where: string, { signal, timeoutMs }: OperationOptions): void {
  if (signal !== undefined && !isAbortSignal(signal)) {
    throw invalidArgument(`${where}: signal`, 'an AbortSignal', signal)
  }
  const isTimeout =
    Number.isInteger(timeoutMs) && Number(timeoutMs) >= 1 && Number(timeoutMs) <= MAX_TIMEOUT_MS
  if (timeoutMs !== undefined && !isTimeout) {
    throw invalidArgument(`${where}: timeoutMs`, `an integer from 1 to ${MAX_TIMEOUT_MS}`, timeoutMs)
  }
}

/** Exactly one of the two is called, at most once. */
export interface StopListener {
  /** With `signal.reason`. Called before `watchStopOptions` returns if the signal is already aborted. */
  onAbort(reason: unknown): void
  onTimeout(): void
}

/** Returns what ends the watch. */
export function watchStopOptions(
  { signal, timeoutMs }: OperationOptions,
  listener: StopListener,
): () => void {
  if (signal?.aborted) {
    listener.onAbort(signal.reason)
    return () => undefined
  }
  const end = () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
  const onAbort = () => {
    end()
    listener.onAbort(signal?.reason)
  }
  const onTimeout = () => {
    end()
    listener.onTimeout()
  }
  const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, timeoutMs)
  signal?.addEventListener('abort', onAbort)
  return end
}

/** By shape: the signal may come from another realm, or be a polyfill. */
function isAbortSignal(value: unknown): value is AbortSignal {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<AbortSignal>).aborted === 'boolean' &&
    typeof (value as Partial<AbortSignal>).addEventListener === 'function'
  )
}
