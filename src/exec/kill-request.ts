/** What `kill()` asks the server for. */
import { invalidArgument } from '../errors.js'
import { MAX_TIMEOUT_MS } from '../options.js'
import type { JsonObject } from '../protocol/messages.js'
import type { KillOptions } from './exec-process.js'

/** How long a command may take to end after SIGTERM: what service managers and container runtimes give, and more. */
const DEFAULT_FORCE_KILL_AFTER_MS = 5000

/**
 * The params of a `signal` REQUEST. Throws `ERR_FAKESSH_INVALID_ARG`. Whether the signal exists is for the server to say: its
 * platform may have others than ours.
 */
export function killParams(signal: unknown, options: KillOptions): JsonObject {
  if (typeof signal !== 'string' || !/^SIG[A-Z0-9+-]{1,16}$/.test(signal)) {
    throw invalidArgument('kill', 'the name of a signal', signal)
  }
  const { forceKillAfterMs = signal === 'SIGTERM' ? DEFAULT_FORCE_KILL_AFTER_MS : false } = options
  if (forceKillAfterMs === false) return { signal }
  if (!Number.isInteger(forceKillAfterMs) || forceKillAfterMs < 0 || forceKillAfterMs > MAX_TIMEOUT_MS) {
    throw invalidArgument(
      'forceKillAfterMs',
      `false, or an integer from 0 to ${MAX_TIMEOUT_MS}`,
      forceKillAfterMs,
    )
  }
  return { signal, forceKillAfterMs }
}
