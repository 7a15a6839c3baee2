/** Runs a command to its end and collects its output. */
import { pipeline, Readable } from 'node:stream'
import { ExecError, invalidArgument } from '../errors.js'
import { type ExecArguments, splitExecArguments } from './exec-arguments.js'
import type { ExecOptions } from './exec-options.js'
import type { ExecProcess } from './exec-process.js'
import { type ExecResult, execFailure } from './exec-result.js'
import { OutputCollector } from './output-collector.js'

/** Options of `run`. @public */
export interface RunOptions extends ExecOptions {
  /** What the command reads as stdin. Default: nothing, so that it sees the end of its input at once. */
  readonly input?: string | Uint8Array | Readable | undefined
  /** `'utf8'` (default) for strings, `'buffer'` for bytes. */
  readonly encoding?: 'utf8' | 'buffer' | undefined
  /** Most bytes kept of stdout and of stderr each; what is over is dropped. Default 10,485,760 (10 MiB). */
  readonly maxBuffer?: number | undefined
  /** Reject when the command exits with a non-zero code or by a signal. Default true. */
  readonly reject?: boolean | undefined
}

/** What `run` resolves with. @public */
export interface RunResult<Output extends string | Buffer = string> extends ExecResult {
  /** What was collected: text or bytes, as `encoding` says; at most `maxBuffer` bytes. */
  readonly stdout: Output
  /** As `stdout`. */
  readonly stderr: Output
  /** True when `maxBuffer` cut stdout or stderr. */
  readonly truncated: boolean
}

/** Options that make `run` collect bytes. @public */
export type RunBufferOptions = RunOptions & { readonly encoding: 'buffer' }

/** Options that make `run` collect text. @public */
export type RunTextOptions = RunOptions & { readonly encoding?: 'utf8' | undefined }

const DEFAULT_MAX_BUFFER_BYTES = 10_485_760

/**
 * Runs a command that `exec` starts. Rejects as `ExecProcess.result` does, and with `ERR_FAKESSH_EXIT` on failure of the
 * command itself; an `ExecError` carries what was collected. Throws what `exec` throws for bad arguments.
 */
export async function run(
  exec: (...args: ExecArguments) => ExecProcess,
  args: ExecArguments<RunOptions>,
): Promise<RunResult<string> | RunResult<Buffer>> {
  const { command, words, options } = splitExecArguments<RunOptions>(args)
  const {
    input,
    encoding = 'utf8',
    maxBuffer = DEFAULT_MAX_BUFFER_BYTES,
    reject = true,
    ...execOptions
  } = options
  requireInput(input)
  if (encoding !== 'utf8' && encoding !== 'buffer')
    throw invalidArgument('encoding', "'utf8' or 'buffer'", encoding)
  if (!Number.isSafeInteger(maxBuffer) || maxBuffer < 0)
    throw invalidArgument('maxBuffer', 'bytes, 0 or more', maxBuffer)
  if (typeof reject !== 'boolean') throw invalidArgument('reject', 'a boolean', reject)

  const process = words === undefined ? exec(command, execOptions) : exec(command, words, execOptions)
  const stdout = new OutputCollector(process, maxBuffer)
  const stderr = new OutputCollector(process.stderr, maxBuffer)
  const collected = () => ({
    stdout: encoding === 'utf8' ? stdout.text : stdout.bytes,
    stderr: encoding === 'utf8' ? stderr.text : stderr.bytes,
    truncated: stdout.isTruncated || stderr.isTruncated,
  })
  feed(process, input)
  try {
    const result = await process.result
    await Promise.all([stdout.ended, stderr.ended])
    const whole = { ...result, ...collected() }
    if (reject && result.exitCode !== 0) throw execFailure('ERR_FAKESSH_EXIT', endedHow(result), whole)
    return whole as RunResult<string> | RunResult<Buffer>
  } catch (error) {
    // An aborted run rejects with the signal's own reason, as it is.
    if (!(error instanceof ExecError) || error.stdout !== undefined) throw error
    throw withOutput(error, collected())
  } finally {
    if (input instanceof Readable) input.destroy()
  }
}

function requireInput(input: unknown): void {
  const isInput =
    input === undefined ||
    typeof input === 'string' ||
    input instanceof Uint8Array ||
    input instanceof Readable
  if (!isInput) throw invalidArgument('input', 'a string, a Uint8Array or a Readable', input)
}

/** A command may end without having read its input; that is no failure, so what becomes of stdin is not waited for. */
function feed(process: ExecProcess, input: RunOptions['input']): void {
  if (input instanceof Readable) pipeline(input, process, () => {})
  else if (input === undefined) process.end()
  else process.end(input)
}

function endedHow({ exitCode, signal }: ExecResult): string {
  return signal === null ? `exited with code ${exitCode}` : `was ended by ${signal}`
}

function withOutput(
  error: ExecError,
  output: Pick<RunResult<string | Buffer>, 'stdout' | 'stderr' | 'truncated'>,
) {
  const { command, exitCode, signal, stdoutBytes, stderrBytes, durationMs, timedOut, host, cause } = error
  const facts = { command, exitCode, signal, stdoutBytes, stderrBytes, durationMs, timedOut, ...output }
  return new ExecError(error.code, error.message, facts, { host, cause })
}
