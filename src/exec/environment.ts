/** The environment of a command: built from nothing, so that no secret of the server's own environment is in it. */
import { tmpdir, userInfo } from 'node:os'
import { FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { ExecPermission } from '../options.js'
import { isHarmlessVariable, isRefusedVariable } from './environment-refusals.js'
import type { EnvironmentEntries } from './messages.js'

/** Most bytes that names which were refused may take, as they are told to the client in one frame, and not more than they are worth. */
const MAX_REFUSED_BYTES = 65_536

/** Variables of a process. Made without a prototype, so that every name is only a name. */
export type Environment = { readonly [name: string]: string }

/**
 * `PATH` of commands where the server's `env` option sets none: the directories every Unix has. The server's own
 * PATH is not inherited, as it may name directories that only the service should use.
 */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * `SHLVL` of commands. Their stdin is a socket, which bash takes for a call by a remote shell daemon: at the outermost level
 * it would run `~/.bashrc` before every `bash -c`.
 */
export const SHELL_LEVEL = '1'

/** Without these a Windows process cannot load its libraries or find its own profile. They hold no secrets. */
const WINDOWS_NAMES = [
  ...['PATH', 'PATHEXT', 'SystemRoot', 'SystemDrive', 'windir', 'ComSpec', 'TEMP', 'TMP', 'USERPROFILE'],
  ...['APPDATA', 'LOCALAPPDATA', 'ProgramData', 'ProgramFiles', 'NUMBER_OF_PROCESSORS', 'OS'],
]

/**
 * What every command starts with: PATH, HOME, USER, LOGNAME and SHELL of the account the server runs as, SHLVL, LANG, and
 * TMPDIR if the server has one; then what the server's `env` option adds or replaces.
 */
export function baseEnvironment(shell: string, additions: Environment = {}): Environment {
  const env: Record<string, string> = Object.create(null)
  if (process.platform === 'win32') {
    for (const name of WINDOWS_NAMES) {
      const value = process.env[name]
      if (value !== undefined) env[name] = value
    }
  } else {
    const account = accountFacts()
    env.PATH = DEFAULT_PATH
    env.HOME = account.home
    env.USER = account.name
    env.LOGNAME = account.name
    env.SHELL = shell
    env.SHLVL = SHELL_LEVEL
    if (process.env.TMPDIR !== undefined) env.TMPDIR = tmpdir()
  }
  env.LANG = process.env.LANG ?? 'C.UTF-8'
  return Object.assign(env, additions)
}

/** Where the process runs under a number that no account has (usual in containers), there is nothing to ask. */
function accountFacts(): { name: string; home: string } {
  try {
    const { username, homedir } = userInfo()
    return { name: username, home: homedir }
  } catch {
    return { name: String(process.getuid?.() ?? 'unknown'), home: '/' }
  }
}

/**
 * The base with a client's variables laid over it. Names that are refused (environment-refusals.ts) and that the
 * user was not allowed by `allowEnv` are left out and returned, in the order they came. A user with a list of
 * programs (`{ allow }`) may set none but those of `allowEnv` and harmless ones.
 *
 * Throws `ERR_FAKESSH_LIMIT` when too much was refused.
 */
export function mergeEnvironment(
  base: Environment,
  entries: EnvironmentEntries,
  allowEnv: readonly string[] = [],
  exec?: ExecPermission | undefined,
): { env: Environment; refused: readonly string[] } {
  const env: Record<string, string> = Object.assign(Object.create(null), base)
  const refused: string[] = []
  const isAllowed = (name: string, value: string) =>
    allowEnv.includes(name) ||
    (typeof exec === 'object' ? isHarmlessVariable(name, value) : !isRefusedVariable(name))
  for (const [name, value] of entries) {
    if (isUsableName(name) && !value.includes('\0') && isAllowed(name, value)) env[name] = value
    else refused.push(name)
  }
  if (Buffer.byteLength(JSON.stringify(refused)) > MAX_REFUSED_BYTES) {
    throw new FakeSshError(
      'ERR_FAKESSH_LIMIT',
      `env: names of refused variables take more than ${MAX_REFUSED_BYTES} bytes`,
    )
  }
  return { env, refused }
}

/** For `strictEnv`. Throws `ERR_FAKESSH_ENV_REFUSED` when there is any. */
export function requireNoneRefused(refused: readonly string[]): void {
  if (refused.length === 0) return
  const names = escapeText(refused.join(', '))
  throw new FakeSshError('ERR_FAKESSH_ENV_REFUSED', `the server refuses to set ${names}`, { op: 'exec' })
}

/** `allowEnv` cannot make these usable: they would be another variable than the one that was named. */
function isUsableName(name: string): boolean {
  return name !== '' && !name.includes('=') && !name.includes('\0')
}
