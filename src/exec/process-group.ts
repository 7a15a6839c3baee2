/**
 * A program in a process group of its own, so that everything it starts can be signalled together.
 *
 * Windows has no process groups: there a signal reaches the program alone, and any signal ends it at once.
 */
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { invalidArgument } from '../errors.js'
import { hasLivingMember } from './group-members.js'
import type { Program, ProgramExit, ProgramStart } from './spawn/program.js'
import { programStarter } from './spawn/program-starter.js'

const HAS_GROUPS = process.platform !== 'win32'

/** When a group that is being ended is looked at: soon, then less often. The kernel tells nobody when its last process goes. */
const FIRST_PROBE_MS = 5
const LAST_PROBE_MS = 100

/** How long to wait for the group to be gone after SIGKILL: only a process stuck in the kernel needs longer. */
const KILL_SETTLE_MS = 1000

/** Starts a program. Rejects with the error of the operating system (`code`, `errno`) when it could not be started. */
export async function startProgram(start: ProgramStart): Promise<ProcessGroup> {
  return new ProcessGroup(await programStarter.start(start))
}

export class ProcessGroup {
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** What the program writes to the state pipe, where that was asked for. */
  readonly state: Readable | undefined
  /** When the program itself has ended; others of its group may still run. Rejects when that can no longer be learned. */
  readonly exited: Promise<ProgramExit>
  readonly #program: Program
  #hasLeaderEnded = false
  /** Nobody will tell when the leader ends. */
  #isLeaderLost = false
  #isGone = false
  #forceTimer: NodeJS.Timeout | undefined
  #termination: Promise<void> | undefined

  constructor(program: Program) {
    this.#program = program
    this.pid = program.pid
    this.stdin = program.stdin
    this.stdout = program.stdout
    this.stderr = program.stderr
    this.state = program.state
    // A pipe whose other end vanished says so here; its reader or writer sees the end of it by other means.
    for (const pipe of [this.stdin, this.stdout, this.stderr, this.state]) pipe?.on('error', () => {})
    this.exited = program.exited
    this.exited.then(
      () => {
        this.#hasLeaderEnded = true
        if (!this.isAlive()) clearTimeout(this.#forceTimer)
      },
      () => {
        this.#isLeaderLost = true
      },
    )
  }

  /**
   * True while anything of the group runs. Once seen gone it stays gone: its number may then belong to another
   * group, which must never be signalled.
   */
  isAlive(): boolean {
    return this.#signal(0) !== 'gone'
  }

  /**
   * Sends a signal to every process of the group. False when the group is gone, or consists of processes that the
   * server's account may not signal.
   */
  kill(signal: NodeJS.Signals): boolean {
    return this.#signal(signal) === 'delivered'
  }

  /** Sends SIGKILL if anything of the group is left after this time. */
  killAfter(delayMs: number): void {
    if (!this.isAlive()) return
    clearTimeout(this.#forceTimer)
    this.#forceTimer = setTimeout(() => this.kill('SIGKILL'), delayMs)
  }

  /**
   * Ends the group: SIGTERM (and SIGCONT, as a stopped process acts on nothing else), then SIGKILL after `graceMs` if
   * anything is left. Resolves when the group is gone, or a second after SIGKILL at the latest.
   */
  terminate(graceMs: number): Promise<void> {
    this.#termination ??= this.#terminate(graceMs)
    return this.#termination
  }

  async #terminate(graceMs: number): Promise<void> {
    this.kill('SIGTERM')
    this.kill('SIGCONT')
    await this.#endedWithin(graceMs)
    // Also when nothing seemed to run: a look at the processes one after the other can miss one that moved on by forking.
    if (this.kill('SIGKILL')) await this.#endedWithin(KILL_SETTLE_MS)
    clearTimeout(this.#forceTimer)
  }

  async #endedWithin(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs
    for (
      let probeMs = FIRST_PROBE_MS;
      await this.#hasLiving();
      probeMs = Math.min(probeMs * 2, LAST_PROBE_MS)
    ) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) return
      await delay(Math.min(probeMs, leftMs))
    }
  }

  /** Dead processes that nobody has collected keep the group, but do not run. */
  async #hasLiving(): Promise<boolean> {
    const isLeaderKnown = !this.#hasLeaderEnded && !this.#isLeaderLost
    return this.isAlive() && (isLeaderKnown || (await hasLivingMember(this.pid)))
  }

  /** Signal 0 only asks whether there is anyone. */
  #signal(signal: NodeJS.Signals | 0): 'delivered' | 'refused' | 'gone' {
    if (this.#isGone) return 'gone'
    if (!HAS_GROUPS) {
      this.#isGone = this.#hasLeaderEnded || this.#program.signalAlone?.(signal) !== true
      return this.#isGone ? 'gone' : 'delivered'
    }
    // While a group exists, the kernel gives its number to no new process. A process of that number after ours has
    // been reaped therefore proves that our group had ended.
    if (this.#hasLeaderEnded && trySignal(this.pid, 0) !== 'gone') this.#isGone = true
    const outcome = this.#isGone ? 'gone' : trySignal(-this.pid, signal)
    if (outcome === 'gone') this.#isGone = true
    return outcome
  }
}

function trySignal(target: number, signal: NodeJS.Signals | 0): 'delivered' | 'refused' | 'gone' {
  try {
    process.kill(target, signal)
    return 'delivered'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'gone' : 'refused'
  }
}

/** The name, when this platform has such a signal. Throws `ERR_FAKESSH_INVALID_ARG`. */
export function requireSignal(name: string): NodeJS.Signals {
  if (!Object.hasOwn(constants.signals, name)) throw invalidArgument('signal', 'the name of a signal', name)
  return name as NodeJS.Signals
}
