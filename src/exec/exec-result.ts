/** What an exec ends in: a result that the server proved, or an error with the same facts. */
import { ExecError, type ExecErrorFacts } from '../errors.js'
import { escapeText } from '../escape.js'
import type { OutputGap } from './output-gap.js'

/** How a command ended, as the server reported it. A non-zero exit code is a result, not an error. @public */
export interface ExecResult {
  /** The command as the caller wrote it. */
  readonly command: string
  /** Null exactly when a signal ended the command. */
  readonly exitCode: number | null
  /** `SIGTERM`, …, or null when the command exited by itself. */
  readonly signal: string | null
  /** From the call of `exec` to the arrival of the exit, in milliseconds. */
  readonly durationMs: number
  /** Bytes of stdin that the command's input took. */
  readonly stdinBytes: number
  /** Bytes that arrived, read or not. */
  readonly stdoutBytes: number
  /** Bytes that arrived, read or not. */
  readonly stderrBytes: number
  /** True when stdout was thrown away because nobody read it; see {@link ExecProcess}. */
  readonly stdoutDiscarded: boolean
  /** True when stderr was thrown away because nobody read it; see {@link ExecProcess}. */
  readonly stderrDiscarded: boolean
  /**
   * True when a process that the command left behind still held an output open. What such a process writes more than 250 ms
   * after the last output, 2,000 ms after the command's end, or after 16 MiB is not part of the result.
   */
  readonly stdioLeaked: boolean
  /** Of a durable exec: what the server had to drop of its output, in the order it was told. Otherwise empty. */
  readonly gaps: readonly OutputGap[]
  /** Names of variables that the server refused to set. */
  readonly refusedEnv: readonly string[]
  /** The directory the command ran in; for a command line of a session, the one it ended in. */
  readonly cwd: string
  /** Always false; an exec that ran out of time rejects with an error in which it is true. */
  readonly timedOut: false
}

/** The error for an exec that was not proved to have ended, with what is known. */
export function execFailure(
  code: string,
  reason: string,
  facts: ExecErrorFacts,
  details: { readonly host?: string | undefined; readonly cause?: unknown } = {},
): ExecError {
  return new ExecError(code, `exec '${escapeText(facts.command)}': ${reason}`, facts, details)
}
