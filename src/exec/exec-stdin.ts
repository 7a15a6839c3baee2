/**
 * stdin of a remote command at the client: holds writes until the command has started, and keeps a write that failed because the
 * command ended from destroying the stream before its stdout has been read.
 */
import type { Channel } from '../connection/channel-handler.js'
import { Outbound } from '../streams/outbound.js'
import { STDIN } from './messages.js'

type Callback = (error?: Error | null) => void

export class ExecStdin {
  #state: 'starting' | 'open' | 'ended' | 'released' = 'starting'
  #outbound: Outbound | undefined
  /** The one operation Node has under way, while it waits for the start. */
  #waiting: (() => void) | undefined
  /** Its callback, once the bytes can no longer arrive. */
  #held: Callback | undefined
  #error: (() => Error) | undefined

  /** The command runs and takes input. */
  open(channel: Channel): void {
    if (this.#state !== 'starting') return
    this.#state = 'open'
    this.#outbound = new Outbound(channel, STDIN)
    this.#waiting?.()
    this.#waiting = undefined
  }

  /** For `_write`. */
  write(chunk: Uint8Array, callback: Callback): void {
    this.#run(callback, (outbound, taken) => outbound.write(chunk, taken))
  }

  /** For `_writev`. */
  writev(chunks: readonly { readonly chunk: Uint8Array }[], callback: Callback): void {
    this.#run(callback, (outbound, taken) => outbound.writev(chunks, taken))
  }

  /** For `_final`. The input of a command that has ended can be ended: nothing is lost by it. */
  final(callback: Callback): void {
    if (this.#state === 'starting') this.#waiting = () => this.final(callback)
    else {
      if (this.#state === 'open') this.#outbound?.end()
      process.nextTick(callback)
    }
  }

  /** The command has ended: writes wait for `release`. */
  onCommandEnded(): void {
    if (this.#state !== 'released') this.#state = 'ended'
  }

  /** True when a write waits that can no longer arrive. */
  get isHolding(): boolean {
    return this.#held !== undefined
  }

  /** Fails the write that waits, and any later one. */
  release(error: () => Error): void {
    this.#state = 'released'
    this.#error = error
    this.#waiting?.()
    this.#waiting = undefined
    const held = this.#held
    this.#held = undefined
    held?.(error())
  }

  #run(callback: Callback, send: (outbound: Outbound, taken: Callback) => void): void {
    if (this.#state === 'starting') this.#waiting = () => this.#run(callback, send)
    else if (this.#state === 'open' && this.#outbound !== undefined) {
      send(this.#outbound, (error) => {
        if (error === null || error === undefined) callback()
        else this.#hold(callback)
      })
    } else this.#hold(callback)
  }

  #hold(callback: Callback): void {
    if (this.#state === 'released') process.nextTick(callback, this.#error?.())
    else this.#held = callback
  }
}

/** As the operating system says it to a local process that writes to one that has ended. */
export function brokenPipe(command: string): Error {
  const message = `EPIPE: '${command}' has ended and reads no more input`
  return Object.assign(new Error(message), { code: 'EPIPE', syscall: 'write' })
}
