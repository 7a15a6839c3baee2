/** The one place where errors of `node:fs` become ours: the POSIX code stays, the host's path goes. */
import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'
import { FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'

/** Texts for the codes, such as `no such file or directory`, which Node keeps by number. */
let texts: Map<string, string> | undefined

/**
 * An error with a POSIX code about a path as the peer or caller wrote it. The cause, which does hold the host's
 * path, is for this side's log and is never sent.
 */
export function diskFailure(code: string, path: string, cause?: unknown): FakeSshError {
  texts ??= new Map(getSystemErrorMap().values())
  const text = texts.get(code)
  const what = text === undefined ? code : `${code}: ${text}`
  return new FakeSshError(code, `${what}, '${escapeText(path)}'`, { path, cause })
}

/** Translates whatever a call of `node:fs` threw. Errors of ours pass. */
export function toDiskError(error: unknown, path: string): FakeSshError {
  if (FakeSshError.is(error)) return error
  const code = errnoOf(error)
  if (code !== undefined) return diskFailure(code, path, error)
  const message = `the storage failed in an unexpected way, '${escapeText(path)}'`
  return new FakeSshError('ERR_FAKESSH_INTERNAL', message, { path, cause: error })
}

/** The POSIX code of an error, if it has one. Node's own codes (`ERR_…`) are none. */
export function errnoOf(error: unknown): string | undefined {
  const { code, errno } = error instanceof Error ? (error as { code?: unknown; errno?: unknown }) : {}
  if (typeof code === 'string' && /^E(?!RR_)[A-Z0-9]+$/.test(code)) return code
  // Node has no name for some errors and tells only their number; EDQUOT, a quota that is used up, is one.
  return Object.entries(constants.errno).find(([, number]) => number === -Number(errno))?.[0]
}

/** The path names something that is neither a regular file nor a directory. */
export function notAFile(path: string): FakeSshError {
  const message = `'${escapeText(path)}' is not a regular file`
  return new FakeSshError('ERR_FAKESSH_NOT_A_FILE', message, { path })
}

export function outsideRoot(path: string): FakeSshError {
  const message = `'${escapeText(path)}' leads outside the served root`
  return new FakeSshError('ERR_FAKESSH_OUTSIDE_ROOT', message, { path })
}
