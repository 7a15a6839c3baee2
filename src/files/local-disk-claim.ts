/** Taking over a temporary file that an earlier attempt left: by one rename, which succeeds for one claimer only. */
import { constants, type Stats } from 'node:fs'
import { lstat, opendir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { DiskHandle } from './local-disk-handle.js'
import { recallName, rememberFound } from './local-disk-kept-names.js'
import { holdName, type Liveness, parseStagedName, releaseName, type StagedKind } from './local-disk-owner.js'

const { O_RDWR, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants

/** What may still be worked on elsewhere is not, once nothing changed in it for so many milliseconds: 30 days. */
const ABANDONED_MS = 2_592_000_000

/** Entries of a directory that are looked at, and how many are read at once: an upload is not to wait for all of a huge one. */
const MAX_ENTRIES = 20_000
const BUFFERED_ENTRIES = 1_024

/** What is looked for. */
export interface Wanted {
  /** Real. */
  readonly directory: string
  readonly kind: StagedKind
  readonly key: string
  /** Others of the kind that were left longer ago are removed on the way. */
  readonly staleMs?: number | undefined
}

export interface Claimed {
  readonly handle: DiskHandle
  /** Held by this process. */
  readonly name: string
  readonly bytes: number
}

/**
 * The latest file that has the key, holds anything and is not being worked on. Undefined when there is none, also where the directory cannot
 * be read.
 */
export async function claimLeftover(wanted: Wanted, maxEntries = MAX_ENTRIES): Promise<Claimed | undefined> {
  const { directory } = wanted
  const remembered = recallName(directory, wanted)
  if (remembered !== undefined && parseStagedName(remembered)?.owner() === 'dead') {
    const stats = await lstatQuietly(directory, remembered)
    const claimed = isUsable(stats) && (await claim(wanted, remembered))
    if (claimed) return claimed
  }
  for (const name of await find(wanted, maxEntries)) {
    const claimed = await claim(wanted, name)
    if (claimed) return claimed
  }
  return undefined
}

/** A file that this account made. Not a link, which could lead anywhere. */
export function isOurs(stats: Pick<Stats, 'uid' | 'isFile'>): boolean {
  return stats.isFile() && stats.uid === (process.geteuid?.() ?? stats.uid)
}

/** Nobody works on it any more. The time is that of the system, which nobody who sends a file can set. */
export function isLeft(owner: Liveness, { ctimeMs }: Pick<Stats, 'ctimeMs'>): boolean {
  return owner === 'dead' || (owner === 'unknown' && Date.now() - ctimeMs > ABANDONED_MS)
}

export async function removeQuietly(directory: string, name: string): Promise<void> {
  // Gone already, or beyond our reach: there is nobody to tell who could do more.
  await unlink(join(directory, name)).catch(() => undefined)
}

/** The latest first. */
async function find({ directory, kind, key, staleMs }: Wanted, maxEntries: number): Promise<string[]> {
  const found: { readonly name: string; readonly ctimeMs: number }[] = []
  for (const name of await namesIn(directory, maxEntries)) {
    const parsed = parseStagedName(name)
    if (parsed?.kind !== kind || (parsed.key !== key && staleMs === undefined)) continue
    const owner = parsed.owner()
    if (owner === 'alive') continue
    const stats = await lstatQuietly(directory, name)
    if (stats === undefined || !isOurs(stats)) continue
    if (parsed.key === key && owner === 'dead' && isUsable(stats))
      found.push({ name, ctimeMs: stats.ctimeMs })
    else if (staleMs !== undefined && isLeft(owner, stats) && Date.now() - stats.ctimeMs > staleMs) {
      await removeQuietly(directory, name)
    }
  }
  return found.sort((a, b) => b.ctimeMs - a.ctimeMs).map(({ name }) => name)
}

async function namesIn(directory: string, maxEntries: number): Promise<string[]> {
  const names: string[] = []
  let entries = 0
  try {
    for await (const { name } of await opendir(directory, { bufferSize: BUFFERED_ENTRIES })) {
      entries += 1
      if (entries > maxEntries) break
      if (parseStagedName(name)) names.push(name)
    }
  } catch {
    // Not for us to read.
  }
  return names
}

function isUsable(stats: Stats | undefined): boolean {
  return stats !== undefined && isOurs(stats) && stats.size > 0 && stats.nlink === 1
}

async function lstatQuietly(directory: string, name: string): Promise<Stats | undefined> {
  return lstat(join(directory, name)).catch(() => undefined)
}

async function claim({ directory, kind, key }: Wanted, old: string): Promise<Claimed | undefined> {
  const name = holdName(key, kind)
  try {
    await rename(join(directory, old), join(directory, name))
  } catch {
    // Somebody else was quicker.
    releaseName(name)
    return undefined
  }
  try {
    return await openClaimed(directory, name)
  } catch {
    // For want of a free file descriptor, say: it is as good as it was, for whoever comes next.
    await rename(join(directory, name), join(directory, old)).catch(() => undefined)
    rememberFound(directory, old)
    releaseName(name)
    return undefined
  }
}

/** Undefined, and gone, when it is not to be written to. */
async function openClaimed(directory: string, name: string): Promise<Claimed | undefined> {
  const handle = await DiskHandle.open(join(directory, name), O_RDWR | O_NOFOLLOW | O_NONBLOCK)
  try {
    const stats = await handle.stat()
    // With a second name it could be somebody's target already: to write to it would be to write to that.
    const isSafe =
      stats.isFile() && stats.nlink === 1n && Number(stats.uid) === (process.geteuid?.() ?? Number(stats.uid))
    if (isSafe) return { handle, name, bytes: Number(stats.size) }
  } catch (error) {
    await handle.close().catch(() => undefined)
    throw error
  }
  await handle.close().catch(() => undefined)
  await removeQuietly(directory, name)
  releaseName(name)
  return undefined
}
