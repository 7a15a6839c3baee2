/** What Ctrl-C and signals do to what is running. */
import type { ExecProcess } from 'fake-ssh'
import { Interruption } from './failure.js'

export type Interrupt = (signal: NodeJS.Signals) => void

/** Hands SIGINT and SIGTERM to a listener, until the function it returns is called. */
export function onSignals(listener: Interrupt): () => void {
  process.on('SIGINT', listener)
  process.on('SIGTERM', listener)
  return () => {
    process.off('SIGINT', listener)
    process.off('SIGTERM', listener)
  }
}

/**
 * For a remote command: it gets the signal itself, as it would from a terminal. One that shrugs off the first gets SIGTERM, and
 * SIGKILL five seconds later.
 */
export function interruptCommand(command: ExecProcess): Interrupt {
  let isFirst = true
  return (signal) => {
    // Whether there still was something to signal makes no difference here.
    command.kill(isFirst ? signal : 'SIGTERM').catch(() => {})
    isFirst = false
  }
}

/** For a transfer: it is cancelled, and leaves nothing behind. */
export function interruptTransfer(controller: AbortController): Interrupt {
  return (signal) => controller.abort(new Interruption(signal))
}
