/** An OPEN from the peer until it is decided. */
import type { FakeSshError } from '../errors.js'
import type { JsonObject } from '../protocol/messages.js'
import type { Channel, ChannelHandler, IncomingOpen } from './channel-handler.js'
import type { ChannelHost, LiveChannel } from './live-channel.js'

export class PendingOpen implements IncomingOpen {
  readonly params: JsonObject
  readonly #host: ChannelHost
  readonly #channel: LiveChannel
  readonly #gone = new AbortController()
  /** How it ended before it was decided. */
  #ending: { readonly error: FakeSshError | undefined } | undefined

  constructor(host: ChannelHost, channel: LiveChannel, params: JsonObject) {
    this.#host = host
    this.#channel = channel
    this.params = params
    channel.onGoneWhilePending = (error) => {
      this.#ending = { error }
      this.#gone.abort()
    }
  }

  get channel(): Channel {
    return this.#channel
  }

  get kind(): string {
    return this.#channel.kind
  }

  get signal(): AbortSignal {
    return this.#gone.signal
  }

  accept(info: JsonObject, windows: readonly number[], handler: ChannelHandler): void {
    this.#channel.attach(handler)
    const ending = this.#ending
    if (ending !== undefined) {
      // The caller still sets up; it hears of the end afterwards, as it would have a moment later.
      queueMicrotask(() => handler.onClosed(ending.error))
      return
    }
    this.#host.core.acceptChannel(this.#channel.id, info, windows)
    this.#host.schedule()
  }

  reject(code: string, message: string): void {
    if (this.#ending !== undefined) {
      this.#channel.close()
      return
    }
    this.#host.core.rejectChannel(this.#channel.id, code, message)
    this.#host.schedule()
    this.#host.forget(this.#channel)
  }
}
