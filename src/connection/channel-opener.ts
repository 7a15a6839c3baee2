/** What operations open their channels on: one connection, or a client whose connections follow each other. */
import type { Channel, ChannelHandler } from './channel-handler.js'

/** How an operation goes on after the connection it ran on was lost. */
export interface Recovery {
  /** True for a failure that the end of a connection explains, while another connection is or will be tried. */
  isRecoverable(error: unknown): boolean
  /** Settles once a connection is open, at once if one is. Rejects with `signal.reason`, or with why no other one will be tried. */
  whenOpen(signal?: AbortSignal): Promise<void>
  /** `instance` of the server that the open connection leads to, or the last one did; undefined when it does not say. */
  readonly instance: string | undefined
}

export interface ChannelOpener {
  /**
   * Opens a channel, or queues the OPEN while as many are open as the peer allows. `windows[i]`: bytes the caller is ready to receive
   * on stream `i`. Every outcome reaches the handler.
   */
  open(kind: string, params: object, windows: readonly number[], handler: ChannelHandler): Channel
  /** Absent: the end of the connection is the end. */
  readonly recovery?: Recovery | undefined
}
