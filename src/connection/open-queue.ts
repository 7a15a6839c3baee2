/** OPENs that wait because as many channels are open as the peer allows. First come, first served; nothing fails for being the 201st. */
import type { LiveChannel } from './live-channel.js'

interface WaitingOpen {
  readonly channel: LiveChannel
  /** False when the OPEN could not be sent after all: it then takes no slot. */
  readonly send: () => boolean
}

export class OpenQueue {
  readonly #waiting: WaitingOpen[] = []
  #inUse = 0

  /** Channels of ours that hold a slot. */
  get inUse(): number {
    return this.#inUse
  }

  get length(): number {
    return this.#waiting.length
  }

  /** Runs `send` as soon as fewer than `limit` slots are in use. */
  add(channel: LiveChannel, limit: number, send: () => boolean): void {
    this.#waiting.push({ channel, send })
    this.pump(limit)
  }

  /** A channel of ours is gone from both sides. */
  release(limit: number): void {
    this.#inUse -= 1
    this.pump(limit)
  }

  pump(limit: number): void {
    while (this.#inUse < limit) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      if (next.send()) this.#inUse += 1
    }
  }

  /** Takes a channel out again; false when it is not waiting. */
  remove(channel: LiveChannel): boolean {
    const index = this.#waiting.findIndex((waiting) => waiting.channel === channel)
    if (index >= 0) this.#waiting.splice(index, 1)
    return index >= 0
  }

  /** Empties the queue and gives what waited. */
  drain(): LiveChannel[] {
    return this.#waiting.splice(0).map(({ channel }) => channel)
  }
}
