/**
 * Decides who starts a program. `fork()` copies the page tables of the process that calls it, which holds up the event loop of a large
 * host, with all its connections. So a small helper process starts programs, wherever there can be one; otherwise this process does.
 */
import { basename } from 'node:path'
import { HelperGone } from './helper-gone.js'
import { HelperProcess } from './helper-process.js'
import { startLocally } from './local-program.js'
import type { Program, ProgramStart } from './program.js'

/** Fresh helpers tried for one start. A helper ends only when somebody ends it. */
const MAX_ATTEMPTS = 3

/** A helper that could not be started would probably fail again, and each program would wait for that. */
const RETRY_AFTER_MS = 10_000

/** A helper, which may still be on its way, and whose rights it has. */
interface Current {
  readonly identity: string
  readonly helper: Promise<HelperProcess>
}

export class ProgramStarter {
  readonly #nodePath: string
  readonly #canHaveHelper: boolean
  #notBefore = 0
  #current: Current | undefined

  /** @param nodePath - the Node that helpers run on */
  constructor(nodePath: string = process.execPath) {
    this.#nodePath = nodePath
    // Anything but Node itself may understand `-e` as it likes, and run the whole application once more: Electron, or a program
    // that was packed into a single file.
    this.#canHaveHelper = process.platform !== 'win32' && /^node(js)?[\d.-]*$/.test(basename(nodePath))
  }

  /** Rejects with the error of the operating system (`code`, `errno`) when the program could not be started. */
  async start(start: ProgramStart): Promise<Program> {
    for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts += 1) {
      const helper = await this.#helper()
      if (helper === undefined) break
      try {
        return await helper.start(start)
      } catch (error) {
        if (!(error instanceof HelperGone) || error.wasAsked) throw error
      }
    }
    return await startLocally(start)
  }

  async #helper(): Promise<HelperProcess | undefined> {
    while (this.#canHaveHelper && performance.now() >= this.#notBefore) {
      const current = this.#currentFor(processIdentity())
      try {
        const helper = await current.helper
        // With rights that were given up meanwhile: it is retired for the next one.
        if (current.identity !== processIdentity()) continue
        if (helper.isUsable) return helper
      } catch {
        this.#notBefore = performance.now() + RETRY_AFTER_MS
      }
      if (this.#current === current) this.#current = undefined
    }
    return undefined
  }

  #currentFor(identity: string): Current {
    if (this.#current !== undefined && this.#current.identity !== identity) {
      this.#current.helper.then((helper) => helper.retire()).catch(() => {})
      this.#current = undefined
    }
    this.#current ??= { identity, helper: HelperProcess.start(this.#nodePath) }
    return this.#current
  }
}

/** The one of this process: all its servers share a helper. */
export const programStarter = new ProgramStarter()

/** A host that gives up rights after the helper was started must not start programs with the old ones. */
function processIdentity(): string {
  const { getuid, geteuid, getgid, getegid, getgroups } = process
  return [getuid?.(), geteuid?.(), getgid?.(), getegid?.(), getgroups?.()].join()
}
