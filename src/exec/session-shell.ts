/** Runs a command line for a session, and learns in which directory and with which exported variables it ended. */
import type { Readable } from 'node:stream'
import { setImmediate as afterPoll } from 'node:timers/promises'
import { type Environment, SHELL_LEVEL } from './environment.js'
import { STATE_FD } from './spawn/program.js'

/**
 * The shell source around every command line of a session; the command line itself is its first argument.
 *
 * - The EXIT trap runs also after `exit`, a failed `set -e`, or a syntax error, and leaves the exit code as it is. A
 *   shell that is killed, replaced by `exec`, or given another EXIT trap reports nothing, and the state stays as it was.
 * - The pipe is moved out of the way of scripts, which use descriptor 3 most. Background processes inherit it, so
 *   its end is never waited for: the word `end` says that the report is complete.
 * - `env` is named by path because the command may have changed PATH.
 * - `shift` comes first so that the command sees no arguments, as with `sh -c`.
 */
const WRAPPER = `exec 8>&${STATE_FD} ${STATE_FD}>&-
trap '{ command pwd -P && printf "\\0" && /usr/bin/env -0 && printf "end\\0"; } 2>/dev/null >&8' EXIT
eval "shift;$1"`

const END = Buffer.from('\0end\0')

/** Most a report may hold; Linux allows an environment of 2 MiB at most, and usual ones have 4 KiB. */
const MAX_REPORT_BYTES = 1_048_576

/** No directory has a longer path (PATH_MAX of Linux, in bytes); a command can write anything in place of the report. */
const MAX_CWD_BYTES = 4_096

/** Variables the shell sets anew for each command. OLDPWD is not among them: `cd -` works across commands. */
const SHELL_OWNED = new Set(['PWD', 'SHLVL', '_'])

/** Where the commands of a session run. */
export interface SessionState {
  /** A directory of the server, not as clients write it. */
  readonly cwd: string
  readonly env: Environment
}

/** Arguments that make a POSIX shell run one command line and report the state it ended in. */
export function sessionShellArguments(command: string): string[] {
  return ['-c', WRAPPER, 'sh', command]
}

/** Reads the report of one shell. */
export class StateReport {
  readonly #pipe: Readable
  readonly #chunks: Buffer[] = []
  readonly #complete: Promise<void>
  #bytes = 0

  constructor(pipe: Readable) {
    this.#pipe = pipe
    this.#complete = new Promise((resolve) => {
      // Reading goes on above the limit, or the shell would wait for room for ever and never end.
      pipe.on('data', (chunk: Buffer) => {
        this.#bytes += chunk.length
        if (this.#bytes <= MAX_REPORT_BYTES) this.#chunks.push(chunk)
        if (this.#isComplete()) resolve()
      })
      for (const event of ['end', 'close', 'error']) pipe.on(event, () => resolve())
    })
  }

  /**
   * The state, once the shell has ended; undefined when it reported none. Waits for what is still in the pipe, at
   * most `limitMs`.
   */
  async finish(limitMs: number): Promise<SessionState | undefined> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs)
    })
    await Promise.race([this.#complete, late])
    await afterPoll()
    clearTimeout(timer)
    this.#pipe.destroy()
    return this.#isComplete() ? parseReport(Buffer.concat(this.#chunks)) : undefined
  }

  /** Gives up. */
  discard(): void {
    this.#pipe.destroy()
  }

  #isComplete(): boolean {
    if (this.#bytes > MAX_REPORT_BYTES) return false
    const tail = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks.slice(-END.length))
    return tail?.subarray(-END.length).equals(END) === true
  }
}

/**
 * `cwd\n`, then `name=value` each, then `end`, separated by NUL. What is not UTF-8 cannot be given to a child again. A shell
 * whose directory was removed reports an empty one.
 */
function parseReport(report: Buffer): SessionState | undefined {
  const [directory, ...variables] = report.toString('utf8').split('\0').slice(0, -2)
  const cwd = directory?.replace(/\n$/, '')
  if (cwd === undefined || !cwd.startsWith('/') || cwd.includes('\ufffd')) return undefined
  if (Buffer.byteLength(cwd) >= MAX_CWD_BYTES) return undefined
  const env: Record<string, string> = Object.create(null)
  for (const variable of variables) {
    const split = variable.indexOf('=')
    const name = variable.slice(0, split)
    if (split > 0 && !SHELL_OWNED.has(name) && !variable.includes('\ufffd'))
      env[name] = variable.slice(split + 1)
  }
  env.SHLVL = SHELL_LEVEL
  return { cwd, env }
}
