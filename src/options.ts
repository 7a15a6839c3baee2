/** Options and small shapes shared by several layers. Imports nothing but types from Node. */

/** Digest used to prove a transfer. @public */
export type ChecksumAlgorithm = 'sha256' | 'sha512' | 'sha1' | 'md5' | 'blake2b512'

/** The algorithms {@link ChecksumAlgorithm} allows, the default first. @internal */
export const CHECKSUM_ALGORITHMS = ['sha256', 'sha512', 'sha1', 'md5', 'blake2b512'] as const

/** What every operation takes. @public */
export interface OperationOptions {
  /** Cancels the operation; it rejects with `signal.reason`. The connection stays usable. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds after which the operation fails with `ERR_FAKESSH_TIMEOUT`. Default: none. Range 1 to 2,147,483,647. */
  readonly timeoutMs?: number | undefined
}

/**
 * What a user may run. `false` (default): nothing. `'shell'`: command lines through the server's shell, and programs.
 * `'argv'`: any program with arguments, but no shell. `{ allow }`: only the programs and in-process commands named, without a shell.
 *
 * @public
 */
export type ExecPermission = false | 'shell' | 'argv' | { readonly allow: readonly string[] }

/** What an authenticated user may do, for the whole connection. Frozen once made. @public */
export interface UserPermissions {
  /** Directory that is `/` for this user. Default: no file operations and, for exec, the server's working directory. */
  readonly root?: string | undefined
  /** Refuses every operation that writes. Default false. */
  readonly readOnly?: boolean | undefined
  /** What may be run. Default false: nothing. */
  readonly exec?: ExecPermission | undefined
  /**
   * Names of environment variables this user may set although the server refuses them by default, such as `PATH`. A user with
   * `exec: { allow }` may set no others but those of language, time zone and terminal size.
   */
  readonly allowEnv?: readonly string[] | undefined
}

/** An authenticated user. @public */
export interface AuthenticatedUser extends UserPermissions {
  /** As in `users`, or as `authenticate` returned it. */
  readonly name: string
}

/** Longest timer Node can hold, in milliseconds. @internal */
export const MAX_TIMEOUT_MS = 2_147_483_647
