/** What it takes to start a program, and what is had of one that runs, whoever started it. */
import type { Readable, Writable } from 'node:stream'
import type { Environment } from '../environment.js'

export interface ProgramStart {
  readonly file: string
  readonly args: readonly string[]
  /** What the program sees as its own name; default `file`. */
  readonly name?: string | undefined
  readonly cwd: string
  readonly env: Environment
  /** Gives the program a pipe to us at {@link STATE_FD}. */
  readonly hasStatePipe?: boolean | undefined
  /** Windows: the arguments are joined as they are, without quotes. */
  readonly isVerbatim?: boolean | undefined
}

/** The file descriptor of the extra pipe. */
export const STATE_FD = 3

/** How a program ended: exactly one of the two is not null. */
export interface ProgramExit {
  readonly exitCode: number | null
  readonly signal: string | null
}

/** A program that runs, at the head of a process group of its own where the platform has groups. */
export interface Program {
  readonly pid: number
  /** Destroyed when the program has ended. */
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** What the program writes to {@link STATE_FD}, where that was asked for. */
  readonly state: Readable | undefined
  /** Rejects when that can no longer be learned. Somebody listens already, so that it may be left alone. */
  readonly exited: Promise<ProgramExit>
  /** Where the platform has no groups: signals the program alone; 0 only asks whether it runs. False when it does not. */
  signalAlone?(signal: NodeJS.Signals | 0): boolean
}
