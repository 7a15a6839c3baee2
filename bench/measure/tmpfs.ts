/** A file system in memory, so that no disk is measured. */
import { access, constants, statfs } from 'node:fs/promises'

const CANDIDATES = ['/dev/shm', '/tmp']
/** `f_type` of tmpfs on Linux. */
export const TMPFS_MAGIC = 0x01021994

/** A directory on one, or undefined. */
export async function findTmpfs(): Promise<string | undefined> {
  for (const path of CANDIDATES) {
    try {
      await access(path, constants.W_OK)
      if ((await statfs(path)).type === TMPFS_MAGIC) return path
    } catch {
      // Not there: the next one.
    }
  }
  return undefined
}
