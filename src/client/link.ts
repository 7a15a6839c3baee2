/**
 * A client's connections, one after the other: the one that is open, or the last one and the trying for the next. Operations open their
 * channels here, so that those that can go on after a loss find the next connection in the same place.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Channel, ChannelHandler } from '../connection/channel-handler.js'
import type { ChannelOpener, Recovery } from '../connection/channel-opener.js'
import type { Connection } from '../connection/connection.js'
import { ConnectionError, FakeSshError } from '../errors.js'
import type { EstablishHooks } from './establish.js'
import { Backoff, type ReconnectPolicy } from './reconnect-options.js'

/** Ends of a connection that say nothing against the next one. */
const RECOVERABLE: ReadonlySet<string> = new Set([
  'ERR_FAKESSH_CONNECTION_LOST',
  'ERR_FAKESSH_KEEPALIVE_TIMEOUT',
  'ERR_FAKESSH_NOT_STARTED',
  'ERR_FAKESSH_PROTOCOL',
  'ERR_FAKESSH_SHUTDOWN',
])

/** Failures to connect that would only be repeated. */
const REFUSALS: ReadonlySet<string> = new Set([
  'ERR_FAKESSH_AUTH_FAILED',
  'ERR_FAKESSH_INVALID_ARG',
  'ERR_FAKESSH_SERVER_IDENTITY',
  'ERR_FAKESSH_VERSION',
])

/** Refusals in a row that are believed: a TLS handshake that was damaged on its way looks like one. */
const MAX_REFUSALS = 2

/** What a link tells its client. */
export interface LinkEvents {
  disconnect(event: { readonly error: ConnectionError | undefined; readonly willReconnect: boolean }): void
  reconnecting(event: { readonly attempt: number; readonly delayMs: number }): void
  reconnect(event: { readonly attempts: number; readonly downMs: number }): void
  fault(error: unknown): void
}

/** Makes a connection; the first one, and those that follow it. */
export type Connect = (hooks: EstablishHooks, signal?: AbortSignal) => Promise<Connection>

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class Link implements ChannelOpener, Recovery {
  readonly #connect: Connect
  readonly #policy: ReconnectPolicy | undefined
  readonly #events: LinkEvents
  readonly #waiters = new Set<Waiter>()
  #backoff: Backoff | undefined
  #connection: Connection | undefined
  #openedAt = 0
  /** From when on the time without a connection counts: that of a connection which did not last is left out. */
  #downFrom = 0
  /** Ends the trying for another connection. */
  #abort: AbortController | undefined
  #trying: Promise<void> | undefined
  /** Why no other connection will be tried. */
  #end: ConnectionError | undefined

  constructor(connect: Connect, policy: ReconnectPolicy | undefined, events: LinkEvents) {
    this.#connect = connect
    this.#policy = policy
    this.#events = events
  }

  /** Connects for the first time. Rejects as {@link Connect} does; there is no second attempt. */
  start(signal?: AbortSignal): Promise<void> {
    return this.#establish(signal)
  }

  /** The open connection, or the last one. Not to be asked before `start` has settled. */
  get connection(): Connection {
    return this.#connection as Connection
  }

  get recovery(): Recovery | undefined {
    return this.#policy && this
  }

  get instance(): string | undefined {
    return this.connection.agreement?.peerInstance
  }

  open(kind: string, params: object, windows: readonly number[], handler: ChannelHandler): Channel {
    return this.connection.open(kind, params, windows, handler)
  }

  isRecoverable(error: unknown): boolean {
    if (this.#end !== undefined || !FakeSshError.is(error)) return false
    // What a server that is about to leave answers an OPEN with. For any other end the server's word counts nothing: it would make us ask for ever.
    if (error.code === 'ERR_FAKESSH_SHUTDOWN') return true
    return ConnectionError.is(error) && RECOVERABLE.has(error.code)
  }

  async whenOpen(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (this.connection.isOpen) return
    if (this.#end !== undefined) throw this.#end
    await new Promise<void>((resolve, reject) => {
      const settled = () => {
        this.#waiters.delete(waiter)
        signal?.removeEventListener('abort', aborted)
      }
      const aborted = () => waiter.reject(signal?.reason)
      const waiter: Waiter = {
        resolve: () => {
          settled()
          resolve()
        },
        reject: (error) => {
          settled()
          reject(error)
        },
      }
      this.#waiters.add(waiter)
      signal?.addEventListener('abort', aborted, { once: true })
    })
  }

  /** Ends the connection as `Connection.close` does, and the trying for another one. Idempotent. */
  async close(drainMs: number): Promise<void> {
    this.#stopTrying(this.#ending('ERR_FAKESSH_CLOSED', 'the client was closed'))
    this.#abort?.abort()
    await this.connection.close(drainMs)
    await this.#trying
  }

  async #establish(signal: AbortSignal | undefined): Promise<void> {
    let isOurs = false
    let early: { readonly error: ConnectionError | undefined } | undefined
    const connection = await this.#connect(
      {
        onEnded: (error) => {
          if (isOurs) this.#ended(error)
          else early = { error }
        },
        onInternalError: (error) => this.#events.fault(error),
      },
      signal,
    )
    // Closed in the turn in which it was established: nobody would ever end it.
    if (this.#end !== undefined) {
      connection.destroy(this.#end)
      throw this.#end
    }
    isOurs = true
    this.#connection = connection
    this.#openedAt = performance.now()
    this.#downFrom ||= this.#openedAt
    // In the turn in which it was established: told once somebody can listen.
    if (early !== undefined) setImmediate((error) => this.#ended(error), early.error)
  }

  #ended(error: ConnectionError | undefined): void {
    const isLast = this.#policy === undefined || this.#end !== undefined
    if (isLast) this.#stopTrying(error ?? this.#ending('ERR_FAKESSH_CLOSED', 'the connection was closed'))
    this.#events.disconnect({ error, willReconnect: !isLast })
    if (isLast || this.#end !== undefined) return
    // Before the first event of it, whose listener may close the client.
    this.#abort = new AbortController()
    this.#trying = this.#reconnect(this.#policy, this.#abort)
  }

  /** Tries until a connection is open, or nothing speaks for another attempt. Never rejects. */
  async #reconnect(policy: ReconnectPolicy, abort: AbortController): Promise<void> {
    const lostAt = performance.now()
    this.#backoff ??= new Backoff(policy)
    // A server that drops everybody at once is as good as none.
    const uptimeMs = lostAt - this.#openedAt
    if (this.#backoff.lasted(uptimeMs)) this.#downFrom = lostAt
    else this.#downFrom += uptimeMs
    const leftMs = policy.giveUpAfterMs - (lostAt - this.#downFrom)
    const giveUp = setTimeout(() => abort.abort(), leftMs).unref()
    const { signal } = abort
    let attempt = 0
    let refusals = 0
    let failure: unknown
    while (!signal.aborted && refusals < MAX_REFUSALS) {
      attempt += 1
      const delayMs = this.#backoff.next()
      this.#events.reconnecting({ attempt, delayMs })
      try {
        await pause(delayMs, undefined, { signal })
        await this.#establish(signal)
        clearTimeout(giveUp)
        this.#events.reconnect({ attempts: attempt, downMs: performance.now() - lostAt })
        for (const { resolve } of [...this.#waiters]) resolve()
        return
      } catch (error) {
        if (!signal.aborted) failure = error
        refusals = isRefusal(error) ? refusals + 1 : 0
      }
    }
    clearTimeout(giveUp)
    this.#gaveUp(failure)
  }

  #gaveUp(cause: unknown): void {
    if (this.#end !== undefined) return
    const error =
      isRefusal(cause) && ConnectionError.is(cause)
        ? cause
        : this.#ending('ERR_FAKESSH_CONNECT_FAILED', 'the server could not be reached again in time', cause)
    this.#stopTrying(error)
    this.#events.disconnect({ error, willReconnect: false })
  }

  /** Nobody waits any longer: the first reason counts. */
  #stopTrying(error: ConnectionError): void {
    this.#end ??= error
    for (const { reject } of [...this.#waiters]) reject(this.#end)
  }

  #ending(code: string, message: string, cause?: unknown): ConnectionError {
    return new ConnectionError(code, message, { op: 'connect', host: this.#connection?.peerLabel, cause })
  }
}

function isRefusal(error: unknown): boolean {
  return FakeSshError.is(error) && REFUSALS.has(error.code)
}
