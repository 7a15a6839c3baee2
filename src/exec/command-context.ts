/** In-process commands: functions of the server that clients run like programs. */
import type { Readable, Writable } from 'node:stream'
import { invalidArgument } from '../errors.js'
import type { Environment } from './environment.js'

/** What an in-process command is given. @public */
export interface CommandContext {
  /** As the client gave them; nothing has been split or expanded. */
  readonly args: readonly string[]
  /** What the client writes, with backpressure. Need not be read. */
  readonly stdin: Readable
  /** Wait for 'drain' when `write` returns false: what is written faster than the client reads is kept in memory. */
  readonly stdout: Writable
  /** As `stdout`. */
  readonly stderr: Writable
  /**
   * Aborted when the client kills the command, cancels it, or is lost. The command should end then; one that does not is
   * given up after a grace time, and what it writes from then on goes nowhere.
   */
  readonly signal: AbortSignal
  /** The base environment of the server with the client's variables. Not `process.env`. */
  readonly env: { readonly [name: string]: string }
  /** The directory on the server, which exists. */
  readonly cwd: string
  /** Name of the authenticated user. */
  readonly user: string
}

/**
 * An in-process command. Returns its exit code, 0 to 255; nothing means 0. Anything else, or a throw, is exit code 1
 * with a line on stderr that holds the error's message and no stack.
 *
 * @public
 */
export type CommandHandler = (context: CommandContext) => CommandReturn | Promise<CommandReturn>

/** The exit code of an in-process command, or nothing. @public */
// biome-ignore lint/suspicious/noConfusingVoidType: an async function without a return statement is a valid command
export type CommandReturn = number | undefined | void

/** In-process commands by name. */
export type CommandTable = ReadonlyMap<string, CommandHandler>

/** The `commands` option, checked. Throws `ERR_FAKESSH_INVALID_ARG`. */
export function commandTable(commands: { readonly [name: string]: CommandHandler } = {}): CommandTable {
  if (typeof commands !== 'object' || commands === null)
    throw invalidArgument('commands', 'an object', commands)
  const table = new Map(Object.entries(commands))
  for (const [name, handler] of table) {
    if (name === '' || name.includes('\0'))
      throw invalidArgument('commands', 'non-empty names without NUL', name)
    if (typeof handler !== 'function') throw invalidArgument(`commands['${name}']`, 'a function', handler)
  }
  return table
}

/** What a {@link CommandContext} is made of besides the streams. */
export type CommandCall = Pick<CommandContext, 'args' | 'cwd' | 'user'> & {
  readonly name: string
  readonly handler: CommandHandler
  readonly env: Environment
}
