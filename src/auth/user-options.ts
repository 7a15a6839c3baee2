/** The options of a configured user: checked, because a typo here grants what nobody meant to grant. */
import { FakeSshError, invalidArgument } from '../errors.js'
import type { AuthenticatedUser, ExecPermission, UserPermissions } from '../options.js'
import { checkPasswordHash } from './password.js'
import { checkToken } from './token.js'

/** A user in `users`. Has at least one credential, unless there is an `authenticate` callback to check it. @public */
export interface UserOptions extends UserPermissions {
  /** At least 32 characters, and no other user's; `generateToken()` makes one. */
  readonly token?: string | undefined
  /** What `hashPassword()` returned. */
  readonly passwordHash?: string | undefined
}

const PERMISSIONS = ['root', 'readOnly', 'exec', 'allowEnv']
const CREDENTIALS = ['token', 'passwordHash']
const MAX_NAME_LENGTH = 256

/** The permissions of a user, as a frozen copy of their own. @internal */
export function makeUser(name: string, options: UserPermissions, where: string): AuthenticatedUser {
  const { root, readOnly, exec, allowEnv } = options
  if (root !== undefined && (typeof root !== 'string' || root === '' || root.includes('\0'))) {
    throw invalidArgument(`${where}.root`, 'the path of a directory', root)
  }
  if (readOnly !== undefined && typeof readOnly !== 'boolean') {
    throw invalidArgument(`${where}.readOnly`, 'a boolean', readOnly)
  }
  return Object.freeze({
    name,
    root,
    readOnly: readOnly ?? false,
    exec: copyExec(exec, `${where}.exec`),
    allowEnv: allowEnv === undefined ? undefined : copyStrings(allowEnv, `${where}.allowEnv`),
  })
}

/** Refuses what is no user: wrong type, unknown options. `more` are allowed besides the permissions. @internal */
export function checkUserShape(options: unknown, where: string, more: readonly string[]): object {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    // Not the value itself: a string here is most likely the token.
    const came = options === null ? 'null' : Array.isArray(options) ? 'an array' : `a ${typeof options}`
    throw new FakeSshError('ERR_FAKESSH_INVALID_ARG', `${where}: expected an object, got ${came}`)
  }
  const known = [...PERMISSIONS, ...more]
  const unknown = Object.keys(options).filter((key) => !known.includes(key))
  if (unknown.length > 0) {
    const names = unknown.map((key) => JSON.stringify(key)).join(', ')
    const message = `${where}: unknown option ${names}; known are ${known.join(', ')}`
    throw new FakeSshError('ERR_FAKESSH_INVALID_ARG', message)
  }
  return options
}

/** Checks an entry of `users` as a whole. @internal */
export function checkUserOptions(options: unknown, where: string): UserOptions {
  const user: UserOptions = checkUserShape(options, where, CREDENTIALS)
  if (user.token !== undefined) checkToken(user.token, `${where}.token`)
  if (user.passwordHash !== undefined) checkPasswordHash(user.passwordHash, `${where}.passwordHash`)
  return user
}

/** @internal */
export function checkUserName(name: unknown, where: string): string {
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_LENGTH) {
    throw invalidArgument(where, `a user name of 1 to ${MAX_NAME_LENGTH} characters`, name)
  }
  return name
}

function copyExec(exec: unknown, where: string): ExecPermission {
  if (exec === undefined || exec === false) return false
  if (exec === 'shell' || exec === 'argv') return exec
  if (typeof exec === 'object' && exec !== null && Object.keys(exec).join() === 'allow') {
    const allow = copyStrings((exec as { allow: unknown }).allow, `${where}.allow`)
    for (const [index, name] of allow.entries()) checkProgramName(name, `${where}.allow[${index}]`)
    return Object.freeze({ allow })
  }
  throw invalidArgument(where, "false, 'shell', 'argv' or { allow: [...] }", exec)
}

/** A relative path would name another file in each directory, one that the user uploaded among them. */
function checkProgramName(name: string, where: string): void {
  const isRelative = /[/\\]/.test(name) && !/^(\/|[A-Za-z]:[/\\])/.test(name)
  if (isRelative || name.includes('\0'))
    throw invalidArgument(where, 'the name of a program or its absolute path', name)
}

function copyStrings(list: unknown, where: string): readonly string[] {
  if (!Array.isArray(list) || !list.every((one) => typeof one === 'string' && one !== '')) {
    throw invalidArgument(where, 'a list of names', list)
  }
  return Object.freeze([...(list as string[])])
}
