/** The parent's half of a worker: a child process whose methods can be called. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LoopDelay } from '../measure/event-loop.js'
import type { Call, Methods, Report } from '../processes/serve-methods.js'
import type { WatchMethods } from '../processes/watch-methods.js'

/** A process whose event loop can be watched. */
export interface Watchable {
  startLoopWatch(): Promise<void>
  stopLoopWatch(): Promise<LoopDelay>
  /** For one that hangs: ends it at once, failing what it was asked. */
  kill(): void
}

export interface WorkerOptions {
  readonly args?: readonly string[]
  /** Options of Node itself, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[]
}

type Pending = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }

const STOP_MS = 10_000
/** Room for a heap of 1 GiB and what is moved beside it. */
const HEAP_LIMIT_MIB = 6_144

export class Worker<Served extends Methods> implements Watchable {
  readonly #child: ChildProcess
  readonly #name: string
  readonly #pending = new Map<number, Pending>()
  #callCount = 0

  private constructor(child: ChildProcess, name: string) {
    this.#child = child
    this.#name = name
    child.on('message', (report: Report) => this.#onReport(report))
    child.once('exit', (code, signal) => this.#onExit(`exited with ${signal ?? `code ${code}`}`))
  }

  /** Starts `processes/<file>.js`, or the module of a URL, and waits until it serves. */
  static async start<Served extends Methods>(
    file: string | URL,
    options: WorkerOptions = {},
  ): Promise<Worker<Served>> {
    const url = file instanceof URL ? file : new URL(`../processes/${file}.js`, import.meta.url)
    const path = fileURLToPath(url)
    const execArgv = ['--expose-gc', `--max-old-space-size=${HEAP_LIMIT_MIB}`, ...(options.nodeArgs ?? [])]
    // Its stdout is our stderr: ours is for the table.
    const child = fork(path, options.args ?? [], { execArgv, stdio: ['ignore', 2, 2, 'ipc'] })
    const worker = new Worker<Served>(child, [basename(path, '.js'), ...(options.args ?? [])].join(' '))
    await Promise.race([once(child, 'message'), rejectOnExit(child, worker.#name)])
    return worker
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  call<Name extends keyof Served & string>(
    method: Name,
    ...args: Parameters<Served[Name]>
  ): Promise<Awaited<ReturnType<Served[Name]>>> {
    return this.#call(method, args) as Promise<Awaited<ReturnType<Served[Name]>>>
  }

  startLoopWatch(): Promise<void> {
    return this.watch('startLoopWatch')
  }

  stopLoopWatch(): Promise<LoopDelay> {
    return this.watch('stopLoopWatch')
  }

  /** Calls one of the methods that every worker has. */
  watch<Name extends keyof WatchMethods>(
    method: Name,
    ...args: Parameters<WatchMethods[Name]>
  ): Promise<Awaited<ReturnType<WatchMethods[Name]>>> {
    return this.#call(method, args) as Promise<Awaited<ReturnType<WatchMethods[Name]>>>
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Lets it exit by itself, so that it can write a CPU profile. */
  async stop(): Promise<void> {
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    if (child.connected) child.disconnect()
    const timer = setTimeout(() => this.kill(), STOP_MS)
    await exited
    clearTimeout(timer)
  }

  #call(method: string, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#callCount += 1
      const call: Call = { id: this.#callCount, method, args }
      this.#pending.set(call.id, { resolve, reject })
      this.#child.send(call, (error) => {
        if (error) this.#settle(call.id, (pending) => pending.reject(this.#error(error.message)))
      })
    })
  }

  #onReport(report: Report): void {
    if (report.kind === 'ready') return
    this.#settle(report.id, (pending) => {
      if (report.kind === 'result') pending.resolve(report.value)
      else pending.reject(this.#error(report.message))
    })
  }

  #onExit(how: string): void {
    for (const id of [...this.#pending.keys()])
      this.#settle(id, (pending) => pending.reject(this.#error(how)))
  }

  #settle(id: number, how: (pending: Pending) => void): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    if (pending) how(pending)
  }

  #error(message: string): Error {
    return new Error(`${this.#name}: ${message}`)
  }
}

async function rejectOnExit(child: ChildProcess, name: string): Promise<never> {
  const [code, signal] = await once(child, 'exit')
  throw new Error(`${name} exited with ${signal ?? `code ${code}`} before it was ready`)
}
