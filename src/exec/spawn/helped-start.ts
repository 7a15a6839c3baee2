/** One program that a spawn helper was asked for: from the request, through its pipes and answers, to its exit. */
import type { Socket } from 'node:net'
import { HelperGone } from './helper-gone.js'
import type { Program, ProgramExit, ProgramStart } from './program.js'

/** What the helper says of a start; see helper-source.ts. */
export type HelperAnswer =
  | { readonly id: number; readonly pid: number; readonly pipes: readonly number[] }
  | { readonly id: number; readonly error: StartError; readonly pipes: readonly number[] }
  | { readonly id: number; readonly isUntried: true }
  | ({ readonly id: number } & ProgramExit)

/** What an error of the operating system consists of. */
interface StartError {
  readonly message: string
  readonly code?: string
  readonly errno?: number
  readonly syscall?: string
  readonly path?: string
}

export class HelpedStart {
  /** Rejects with the error of the operating system, or with what {@link lose} was told. */
  readonly started: Promise<Program>
  readonly id: number
  readonly #start: ProgramStart
  #pipes: readonly Socket[] = []
  readonly #exited: Promise<ProgramExit>
  #isOver = false
  #isAbandoned = false
  #answer: Exclude<HelperAnswer, ProgramExit> | undefined
  #resolveStarted: (program: Program) => void = () => {}
  #rejectStarted: (error: unknown) => void = () => {}
  #resolveExited: (exit: ProgramExit) => void = () => {}
  #rejectExited: (error: unknown) => void = () => {}

  constructor(id: number, start: ProgramStart) {
    this.id = id
    this.#start = start
    this.started = new Promise((resolve, reject) => {
      this.#resolveStarted = resolve
      this.#rejectStarted = reject
    })
    this.#exited = new Promise((resolve, reject) => {
      this.#resolveExited = resolve
      this.#rejectExited = reject
    })
    this.#exited.catch(() => {})
  }

  /** The line that asks for it. */
  get request(): string {
    const { file, args, name, cwd, env, hasStatePipe } = this.#start
    const pipes = hasStatePipe === true ? 4 : 3
    return `${JSON.stringify({ id: this.id, pipes, file, args, name, cwd, env })}\n`
  }

  /** The helper has answered. */
  get isComplete(): boolean {
    return this.#answer !== undefined
  }

  /** True while the program runs, or may come to run. */
  get isOpen(): boolean {
    return !this.#isOver
  }

  /** `pipes` are those that the answer names. */
  onAnswer(answer: HelperAnswer, pipes: readonly Socket[]): void {
    if (pipes.length > 0) this.#pipes = pipes
    if ('isUntried' in answer) {
      this.#isOver = true
      this.#answer = answer
      this.abandon(new HelperGone(false))
    } else if ('pid' in answer || 'error' in answer) {
      this.#answer = answer
      this.#isOver = 'error' in answer
      if (!this.#isAbandoned) this.#complete()
      else {
        if ('pid' in answer) killGroup(answer.pid)
        for (const pipe of pipes) pipe.destroy()
      }
    } else {
      this.#isOver = true
      this.#pipes[0]?.destroy()
      this.#resolveExited({ exitCode: answer.exitCode, signal: answer.signal })
    }
  }

  /** Gives up a start that is not complete: if it was started, or is started after all, it is killed. */
  abandon(error: unknown): void {
    this.#isAbandoned = true
    if (this.#answer !== undefined && 'pid' in this.#answer) killGroup(this.#answer.pid)
    for (const pipe of this.#pipes) pipe.destroy()
    this.#rejectStarted(error)
  }

  /** Nothing more will be heard of a program that runs. */
  lose(error: unknown): void {
    this.#rejectExited(error)
  }

  #complete(): void {
    const [stdin, stdout, stderr, state] = this.#pipes as [Socket, Socket, Socket, Socket?]
    const answer = this.#answer
    if (answer === undefined || 'isUntried' in answer) return
    if ('error' in answer) {
      for (const pipe of this.#pipes) pipe.destroy()
      const { message, ...rest } = answer.error
      this.#rejectStarted(Object.assign(new Error(message), rest, { spawnargs: this.#start.args }))
      return
    }
    // It is readable as well, so its end alone would not close it.
    stdin.once('finish', () => stdin.destroy())
    if (!this.isOpen) stdin.destroy()
    this.#resolveStarted({
      pid: answer.pid,
      stdin,
      stdout,
      stderr,
      state,
      exited: this.#exited,
    })
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
