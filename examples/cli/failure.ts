/** Failures, as one clear line for people and an exit code for scripts. */
import { escapeText } from 'fake-ssh'
import { EXIT_FAILED, EXIT_USAGE, signalExitCode } from './exit-codes.js'

/** The command line, or a line at the prompt, makes no sense. */
export class UsageError extends Error {}

/** What an operation fails with when Ctrl-C, or a signal, ended it. */
export class Interruption extends Error {
  readonly signal: NodeJS.Signals

  constructor(signal: NodeJS.Signals) {
    super('interrupted')
    this.signal = signal
  }
}

/** Tells about a failure on stderr; returns the exit code for it. */
export function reportFailure(error: unknown): number {
  process.stderr.write(`fakessh: ${failureLine(error)}\n`)
  if (error instanceof Interruption) return signalExitCode(error.signal)
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED
}

/** Code and message. Both may come from the server, so what could play tricks on a terminal is escaped. */
export function failureLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  const isNamed = code === undefined || message.startsWith(`${code}:`)
  return escapeText(isNamed ? message : `${code}: ${message}`)
}
