/** Looks through a root for temporary files that dead processes left. */
import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { FakeSshError } from '../errors.js'
import { isLeft, isOurs } from './local-disk-claim.js'
import { parseStagedName } from './local-disk-owner.js'

/** A search of a whole disk is to end, and what it keeps in memory is to stay small. */
const BOUNDS = { directories: 20_000, entries: 2_000_000 }

/** Entries read at once. */
const BUFFERED_ENTRIES = 256

/**
 * Names and directories of all that is found below a real directory: one directory at a time, without following links and without
 * leaving its device. What cannot be read is passed over. Throws `ERR_FAKESSH_LIMIT` at the end when there was more than the bounds allow.
 */
export async function* leftoversBelow(
  root: string,
  signal: AbortSignal,
  bounds = BOUNDS,
): AsyncGenerator<{ readonly directory: string; readonly name: string }> {
  const rootStats = await lstat(root).catch(() => undefined)
  const waiting = [root]
  let directories = 0
  let entries = 0
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    if (signal.aborted) return
    const stats = await lstat(directory).catch(() => undefined)
    if (!stats?.isDirectory() || stats.dev !== rootStats?.dev) continue
    const found: string[] = []
    try {
      for await (const entry of await opendir(directory, { bufferSize: BUFFERED_ENTRIES })) {
        entries += 1
        if (signal.aborted) return
        if (entries > bounds.entries) break
        if (entry.isDirectory()) {
          if (directories < bounds.directories) waiting.push(join(directory, entry.name))
          directories += 1
        } else if (parseStagedName(entry.name)?.kind === 'served') found.push(entry.name)
      }
    } catch {
      // Not for us to read, or removed meanwhile.
    }
    for (const name of found) {
      const file = await lstat(join(directory, name)).catch(() => undefined)
      const owner = parseStagedName(name)?.owner()
      if (file && owner && isOurs(file) && isLeft(owner, file)) yield { directory, name }
    }
    if (entries > bounds.entries) break
  }
  if (directories > bounds.directories || entries > bounds.entries) {
    const message = `'${root}': parts of uploads were looked for in ${bounds.directories} directories or ${bounds.entries} entries, and there are more`
    throw new FakeSshError('ERR_FAKESSH_LIMIT', message)
  }
}
