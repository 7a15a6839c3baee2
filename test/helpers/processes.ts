/** What runs on this machine, read from /proc: the tests that look for survivors run on Linux. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Ids of the processes that have a text in their command line. Dead ones that nobody has collected do not count. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isRunning(pid) && read(`/proc/${pid}/cmdline`).includes(text))
}

/** True while a process runs. */
export function isRunning(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`)
  // The state is the first field after the name, which stands in parentheses and may hold anything.
  return stat !== '' && !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3))
}

/** Open files of this process. */
export const openFiles = (): number => readdirSync('/proc/self/fd').length

/** Waits until a condition holds, looking every few milliseconds. The test's own time limit bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5)
}

let markers = 0

/** Seconds for `sleep` that nobody else uses, so that the process can be found. */
export function sleepMarker(): string {
  markers += 1
  return `99.${process.pid}${Date.now() % 1_000_000}${markers}`
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** SIGKILL, for one that may have ended meanwhile. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
