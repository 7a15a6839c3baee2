/** Decides from a user's permission whether, and as what, a request may run. Pure: it neither looks anything up nor runs anything. */
import { invalidArgument } from '../errors.js'
import { escapeText } from '../escape.js'
import type { ExecPermission } from '../options.js'
import type { ExecTarget } from './messages.js'

/** A request that may run, and how. */
export type AllowedExec =
  /** By the server's shell. */
  | { readonly run: 'shell'; readonly command: string }
  /**
   * Without a shell. `searchPath` says whose PATH finds a name without a slash: the `server`'s, so that a client
   * cannot have another program run under an allowed name, or that of the command's own `environment`.
   */
  | {
      readonly run: 'argv'
      readonly file: string
      readonly args: readonly string[]
      readonly searchPath: 'server' | 'environment'
    }
  /** By a function of the server's own process. */
  | { readonly run: 'command'; readonly name: string; readonly args: readonly string[] }

export type ExecDecision = AllowedExec | { readonly deny: string }

/**
 * The decision. Names are compared exactly: `allow: ['git']` matches neither `./git` nor `/tmp/git` nor `GIT`. A
 * command line that is nothing but one name is that name without arguments, as there is nothing in it for a shell.
 *
 * @param commands - whether the server has an in-process command of this name; these go before programs
 */
export function decideExec(
  permission: ExecPermission | undefined,
  target: ExecTarget,
  commands: { has(name: string): boolean },
): ExecDecision {
  if (permission === undefined || permission === false) return { deny: 'this user may not run commands' }
  const isLine = 'command' in target
  const name = isLine ? target.command : target.file
  const args = isLine ? [] : target.args
  if (typeof permission === 'object' && !permission.allow.includes(name)) {
    if (isLine) return { deny: 'this user may not run shell command lines' }
    return { deny: `this user may not run '${escapeText(name)}'` }
  }
  if (commands.has(name)) return { run: 'command', name, args }
  if (typeof permission === 'object') return { run: 'argv', file: name, args, searchPath: 'server' }
  if (!isLine) return { run: 'argv', file: name, args, searchPath: 'environment' }
  if (permission === 'shell') return { run: 'shell', command: name }
  return { deny: 'this user may not run shell command lines' }
}

/**
 * Checks a permission where a server is configured with it. Throws `ERR_FAKESSH_INVALID_ARG`. An allowed program is
 * a name, found in the server's PATH, or an absolute path; a relative path would mean another file in each directory.
 */
export function validateExecPermission(
  permission: unknown,
  where: string,
): asserts permission is ExecPermission {
  if (permission === false || permission === 'shell' || permission === 'argv') return
  const allow =
    typeof permission === 'object' && permission !== null && 'allow' in permission && permission.allow
  if (!Array.isArray(allow))
    throw invalidArgument(where, "false, 'shell', 'argv' or { allow: [...] }", permission)
  for (const [index, name] of allow.entries()) {
    const isPlain = typeof name === 'string' && name !== '' && !name.includes('\0')
    const isRelative = isPlain && /[/\\]/.test(name) && !/^(\/|[A-Za-z]:[/\\])/.test(name)
    if (!isPlain || isRelative) {
      throw invalidArgument(`${where}.allow[${index}]`, 'the name of a program or its absolute path', name)
    }
  }
}
