/** The arguments of `exec` and `run`: told apart, checked, and put into the form of an OPEN. */
import { invalidArgument } from '../errors.js'
import type { JsonObject } from '../protocol/messages.js'
import { boundsOf, type ExecOptions, placeParams, requireFits, requireText } from './exec-options.js'

/** Either a command line, or a program and its arguments; then options. */
export type ExecArguments<Options = ExecOptions> =
  | readonly [command: string, options?: Options | undefined]
  | readonly [file: string, args: readonly string[], options?: Options | undefined]

/** One exec as it will be asked for. */
export interface ExecCall {
  /** For messages and results: the command line, or the words of the call as a shell would need them. */
  readonly command: string
  readonly params: JsonObject
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number | undefined
}

/** The command of a call, and its options apart from it. Throws `ERR_FAKESSH_INVALID_ARG`. */
export function splitExecArguments<Options extends object = ExecOptions>(args: ExecArguments<Options>) {
  const [command, second, third] = args
  requireText('exec', command)
  if (command === '') throw invalidArgument('exec', 'a command', command)
  if (!Array.isArray(second)) return { command, words: undefined, options: optionsOf<Options>(second) }
  for (const [index, word] of second.entries()) requireText(`args[${index}]`, word)
  return { command, words: second as readonly string[], options: optionsOf<Options>(third) }
}

function optionsOf<Options extends object>(options: unknown): Partial<Options> {
  if (options === undefined) return {}
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument('exec', 'an array of arguments or an object of options', options)
  }
  return options as Partial<Options>
}

/**
 * Checks a call and builds its params.
 *
 * Throws `ERR_FAKESSH_INVALID_ARG`, or `ERR_FAKESSH_LIMIT` when command and environment do not fit in one frame.
 *
 * @param session - channel id of the session it belongs to
 */
export function parseExecArguments(args: ExecArguments, session?: number): ExecCall {
  const { command, words, options } = splitExecArguments(args)
  const { strictEnv } = options
  if (strictEnv !== undefined && typeof strictEnv !== 'boolean') {
    throw invalidArgument('strictEnv', 'a boolean', strictEnv)
  }
  const params = {
    ...(words === undefined ? { command } : { file: command, args: words }),
    ...placeParams(options),
    ...(strictEnv === undefined ? {} : { strictEnv }),
    ...(session === undefined ? {} : { session }),
  }
  requireFits(params, 'exec')
  const shown = words === undefined ? command : [command, ...words].map(quoteWord).join(' ')
  return { command: shown, params, ...boundsOf(options) }
}

/** For people: shows where each argument begins and ends. Nothing parses it. */
function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
