/** Who may log in to a server, and what they may do then. */
import { FakeSshError, invalidArgument } from '../errors.js'
import type { AuthenticatedUser, UserPermissions } from '../options.js'
import type { AuthAttempt } from './auth-attempt.js'
import { type Account, AUTH_METHODS, secretDigest } from './auth-methods.js'
import { pskFromToken } from './token.js'
import {
  checkUserName,
  checkUserOptions,
  checkUserShape,
  makeUser,
  type UserOptions,
} from './user-options.js'

export type { UserOptions } from './user-options.js'

/** What `authenticate` returns for a user it accepts. Permissions it leaves out are those of the user in `users`, or none. @public */
export interface AcceptedUser extends UserPermissions {
  /** Default: the name in the attempt. */
  readonly name?: string | undefined
}

/**
 * Decides about users that have no credential in `users`. Undefined refuses; so does a throw, whose cause the peer never sees.
 * A user without a credential cannot use `psk`, for TLS has to know the key before it asks.
 *
 * @public
 */
export type Authenticate = (
  attempt: AuthAttempt,
) => AcceptedUser | undefined | null | Promise<AcceptedUser | undefined | null>

/** @internal */
export interface UserDirectoryOptions {
  readonly users?: Readonly<Record<string, UserOptions>> | undefined
  readonly authenticate?: Authenticate | undefined
  /** Told why an attempt could not be decided (and so was refused): `authenticate` threw, too many passwords at once. */
  readonly onError?: ((error: unknown, attempt: AuthAttempt) => void) | undefined
}

interface ConfiguredUser extends Account {
  readonly user: AuthenticatedUser
  readonly token: string | undefined
}

/**
 * The users of one server.
 *
 * @throws `ERR_FAKESSH_NO_USERS` when nobody could ever log in; `ERR_FAKESSH_WEAK_TOKEN`; `ERR_FAKESSH_INVALID_ARG` for unknown
 *   options, a token that two users share, or a user that has no credential where there is no `authenticate`.
 * @internal
 */
export class UserDirectory {
  readonly #users = new Map<string, ConfiguredUser>()
  readonly #keys = new Map<string, Uint8Array>()
  readonly #authenticate: Authenticate | undefined
  readonly #onError: (error: unknown, attempt: AuthAttempt) => void
  readonly #hasPasswords: boolean

  constructor({ users = {}, authenticate, onError = () => {} }: UserDirectoryOptions) {
    if (typeof users !== 'object' || users === null) throw invalidArgument('users', 'an object', typeof users)
    if (authenticate !== undefined && typeof authenticate !== 'function') {
      throw invalidArgument('authenticate', 'a function', authenticate)
    }
    if (Object.keys(users).length === 0 && authenticate === undefined) {
      throw new FakeSshError('ERR_FAKESSH_NO_USERS', 'a server needs users or an authenticate callback')
    }
    this.#authenticate = authenticate
    this.#onError = onError
    for (const [name, options] of Object.entries(users)) this.#add(name, options)
    this.#hasPasswords = [...this.#users.values()].some((user) => user.passwordHash !== undefined)
  }

  /** True when somebody has a token, so that TLS has to take pre-shared keys. */
  get hasTokens(): boolean {
    return this.#keys.size > 0
  }

  /** True when somebody has a password, so that the server has to show a certificate before it is sent. */
  get hasPasswords(): boolean {
    return this.#hasPasswords
  }

  /** The key of an identity (docs/protocol.md, section 8.1), for `listenTls`. */
  pskLookup(identity: string): Uint8Array | undefined {
    return this.#keys.get(identity)
  }

  /** The token of a user, for its connection string. */
  tokenOf(name: string): string | undefined {
    return this.#users.get(name)?.token
  }

  /**
   * The user, if the attempt proves it; frozen. Never rejects. Whether a user exists cannot be told from the result, nor from
   * how long it takes as long as all password hashes cost the same and nobody is left to `authenticate`.
   */
  async verify(attempt: AuthAttempt): Promise<AuthenticatedUser | undefined> {
    try {
      const known = this.#users.get(attempt.user)
      if (this.#authenticate !== undefined && !hasCredential(known)) return await this.#ask(attempt, known)
      const method = AUTH_METHODS.get(attempt.method)
      // Where nobody has a password there is nothing to hide, and the work would only be a lever.
      if (method === undefined || (attempt.method === 'password' && !this.#hasPasswords)) return undefined
      return (await method(attempt, known)) ? known?.user : undefined
    } catch (error) {
      this.#tell(error, attempt)
      return undefined
    }
  }

  #add(name: string, options: unknown): void {
    const where = `users[${JSON.stringify(name)}]`
    checkUserName(name, 'users')
    const { token, passwordHash, ...permissions } = checkUserOptions(options, where)
    if (token === undefined && passwordHash === undefined && this.#authenticate === undefined) {
      throw new FakeSshError('ERR_FAKESSH_INVALID_ARG', `${where}: has neither token nor passwordHash`)
    }
    const psk = token === undefined ? undefined : pskFromToken(token)
    if (psk !== undefined) {
      if (this.#keys.has(psk.identity)) {
        const other = [...this.#users.values()].find((one) => one.pskIdentity === psk.identity)
        const message = `${where}.token: the same as that of ${JSON.stringify(other?.user.name)}`
        throw new FakeSshError('ERR_FAKESSH_INVALID_ARG', message)
      }
      this.#keys.set(psk.identity, psk.key)
    }
    this.#users.set(name, {
      user: makeUser(name, permissions, where),
      token,
      pskIdentity: psk?.identity,
      tokenDigest: token === undefined ? undefined : secretDigest(token),
      passwordHash,
    })
  }

  async #ask(
    attempt: AuthAttempt,
    known: ConfiguredUser | undefined,
  ): Promise<AuthenticatedUser | undefined> {
    const accepted = await this.#authenticate?.(attempt)
    if (accepted === undefined || accepted === null) return undefined
    const where = 'what authenticate returned'
    const { name = attempt.user, ...permissions }: AcceptedUser = checkUserShape(accepted, where, ['name'])
    // What is undefined was left out; and only the user of that name lends its permissions.
    const given = Object.fromEntries(Object.entries(permissions).filter(([, value]) => value !== undefined))
    const lent = name === attempt.user ? known?.user : undefined
    return makeUser(checkUserName(name, `${where}: name`), { ...lent, ...given }, where)
  }

  #tell(error: unknown, attempt: AuthAttempt): void {
    try {
      this.#onError(error, attempt)
    } catch {
      // Reporting must not change the decision.
    }
  }
}

function hasCredential(user: ConfiguredUser | undefined): boolean {
  return user?.token !== undefined || user?.passwordHash !== undefined
}
