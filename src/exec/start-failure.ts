/** Says why a program could not be started, in words the client can use, without a path it did not write itself. */
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { getSystemErrorMap } from 'node:util'
import { FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'

const HINTS: { readonly [code: string]: string } = {
  ENOENT: 'no such program, or its interpreter is missing',
  EACCES: 'not an executable file, or no permission to run it',
  E2BIG: 'the command and its environment are too long for the operating system',
}

/** The failure to run `file`, keeping the POSIX code. */
export function startFailure(file: string, error: unknown): FakeSshError {
  const code = posixCode(error)
  if (code === undefined) {
    return new FakeSshError('ERR_FAKESSH_INTERNAL', 'the server failed to start the command', {
      op: 'exec',
      cause: error,
    })
  }
  return new FakeSshError(code, `cannot run '${escapeText(file)}': ${HINTS[code] ?? describe(code)}`, {
    op: 'exec',
    cause: error,
  })
}

/**
 * Throws ENOENT, ENOTDIR or EACCES when commands cannot run in a directory. The operating system reports a missing
 * directory as if the program were missing, so it is looked at separately.
 */
export async function requireDirectory(real: string, shown: string): Promise<void> {
  let code: string | undefined
  try {
    const isDirectory = (await stat(real)).isDirectory()
    if (isDirectory) return await access(real, constants.X_OK)
    code = 'ENOTDIR'
  } catch (error) {
    code = posixCode(error) ?? 'ENOENT'
  }
  const message = `the working directory '${escapeText(shown)}' cannot be used: ${describe(code)}`
  throw new FakeSshError(code, message, { op: 'exec', path: shown })
}

function posixCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined
}

function describe(code: string): string {
  for (const [name, text] of getSystemErrorMap().values()) if (name === code) return text
  return code
}
