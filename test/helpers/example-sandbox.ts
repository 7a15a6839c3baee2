// Runs examples as a user does: from the clone, by node and tsx, each in a process of its own. Needs a build.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { isRunning, processesWith, until } from './processes.js'

export const repository = fileURLToPath(new URL('../..', import.meta.url))

export interface Ended {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

export interface StartOptions {
  readonly env?: Record<string, string> | undefined
  /** What it reads; then its stdin ends. Undefined: stdin stays open. */
  readonly input?: string | Uint8Array | undefined
}

/** The arguments for node that run an example: `cli` is examples/cli/main.ts. */
export function exampleArguments(name: string, args: readonly string[] = []): string[] {
  return ['--import', 'tsx', `examples/${name}/main.ts`, ...args]
}

/** A directory to work in. */
export class Workplace {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  at(...names: string[]): string {
    return join(this.path, ...names)
  }

  /** Everything in it, however deep, sorted. */
  list(): string[] {
    return readdirSync(this.path, { recursive: true, encoding: 'utf8' }).sort()
  }
}

/** Workplaces, and a directory of its own for what examples put among the temporary files. Gone after the last test of the file. */
export class ExampleSandbox {
  readonly #path = realpathSync(mkdtempSync(join(tmpdir(), 'examples-test-')))
  readonly #temporary = join(this.#path, 'tmp')
  #workplaces = 0

  constructor() {
    mkdirSync(this.#temporary)
    sandboxes.push(this.#path)
  }

  workplace(): Workplace {
    this.#workplaces += 1
    const path = join(this.#path, `place-${this.#workplaces}`)
    mkdirSync(path)
    return new Workplace(path)
  }

  environment(env: Record<string, string> = {}): Record<string, string> {
    const { PATH = '', HOME = '' } = process.env
    return { PATH, HOME, TMPDIR: this.#temporary, ...env }
  }

  start(name: string, args: readonly string[] = [], options: StartOptions = {}): RunningExample {
    const child = spawn(process.execPath, exampleArguments(name, args), {
      cwd: repository,
      env: this.environment(options.env),
    })
    const running = new RunningExample(child)
    if (options.input !== undefined) running.stdin.end(options.input)
    return running
  }

  run(name: string, args: readonly string[] = [], options: StartOptions = {}): Promise<Ended> {
    return this.start(name, args, { input: '', ...options }).ended
  }

  /** What examples left among the temporary files; tsx keeps what it compiled there. */
  leftovers(): string[] {
    return readdirSync(this.#temporary).filter((name) => !/^(tsx-|node-compile-cache)/.test(name))
  }

  /** Processes that an example started, or that a server inside an example did: they have inherited the directory. */
  survivors(): number[] {
    if (!existsSync('/proc')) return []
    const mark = `TMPDIR=${this.#temporary}\0`
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => environmentOf(pid).includes(mark) && isRunning(pid))
  }
}

export class RunningExample {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  readonly #output = { stdout: '', stderr: '' }

  constructor(child: ChildProcess) {
    started.push(child)
    const { stdin, stdout, stderr } = child
    if (stdin === null || stdout === null || stderr === null) throw new Error('all three are pipes')
    this.#child = child
    this.stdin = stdin.on('error', () => {})
    this.stdout = stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#output.stdout += text
    })
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#output.stderr += text
    })
    this.ended = once(child, 'close').then(([exitCode, signal]) => ({ exitCode, signal, ...this.#output }))
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Waits until its output has something; rejects when it ends without. */
  seen(pattern: RegExp, where: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = this.#output[where].match(pattern)
        if (match === null) return
        this.#child[where]?.off('data', look)
        resolve(match)
      }
      this.#child[where]?.on('data', look)
      void this.ended.then(({ stdout, stderr }) =>
        reject(new Error(`it ended without ${pattern}:\n${stdout}${stderr}`)),
      )
      look()
    })
  }
}

/**
 * Waits until `sleep` itself runs. A signal that comes while the shell is only about to start it can get lost: dash catches SIGINT and
 * forgets it then.
 */
export function sleepStarted(marker: string): Promise<void> {
  return until(() => processesWith(`sleep\0${marker}`).length > 0)
}

const sandboxes: string[] = []
const started: ChildProcess[] = []

afterAll(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  for (const path of sandboxes.splice(0)) rmSync(path, { recursive: true, force: true, maxRetries: 3 })
})

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    return ''
  }
}
