/** An OPEN from the peer until it is decided. */
import type { JsonObject } from '../protocol/messages.js'
import type { Channel, ChannelHandler, IncomingOpen } from './channel-handler.js'
import type { ChannelHost, LiveChannel } from './live-channel.js'

export class PendingOpen implements IncomingOpen {
  readonly params: JsonObject
  readonly #host: ChannelHost
  readonly #channel: LiveChannel
  readonly #gone = new AbortController()

  constructor(host: ChannelHost, channel: LiveChannel, params: JsonObject) {
    this.#host = host
    this.#channel = channel
    this.params = params
    channel.onGoneWhilePending = () => this.#gone.abort()
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
    this.#host.core.acceptChannel(this.#channel.id, info, windows)
    this.#channel.attach(handler)
    this.#host.schedule()
  }

  reject(code: string, message: string): void {
    this.#host.core.rejectChannel(this.#channel.id, code, message)
    // Where the peer gave up first, this is the CLOSE that answers its own; else there is only something to forget.
    this.#channel.refused()
  }
}
