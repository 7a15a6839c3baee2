/** Options of `exec` and `session`: what they mean, and that they are what they should be. */
import { FakeSshError, invalidArgument } from '../errors.js'
import { MAX_TIMEOUT_MS, type OperationOptions } from '../options.js'
import { CONTROL_PAYLOAD_BYTES } from '../protocol/constants.js'
import type { JsonObject } from '../protocol/messages.js'
import { isWritableText } from './text-check.js'

/** Options of `session`. `signal` and `timeoutMs` bound the opening. @public */
export interface SessionOptions extends OperationOptions {
  /** Directory to run in: a path in the user's root, where `/` is the root itself. Default: the root. It must exist. */
  readonly cwd?: string | undefined
  /**
   * Variables added to the server's base environment. The server refuses names that change which code runs, such as `PATH`
   * or `LD_PRELOAD`, unless it allows them for the user, and with `{ allow }` all but a few; what it refused is in `refusedEnv`. Undefined values are left out.
   */
  readonly env?: { readonly [name: string]: string | undefined } | undefined
}

/** Options of `exec`. @public */
export interface ExecOptions extends SessionOptions {
  /** Fail with `ERR_FAKESSH_ENV_REFUSED` instead of running without a variable that was refused. Default false. */
  readonly strictEnv?: boolean | undefined
  /**
   * Makes the command a job of the server, which outlives the connection: see {@link ExecProcess.jobId}. Not in a session. Default false.
   */
  readonly durable?: boolean | undefined
}

/** Options of `attach`. `signal` and `timeoutMs` end the job, as they end any exec. @public */
export interface AttachOptions extends OperationOptions {
  /** Offset of the first byte of stdout that is wanted, as `ExecProcess.offsets` gave it. Default 0: all that the server has kept. */
  readonly stdout?: number | undefined
  /** As `stdout`. */
  readonly stderr?: number | undefined
}

/** Room that the rest of an OPEN needs besides its params. */
const OPEN_OVERHEAD_BYTES = 256

/** The params that `exec` and `session` share. Throws `ERR_FAKESSH_INVALID_ARG`. */
export function placeParams({ cwd, env }: SessionOptions): JsonObject {
  if (cwd !== undefined) requireText('cwd', cwd)
  if (cwd === '') throw invalidArgument('cwd', 'a path', cwd)
  return {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env: requireEnvironment(env) }),
  }
}

/** `signal` and `timeoutMs`, checked. Throws `ERR_FAKESSH_INVALID_ARG`. */
export function boundsOf(options: OperationOptions): {
  signal: AbortSignal | undefined
  timeoutMs: number | undefined
} {
  const { signal, timeoutMs } = options
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalidArgument('signal', 'an AbortSignal', signal)
  if (
    timeoutMs !== undefined &&
    !(Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS)
  ) {
    throw invalidArgument('timeoutMs', `an integer from 1 to ${MAX_TIMEOUT_MS}`, timeoutMs)
  }
  return { signal, timeoutMs }
}

/** Throws `ERR_FAKESSH_INVALID_ARG` for what the operating system could not be given as it is. */
export function requireText(where: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidArgument(where, 'a string', value)
  if (!isWritableText(value)) throw invalidArgument(where, 'text without NUL and lone surrogates', value)
}

/** Throws `ERR_FAKESSH_LIMIT` when the params are larger than a frame, which would end the connection. */
export function requireFits(params: JsonObject, op: string): void {
  const bytes = Buffer.byteLength(JSON.stringify(params))
  const limit = CONTROL_PAYLOAD_BYTES - OPEN_OVERHEAD_BYTES
  if (bytes <= limit) return
  const message = `${op}: the command and its environment take ${bytes} bytes, more than the ${limit} that fit in one frame`
  throw new FakeSshError('ERR_FAKESSH_LIMIT', message, { op })
}

function requireEnvironment(env: unknown): { readonly [name: string]: string } {
  if (typeof env !== 'object' || env === null || Array.isArray(env))
    throw invalidArgument('env', 'an object', env)
  // Without a prototype, so that a variable may be called `__proto__`.
  const checked: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue
    requireText('env', name)
    requireText(`env['${name}']`, value)
    checked[name] = value
  }
  return checked
}
