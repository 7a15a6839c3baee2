/** Finds what a server's commands have started, and everything those started, by a mark in their environment. */
import { readdirSync, readFileSync } from 'node:fs'
import { isRunning } from './processes.js'

/** The variable; its value tells servers apart. */
export const MARK = 'FAKESSH_TEST_MARK'

/** Ids of the running processes with this mark. Dead ones that nobody has collected do not count. */
export function markedProcesses(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => environmentOf(pid).includes(`${MARK}=${mark}`) && isRunning(pid))
}

/** Between fork and exec a process still shows the memory of its parent; it is found a moment later. */
function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    return ''
  }
}
