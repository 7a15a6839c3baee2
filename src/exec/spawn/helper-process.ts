/** One spawn helper as its host sees it: the process, the socket it connects to, and what it was asked for. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { HelpedStart, type HelperAnswer } from './helped-start.js'
import { HelperGone } from './helper-gone.js'
import { HELPER_SOURCE } from './helper-source.js'
import type { Program, ProgramStart } from './program.js'

/** Longest wait for a helper to say that it is ready. It takes 50 ms on a quiet machine. */
const READY_LIMIT_MS = 10_000

/** Starts that the helper works on at once: their connections have to fit into the backlog of a socket, 128 on some systems. */
const MAX_STARTING = 16

/** What is not there need not be copied by fork(): 8 MB of its own memory instead of 18, which is also a little faster. */
const SMALL = ['--lite-mode', '--optimize-for-size', '--max-semi-space-size=1']

/** All that the helper's environment holds: what finds the libraries of a Node that needs any. It must not have secrets of the host. */
const LIBRARY_VARIABLES = ['LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH']

export class HelperProcess {
  readonly #child: ChildProcess
  readonly #server: Server
  readonly #directory: string
  readonly #toHelper: Writable
  readonly #fromHelper: Readable & Partial<Referable>
  readonly #ready: Promise<void>
  #onReady: () => void = () => {}
  /** The helper was not told of these yet. */
  readonly #waiting: HelpedStart[] = []
  /** The helper was told of these, and they are not complete; in the order of its connections. */
  readonly #starting = new Set<HelpedStart>()
  /** All that are not complete, or run, by id. */
  readonly #open = new Map<number, HelpedStart>()
  /** Connections that no start was given yet. */
  readonly #pipes: Socket[] = []
  #ids = 0
  #unfinishedLine = ''
  #isGone = false
  #isRetired = false

  /** Resolves when the helper is ready. Rejects when there can be none. */
  static async start(nodePath: string): Promise<HelperProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'fake-ssh-'))
    const server = createServer()
    try {
      const path = join(directory, 'socket')
      server.listen({ path })
      await once(server, 'listening')
      const helper = new HelperProcess(nodePath, server, directory, path)
      await helper.#becomeReady()
      return helper
    } catch (error) {
      server.close()
      await rm(directory, { recursive: true, force: true })
      throw error
    }
  }

  private constructor(nodePath: string, server: Server, directory: string, path: string) {
    this.#server = server
    this.#directory = directory
    const env = Object.fromEntries(
      LIBRARY_VARIABLES.flatMap((name) => {
        const value = process.env[name]
        return value === undefined ? [] : [[name, value]]
      }),
    )
    // A session of its own, so that Ctrl-C in a terminal reaches the host alone, which may want to end its programs in peace.
    this.#child = spawn(nodePath, [...SMALL, '--input-type=commonjs', '-e', HELPER_SOURCE, path], {
      cwd: '/',
      env,
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    this.#toHelper = this.#child.stdin as Writable
    this.#fromHelper = this.#child.stdout as Readable
    this.#ready = new Promise((resolve, reject) => {
      this.#onReady = resolve
      this.#child.on('error', reject)
      this.#fromHelper.once('close', () => reject(new HelperGone(false)))
    })
    server.on('connection', (pipe) => this.#onConnection(pipe))
    // A connection was lost, at the limit of open files: from here on they cannot be told apart.
    server.on('error', () => this.#breakOff())
    this.#toHelper.on('error', () => {})
    this.#fromHelper.on('error', () => {})
    this.#fromHelper.on('close', () => this.#lose())
    this.#fromHelper.setEncoding('utf8').on('data', (text: string) => this.#onText(text))
    server.unref()
    this.#child.unref()
    ;(this.#toHelper as Partial<Referable>).unref?.()
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** False when the next start needs another helper. */
  get isUsable(): boolean {
    return !this.#isGone && !this.#isRetired
  }

  /** Rejects with the error of the operating system when the program could not be started, or with {@link HelperGone}. */
  start(program: ProgramStart): Promise<Program> {
    if (!this.isUsable) return Promise.reject(new HelperGone(false))
    this.#ids += 1
    const start = new HelpedStart(this.#ids, program)
    this.#open.set(this.#ids, start)
    this.#waiting.push(start)
    this.#fromHelper.ref?.()
    this.#askMore()
    return start.started
  }

  /** Lets it end once nothing that it started runs any more. */
  retire(): void {
    this.#isRetired = true
    if (this.#open.size === 0) this.#toHelper.end()
  }

  async #becomeReady(): Promise<void> {
    const timer = setTimeout(() => this.#lose(), READY_LIMIT_MS)
    try {
      await this.#ready
    } catch (error) {
      this.#lose()
      throw error
    } finally {
      clearTimeout(timer)
    }
    this.#fromHelper.unref?.()
  }

  #askMore(): void {
    while (this.#starting.size < MAX_STARTING) {
      const start = this.#waiting.shift()
      if (start === undefined) break
      this.#starting.add(start)
      this.#toHelper.write(start.request)
    }
    this.#distributePipes()
  }

  #onConnection(pipe: Socket): void {
    if (this.#isRetired && this.#starting.size === 0) {
      pipe.destroy()
      return
    }
    // A pipe whose other end vanished says so here; its reader or writer sees the end of it by other means.
    pipe.on('error', () => {})
    pipe.unref()
    this.#pipes.push(pipe)
    this.#distributePipes()
  }

  #distributePipes(): void {
    for (const start of this.#starting) {
      while (start.wantsPipe) {
        const pipe = this.#pipes.shift()
        if (pipe === undefined) return
        pipe.ref()
        start.addPipe(pipe)
      }
      this.#onProgress(start)
    }
  }

  #onText(text: string): void {
    const lines = (this.#unfinishedLine + text).split('\n')
    this.#unfinishedLine = lines.pop() ?? ''
    try {
      for (const line of lines) this.#onMessage(JSON.parse(line))
    } catch {
      // Not our helper's words: whatever runs there, it is not what was started.
      this.#lose()
    }
  }

  #onMessage(message: HelperAnswer | { readonly id?: undefined; readonly isBroken?: true }): void {
    if (message.id !== undefined) {
      const start = this.#open.get(message.id)
      start?.onAnswer(message)
      if (start !== undefined) this.#onProgress(start)
    } else if (message.isBroken === true) this.retire()
    else this.#onReady()
  }

  #onProgress(start: HelpedStart): void {
    if (!start.isComplete) return
    if (this.#starting.delete(start)) this.#askMore()
    if (start.isOpen) return
    this.#open.delete(start.id)
    if (this.#open.size > 0) return
    this.#fromHelper.unref?.()
    if (this.#isRetired) this.#toHelper.end()
  }

  /** Gives up all that is being started. The helper goes on to watch what runs. */
  #breakOff(): void {
    if (this.#isGone) return
    this.#abandonStarts()
    this.retire()
  }

  #abandonStarts(): void {
    for (const pipe of this.#pipes.splice(0)) pipe.destroy()
    for (const start of this.#waiting.splice(0)) {
      this.#open.delete(start.id)
      start.abandon(new HelperGone(false))
    }
    for (const start of this.#starting) start.abandon(new HelperGone(true))
    this.#starting.clear()
  }

  #lose(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#child.kill('SIGKILL')
    this.#toHelper.destroy()
    this.#fromHelper.destroy()
    this.#server.close()
    // What cannot be removed is an empty directory.
    rm(this.#directory, { recursive: true, force: true }).catch(() => {})
    this.#abandonStarts()
    for (const start of this.#open.values()) start.lose(new HelperGone(true))
    this.#open.clear()
  }
}

/** Sockets are, though a child's pipes are not typed as such. */
interface Referable {
  ref(): void
  unref(): void
}
