/** What the program exits with. A remote command's own exit code passes through, so only few are ours. */
import { constants } from 'node:os'
import type { ExecResult } from 'fake-ssh'

/** Something failed that is not the remote command's doing: no connection, a refusal, a transfer. The same as ssh's. */
export const EXIT_FAILED = 255

/** The command line makes no sense. */
export const EXIT_USAGE = 2

/** As shells do it: 128 and the number of the signal that ended a command. */
export function exitCodeOf({ exitCode, signal }: Pick<ExecResult, 'exitCode' | 'signal'>): number {
  return exitCode ?? signalExitCode(signal ?? '')
}

export function signalExitCode(signal: string): number {
  return 128 + (constants.signals[signal as NodeJS.Signals] ?? 0)
}
