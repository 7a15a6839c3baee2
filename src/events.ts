/** Typed events for the client and the server. */
import { EventEmitter } from 'eventemitter3'

/** What the emitter underneath takes; which listener fits which event is checked above it. */
type AnyListener = Parameters<EventEmitter['on']>[1]

/**
 * Something that emits typed events. An event is never the only carrier of a failure: promises and streams carry it too, so a
 * source nobody listens to loses nothing and throws nothing. Node's `events.once()` works with it, though its TypeScript types ask for a
 * whole `EventEmitter`: cast there.
 *
 * @public
 */
export abstract class TypedEventSource<
  Events extends { [Name in keyof Events]: (...args: never[]) => void },
> {
  readonly #emitter = new EventEmitter()

  /** Calls the listener each time. */
  on<Name extends keyof Events & string>(event: Name, listener: Events[Name]): this {
    this.#emitter.on(event, listener as unknown as AnyListener)
    return this
  }

  /** Calls the listener the next time only. */
  once<Name extends keyof Events & string>(event: Name, listener: Events[Name]): this {
    this.#emitter.once(event, listener as unknown as AnyListener)
    return this
  }

  /** Removes a listener that `on` or `once` added. */
  off<Name extends keyof Events & string>(event: Name, listener: Events[Name]): this {
    this.#emitter.off(event, listener as unknown as AnyListener)
    return this
  }

  /** How many listeners an event has. */
  listenerCount<Name extends keyof Events & string>(event: Name): number {
    return this.#emitter.listenerCount(event)
  }

  /**
   * Calls the listeners in order. When one throws, the rest are not called, as with Node's emitters, but whoever emitted goes on: the
   * error is thrown again from a fresh turn, where it is the application's own uncaught exception.
   */
  protected emit<Name extends keyof Events & string>(event: Name, ...args: Parameters<Events[Name]>): void {
    try {
      this.#emitter.emit(event, ...args)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}
