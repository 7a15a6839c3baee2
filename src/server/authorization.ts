/** What the `authorize` hook is asked, and how its answer is taken. */
import { FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { AuthenticatedUser } from '../options.js'
import type { PeerAddress } from '../transport/transport.js'

/** Who asks, for every {@link AuthorizeRequest}. @public */
export interface AuthorizeContext {
  /** With the permissions the user has; frozen. */
  readonly user: AuthenticatedUser
  /** Where the client connects from. */
  readonly peer: PeerAddress
}

/** Something to be run. Either `command` (a line for the shell) or `file` and `args`. @public */
export interface AuthorizeExec extends AuthorizeContext {
  readonly op: 'exec'
  /** True for a durable exec, which outlives its connection. */
  readonly durable?: boolean | undefined
  /** A line for the shell. */
  readonly command?: string | undefined
  /** A program, or the name of an in-process command. */
  readonly file?: string | undefined
  /** Its arguments. */
  readonly args?: readonly string[] | undefined
  /** Working directory, resolved as {@link AuthorizeFile.path} is; undefined means the root, or that of the session. */
  readonly cwd?: string | undefined
  /** Names of the environment variables the client wants to set. */
  readonly envNames: readonly string[]
}

/** A session (working directory and environment for later execs) to be opened. @public */
export interface AuthorizeSession extends AuthorizeContext {
  readonly op: 'session'
  /** Working directory as the client wrote it; undefined means the root. */
  readonly cwd?: string | undefined
  /** Names of the environment variables the client wants to set. */
  readonly envNames: readonly string[]
}

/** Something to be done with the durable execs of this user. @public */
export interface AuthorizeJob extends AuthorizeContext {
  readonly op: 'job'
  /** `attach`: to read its output, write its input and signal it; `signal` and `forget` without attaching; `list`: all of the user's. */
  readonly action: 'attach' | 'signal' | 'forget' | 'list'
  /** What the job runs: a line for the shell. Undefined for `list`. */
  readonly command?: string | undefined
  /** What the job runs: a program. Undefined for `list`. */
  readonly file?: string | undefined
  /** Its arguments. */
  readonly args?: readonly string[] | undefined
}

/** A file to be read or written. @public */
export interface AuthorizeFile extends AuthorizeContext {
  readonly op: 'get' | 'put'
  /**
   * Where the path leads: below the user's root, without a leading `/`, with `..` and links resolved; the root itself is empty. A rule
   * such as "only below `public/`" holds on this, not on what the client wrote.
   */
  readonly path: string
  /** As the client wrote it. */
  readonly requestedPath: string
}

/** What the `authorize` hook is asked before every operation. @public */
export type AuthorizeRequest = AuthorizeExec | AuthorizeSession | AuthorizeJob | AuthorizeFile

/** `true` lets it pass; `false` or `{ deny: reason }` refuses it, the reason going to the client. @public */
export type AuthorizeAnswer = boolean | { readonly deny: string }

/** Asked before every exec, session, job and file operation; what it throws counts as a refusal. @public */
export type AuthorizeHook = (request: AuthorizeRequest) => AuthorizeAnswer | Promise<AuthorizeAnswer>

/** Throws `ERR_FAKESSH_DENIED` unless the hook lets the request pass. */
export async function requireAuthorized(
  hook: AuthorizeHook | undefined,
  request: AuthorizeRequest,
): Promise<void> {
  if (hook === undefined) return
  let answer: AuthorizeAnswer
  try {
    answer = await hook(request)
  } catch (cause) {
    throw new FakeSshError(
      'ERR_FAKESSH_DENIED',
      `the server could not decide whether to allow this ${request.op}`,
      {
        op: request.op,
        cause,
      },
    )
  }
  // Anything but a plain yes is a no: a hook that forgets to return refuses.
  if (answer === true) return
  const reason =
    typeof answer === 'object' && typeof answer?.deny === 'string' ? escapeText(answer.deny) : 'not allowed'
  throw new FakeSshError('ERR_FAKESSH_DENIED', reason, { op: request.op })
}
