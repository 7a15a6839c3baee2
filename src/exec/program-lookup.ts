/**
 * Finds the file of a program in a PATH, before it is started: the platform would search the child's own PATH, in
 * the child's directory, and could not tell a missing program from a missing directory or interpreter.
 */
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

/** Windows starts these without a shell; `.cmd` and `.bat` need one, so they are not programs here. */
const EXTENSIONS = process.platform === 'win32' ? ['.exe', '.com', ''] : ['']

/**
 * The absolute path of the program. A name with a slash is a path already and comes back as it is. Empty and relative
 * entries of PATH are skipped: they mean the directory of the command, where an upload could plant a program.
 *
 * Throws an error with `code` ENOENT, or EACCES when only files that cannot be executed have the name.
 */
export async function findProgram(name: string, path: string | undefined): Promise<string> {
  if (name.includes('/') || (process.platform === 'win32' && /[\\:]/.test(name))) return name
  let code = 'ENOENT'
  for (const directory of (path ?? '').split(delimiter).filter(isAbsolute)) {
    for (const extension of EXTENSIONS) {
      const file = join(directory, name + extension)
      try {
        await access(file, constants.X_OK)
        if ((await stat(file)).isFile()) return file
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EACCES') code = 'EACCES'
      }
    }
  }
  throw Object.assign(new Error(code), { code })
}
