/** Starts, as a process, what a permission allowed: through the shell, through a session's shell, or as a program. */
import type { Environment } from './environment.js'
import type { AllowedExec } from './permission.js'
import { type ProcessGroup, startProgram } from './process-group.js'
import { findProgram } from './program-lookup.js'
import { sessionShellArguments } from './session-shell.js'
import { shellArguments } from './shell-invocation.js'
import type { ProgramStart } from './spawn/program.js'
import { requireDirectory, startFailure } from './start-failure.js'

/** Where a command runs and with what. */
export interface ExecSetting {
  readonly cwd: string
  /** `cwd` as the client wrote it, if it did. */
  readonly askedCwd: string
  /** `cwd` as the client would write it. */
  readonly shownCwd: string
  readonly env: Environment
  /** What the client asked for and did not get. */
  readonly refusedEnv: readonly string[]
}

/** What the server is configured with. */
export interface StartConfiguration {
  readonly shell: string
  readonly baseEnvironment: Environment
  /** Makes the shell report the state it ended in, for a session. */
  readonly isReporting: boolean
}

export type AllowedProcess = AllowedExec & { readonly run: 'shell' | 'argv' }

/** Rejects with a FakeSshError that names what was missing, with the code of the operating system. */
export async function startAllowed(
  allowed: AllowedProcess,
  { cwd, askedCwd, env }: ExecSetting,
  configuration: StartConfiguration,
): Promise<ProcessGroup> {
  try {
    return await startProgram({ cwd, env, ...(await invocation(allowed, env, configuration)) })
  } catch (error) {
    // A directory that cannot be used looks like a missing program.
    await requireDirectory(cwd, askedCwd)
    throw startFailure(allowed.run === 'shell' ? configuration.shell : allowed.file, error)
  }
}

async function invocation(
  allowed: AllowedProcess,
  env: Environment,
  { shell, baseEnvironment, isReporting }: StartConfiguration,
): Promise<Omit<ProgramStart, 'cwd' | 'env'>> {
  if (allowed.run === 'argv') {
    const path = allowed.searchPath === 'server' ? baseEnvironment.PATH : env.PATH
    return { file: await findProgram(allowed.file, path), args: allowed.args, name: allowed.file }
  }
  if (!isReporting) return { file: shell, ...shellArguments(shell, allowed.command) }
  return { file: shell, args: sessionShellArguments(allowed.command), hasStatePipe: true }
}
