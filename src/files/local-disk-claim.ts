/** Taking over a temporary file that an earlier attempt left: by one rename, which succeeds for one claimer only. */
import { constants, type Stats } from 'node:fs'
import { lstat, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { DiskHandle } from './local-disk-handle.js'
import { holdName, parseStagedName, releaseName } from './local-disk-owner.js'

const { O_RDWR, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants

export interface Claimed {
  readonly handle: DiskHandle
  /** Held by this process. */
  readonly name: string
  readonly bytes: number
}

/**
 * The latest file in a real directory that has the key, holds anything and is not being worked on. With `staleMs`, others that dead processes
 * left longer ago are removed. Undefined when there is none, also where the directory cannot be read.
 */
export async function claimLeftover(
  directory: string,
  key: string,
  staleMs: number | undefined,
): Promise<Claimed | undefined> {
  const found: { readonly name: string; readonly mtimeMs: number }[] = []
  for (const name of await readdir(directory).catch(() => [])) {
    const parsed = parseStagedName(name)
    if (parsed?.owner !== 'dead' || (parsed.key !== key && staleMs === undefined)) continue
    const stats = await lstat(join(directory, name)).catch(() => undefined)
    if (stats === undefined || !isOurs(stats)) continue
    const { mtimeMs, size, nlink } = stats
    if (parsed.key === key && size > 0 && nlink === 1) found.push({ name, mtimeMs })
    else if (staleMs !== undefined && Date.now() - mtimeMs > staleMs) await removeQuietly(directory, name)
  }
  found.sort((a, b) => b.mtimeMs - a.mtimeMs)
  for (const { name } of found) {
    const claimed = await claim(directory, name, key)
    if (claimed) return claimed
  }
  return undefined
}

/** A file that this account made. Not a link, which could lead anywhere. */
export function isOurs(stats: Pick<Stats, 'uid' | 'isFile'>): boolean {
  return stats.isFile() && stats.uid === (process.geteuid?.() ?? stats.uid)
}

export async function removeQuietly(directory: string, name: string): Promise<void> {
  // Gone already, or beyond our reach: there is nobody to tell who could do more.
  await unlink(join(directory, name)).catch(() => undefined)
}

async function claim(directory: string, old: string, key: string): Promise<Claimed | undefined> {
  const name = holdName(key)
  let handle: DiskHandle | undefined
  try {
    await rename(join(directory, old), join(directory, name))
    handle = await DiskHandle.open(join(directory, name), O_RDWR | O_NOFOLLOW | O_NONBLOCK)
    const stats = await handle.stat()
    // With a second name it could be somebody's target already: to write to it would be to write to that.
    const isSafe =
      stats.isFile() && stats.nlink === 1n && Number(stats.uid) === (process.geteuid?.() ?? Number(stats.uid))
    if (isSafe) return { handle, name, bytes: Number(stats.size) }
  } catch {
    // Somebody else was quicker, or it cannot be opened.
  }
  await handle?.close().catch(() => undefined)
  await removeQuietly(directory, name)
  releaseName(name)
  return undefined
}
