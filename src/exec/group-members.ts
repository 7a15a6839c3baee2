/**
 * Tells living members of a process group from dead ones that nobody has collected. Orphans are collected by process 1, and in
 * many containers that is a service that never does: such a group exists for ever, though nothing in it runs.
 */
import { readdir, readFile } from 'node:fs/promises'

/** False when every process of the group is dead. True also where that cannot be known: only Linux says it, in /proc. */
export async function hasLivingMember(group: number): Promise<boolean> {
  if (process.platform !== 'linux') return true
  try {
    const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    for (const name of processes) {
      const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
      // proc(5): pid (name) state ppid pgrp …; the name may hold anything, also parentheses and spaces.
      const [state = 'X', , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (Number(pgrp) === group && state !== 'Z' && state !== 'X') return true
    }
    return processes.length === 0
  } catch {
    return true
  }
}
