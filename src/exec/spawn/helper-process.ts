/** One spawn helper as its host sees it: the process, the socket it connects to, and what it was asked for. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
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

/** Of a path that every system takes whole, without its NUL (`sun_path`). */
const MAX_PATH_BYTES = 103

const SECRET_BYTES = 16

/** Tells the helper that a connection has arrived. */
const HAVE_IT = Buffer.of(1)

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
  /** The helper was told of these, and has not answered. */
  readonly #starting = new Set<HelpedStart>()
  /** All that are not complete, or run, by id. */
  readonly #open = new Map<number, HelpedStart>()
  readonly #secret = randomBytes(SECRET_BYTES)
  /** Connections that no start was given yet, by the number that the helper gave them. */
  readonly #pipes = new Map<number, Socket>()
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
      // Some versions of libuv cut it silently, so that the socket would be outside of the directory.
      if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw new HelperGone(false)
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
    const { stdin, stdout } = this.#child
    // At the limit of open files there are not even pipes. The error that follows says so, too late for anyone.
    if (!(stdin && stdout)) {
      this.#child.on('error', () => {})
      throw new HelperGone(false)
    }
    this.#toHelper = stdin
    this.#fromHelper = stdout
    this.#ready = new Promise((resolve, reject) => {
      this.#onReady = resolve
      this.#child.on('error', reject)
      this.#fromHelper.once('close', () => reject(new HelperGone(false)))
    })
    server.on('connection', (pipe) => this.#onConnection(pipe))
    // One that could not be accepted is closed, of which the helper hears.
    server.on('error', () => {})
    this.#toHelper.on('error', () => {})
    this.#fromHelper.on('error', () => {})
    this.#fromHelper.on('close', () => this.#lose())
    this.#fromHelper.setEncoding('utf8').on('data', (text: string) => this.#onText(text))
    server.unref()
    this.#child.unref()
    ;(this.#toHelper as Partial<Referable>).unref?.()
    // Not among the arguments, which everybody can see.
    this.#toHelper.write(`${JSON.stringify({ secret: this.#secret.toString('hex') })}\n`)
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

  /** Lets it end once nothing that it started runs any more. What it was not told of yet is left to another. */
  retire(): void {
    this.#isRetired = true
    this.#giveUpWaiting()
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
  }

  /** Begins with what only the helper can know, and the number by which the helper will name it. */
  #onConnection(pipe: Socket): void {
    // A pipe whose other end vanished says so here; its reader or writer sees the end of it by other means.
    pipe.on('error', () => {})
    pipe.unref()
    const tooSlow = setTimeout(() => pipe.destroy(), READY_LIMIT_MS).unref()
    const takeTag = () => {
      const tag: Buffer | null = pipe.read(SECRET_BYTES + 4)
      if (tag === null) return
      clearTimeout(tooSlow)
      pipe.off('readable', takeTag)
      if (
        this.#isGone ||
        tag.length < SECRET_BYTES + 4 ||
        !tag.subarray(0, SECRET_BYTES).equals(this.#secret)
      ) {
        pipe.destroy()
        return
      }
      this.#pipes.set(tag.readUInt32BE(SECRET_BYTES), pipe)
      pipe.write(HAVE_IT)
    }
    pipe.on('readable', takeTag)
    pipe.once('close', () => clearTimeout(tooSlow))
  }

  #takePipes(numbers: readonly number[]): Socket[] {
    return numbers.map((number) => {
      const pipe = this.#pipes.get(number)
      if (pipe === undefined) throw new HelperGone(true)
      this.#pipes.delete(number)
      pipe.ref()
      return pipe
    })
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
      const pipes = 'pipes' in message ? this.#takePipes(message.pipes) : []
      if (start === undefined) for (const pipe of pipes) pipe.destroy()
      start?.onAnswer(message, pipes)
      if ('isUntried' in message) this.retire()
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

  #giveUpWaiting(): void {
    for (const start of this.#waiting.splice(0)) {
      this.#open.delete(start.id)
      start.abandon(new HelperGone(false))
    }
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
    for (const pipe of this.#pipes.values()) pipe.destroy()
    this.#pipes.clear()
    this.#giveUpWaiting()
    for (const start of this.#starting) start.abandon(new HelperGone(true))
    this.#starting.clear()
    for (const start of this.#open.values()) start.lose(new HelperGone(true))
    this.#open.clear()
  }
}

/** Sockets are, though a child's pipes are not typed as such. */
interface Referable {
  ref(): void
  unref(): void
}
