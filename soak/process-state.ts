/** What the system says of processes: memory, descriptors, and those that were left running. Linux only. */
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessState {
  readonly rssBytes: number
  /** Open descriptors. */
  readonly handles: number
}

export function stateOf(pid: number): ProcessState {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return { rssBytes: Number(kibibytes) * 1_024, handles: readdirSync(`/proc/${pid}/fd`).length }
}

/** Running processes with a variable in their environment. */
export function processesWith(variable: string, value: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => environmentOf(pid).includes(`${variable}=${value}`) && isRunning(pid))
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    // Ended meanwhile, or somebody else's.
    return ''
  }
}

/** Dead ones that nobody has collected do not count. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}
