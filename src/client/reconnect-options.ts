/** How a client tries to get its connection back, with checks and the waiting between attempts. */
import { invalidArgument } from '../errors.js'
import { MAX_TIMEOUT_MS } from '../options.js'

/** How a client reconnects, see `ConnectOptions.reconnect`. @public */
export interface ReconnectOptions {
  /**
   * The first attempt is made within this many milliseconds of the loss. The bound doubles with every failed attempt; where below it an
   * attempt is made is random, so that the clients of a server that restarts do not come back all at once. Default 100.
   */
  readonly minDelayMs?: number | undefined
  /** The bound grows no further than this, in milliseconds. Default 10,000. */
  readonly maxDelayMs?: number | undefined
  /** Milliseconds after the loss when the client gives up. A connection that ends sooner than the next attempt might have been made does not count as one. Default 300,000. */
  readonly giveUpAfterMs?: number | undefined
}

export type ReconnectPolicy = { readonly [name in keyof Required<ReconnectOptions>]: number }

const DEFAULT_POLICY: ReconnectPolicy = { minDelayMs: 100, maxDelayMs: 10_000, giveUpAfterMs: 300_000 }

/** The policy, or undefined where a lost connection stays lost. Throws `ERR_FAKESSH_INVALID_ARG`. */
export function reconnectPolicy(
  reconnect: boolean | ReconnectOptions | undefined,
): ReconnectPolicy | undefined {
  if (reconnect === undefined || reconnect === false) return undefined
  if (reconnect === true) return DEFAULT_POLICY
  if (typeof reconnect !== 'object' || reconnect === null)
    throw invalidArgument('connect reconnect', 'true, false or an object', reconnect)
  const policy: { -readonly [name in keyof ReconnectPolicy]: number } = { ...DEFAULT_POLICY }
  for (const [name, value] of Object.entries(reconnect)) {
    const where = `connect reconnect.${name}`
    if (!Object.hasOwn(policy, name))
      throw invalidArgument(where, `an option out of ${Object.keys(policy).join(', ')}`, name)
    if (value === undefined) continue
    if (!Number.isInteger(value) || value < 1 || value > MAX_TIMEOUT_MS)
      throw invalidArgument(where, `an integer from 1 to ${MAX_TIMEOUT_MS}`, value)
    policy[name as keyof ReconnectPolicy] = value
  }
  return policy
}

/** Exponential backoff with full jitter: the wait before each attempt to connect, in milliseconds. */
export class Backoff {
  readonly #policy: ReconnectPolicy
  readonly #random: () => number
  #failures = 0

  /** @param random - 0 to below 1 */
  constructor(policy: ReconnectPolicy, random: () => number = Math.random) {
    this.#policy = policy
    this.#random = random
  }

  /** The wait before the next attempt. */
  next(): number {
    const delayMs = Math.round(this.#random() * this.#boundMs)
    this.#failures += 1
    return delayMs
  }

  /**
   * A connection was had for so long. Begins anew, and returns true, unless that was shorter than the wait for it might have been: a server that
   * drops everybody at once is not to be asked ever faster.
   */
  lasted(uptimeMs: number): boolean {
    const hasLasted = uptimeMs >= this.#boundMs
    if (hasLasted) this.#failures = 0
    return hasLasted
  }

  get #boundMs(): number {
    const { minDelayMs, maxDelayMs } = this.#policy
    return Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(this.#failures, 30))
  }
}
