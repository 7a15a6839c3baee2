/** Which texts can be paths at all, whatever the storage. Used before a path is sent and before it is resolved. */
import { FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'

/** PATH_MAX of Linux, with the NUL. Also bounds the work that resolving one path can cost. */
const MAX_PATH_BYTES = 4096

const encoder = new TextEncoder()

/** Throws `ERR_FAKESSH_INVALID_PATH` (empty, NUL, not UTF-8) or `ENAMETOOLONG`. */
export function checkPath(path: string): void {
  const problem =
    path === ''
      ? 'it is empty'
      : path.includes('\0')
        ? 'it holds a NUL character'
        : /\p{Surrogate}/u.test(path)
          ? 'it holds half of a surrogate pair, so it cannot be written as UTF-8'
          : undefined
  if (problem !== undefined) {
    throw new FakeSshError('ERR_FAKESSH_INVALID_PATH', `'${escapeText(path)}' is no path: ${problem}`, {
      path,
    })
  }
  // A UTF-16 unit takes at least one byte, so most paths need no encoding to be measured.
  if (path.length * 3 >= MAX_PATH_BYTES && encoder.encode(path).length >= MAX_PATH_BYTES) {
    throw new FakeSshError(
      'ENAMETOOLONG',
      `ENAMETOOLONG: a path of more than ${MAX_PATH_BYTES - 1} bytes, '${escapeText(path)}'`,
      { path },
    )
  }
}
