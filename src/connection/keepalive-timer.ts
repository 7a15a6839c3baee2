/** Runs a Keepalive on a real timer. The timer never keeps the process alive by itself. */
import { Keepalive } from '../protocol/keepalive.js'

export interface KeepaliveActions {
  ping(): void
  dead(): void
}

export class KeepaliveTimer {
  readonly #keepalive: Keepalive
  readonly #actions: KeepaliveActions
  #timer: NodeJS.Timeout | undefined

  constructor(intervalMs: number, actions: KeepaliveActions) {
    this.#keepalive = new Keepalive(intervalMs, performance.now())
    this.#actions = actions
    this.#arm()
  }

  onReceived(): void {
    this.#keepalive.onReceived(performance.now())
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(): void {
    this.#timer = setTimeout(() => this.#tick(), this.#keepalive.dueMs(performance.now()))
    this.#timer.unref()
  }

  #tick(): void {
    const verdict = this.#keepalive.onTick(performance.now())
    if (verdict === 'dead') {
      this.stop()
      this.#actions.dead()
      return
    }
    if (verdict === 'ping') this.#actions.ping()
    this.#arm()
  }
}
