/** The arguments of `exec` and `run`: told apart, checked, and put into the form of an OPEN. */
import { randomBytes } from 'node:crypto'
import { newHolder } from '../connection/attempt.js'
import { invalidArgument } from '../errors.js'
import type { JsonObject } from '../protocol/messages.js'
import {
  type AttachOptions,
  boundsOf,
  type ExecOptions,
  placeParams,
  requireFits,
  requireText,
} from './exec-options.js'
import type { DurableCall } from './jobs/durable-channel.js'
import { shownCommand } from './shown-command.js'

/** 256 bits: nobody finds a job by guessing. */
const JOB_ID_BYTES = 32

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
  /** Of a durable exec: which job, and how it is asked for. */
  readonly durable?: DurableCall | undefined
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
  const { strictEnv, durable = false } = options
  if (strictEnv !== undefined && typeof strictEnv !== 'boolean') {
    throw invalidArgument('strictEnv', 'a boolean', strictEnv)
  }
  if (typeof durable !== 'boolean') throw invalidArgument('durable', 'a boolean', durable)
  if (durable && session !== undefined) throw invalidArgument('durable', 'false in a session', 'true')
  const job = durable
    ? { id: randomBytes(JOB_ID_BYTES).toString('hex'), holder: newHolder(), stdout: 0, stderr: 0 }
    : undefined
  const params = {
    ...(words === undefined ? { command } : { file: command, args: words }),
    ...placeParams(options),
    ...(strictEnv === undefined ? {} : { strictEnv }),
    ...(session === undefined ? {} : { session }),
  }
  // With the longest that can be said of the job.
  requireFits({ ...params, job: job && { ...job, attempt: Number.MAX_SAFE_INTEGER, again: false } }, 'exec')
  return {
    command: shownCommand(command, words),
    params,
    ...boundsOf(options),
    durable: job && { kind: 'exec', params, job },
  }
}

/** Checks a call of `attach` and builds its params. Throws `ERR_FAKESSH_INVALID_ARG`. */
export function parseAttachArguments(id: string, options: AttachOptions = {}): ExecCall {
  if (typeof options !== 'object' || options === null)
    throw invalidArgument('attach', 'an object of options', options)
  requireJobId('attach', id)
  const { stdout = 0, stderr = 0 } = options
  requireOffset('stdout', stdout)
  requireOffset('stderr', stderr)
  const holder = newHolder()
  const job = { id, holder, stdout, stderr }
  const params = { job: id, holder, stdout, stderr }
  // Until the server has said what it runs.
  const command = `job ${id.slice(0, 8)}`
  return { command, params, ...boundsOf(options), durable: { kind: 'attach', params, job } }
}

/** Throws `ERR_FAKESSH_INVALID_ARG`. The id is not shown: whoever has it may have the job. */
export function requireJobId(where: string, id: unknown): asserts id is string {
  if (typeof id !== 'string' || !/^[0-9a-f]{64}$/.test(id))
    throw invalidArgument(
      where,
      'the id of a job, 64 hex digits',
      typeof id === 'string' ? 'another text' : id,
    )
}

function requireOffset(where: string, offset: unknown): void {
  if (!Number.isSafeInteger(offset) || (offset as number) < 0)
    throw invalidArgument(`attach ${where}`, 'an offset in bytes, 0 or more', offset)
}
