// A program at a terminal: a real one, with the kernel's line discipline, as a user has it.
import { stripVTControlCharacters } from 'node:util'
import { type IPty, spawn } from '@lydell/node-pty'
import { afterEach } from 'vitest'

export const CTRL_C = '\x03'
export const CTRL_D = '\x04'

export interface TerminalOptions {
  readonly cwd: string
  readonly env: Record<string, string>
}

export class Terminal {
  readonly ended: Promise<{ readonly exitCode: number; readonly signal: number | undefined }>
  readonly #pty: IPty
  readonly #listeners = new Set<() => void>()
  /** As it came, control sequences and all. */
  raw = ''
  #searchedTo = 0
  #hasEnded = false

  constructor(file: string, args: readonly string[], { cwd, env }: TerminalOptions) {
    this.#pty = spawn(file, [...args], { cwd, env: { TERM: 'xterm-256color', ...env }, cols: 100, rows: 30 })
    open.add(this)
    this.#pty.onData((text) => {
      this.raw += text
      for (const listener of this.#listeners) listener()
    })
    this.ended = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode, signal }) => {
        this.#hasEnded = true
        open.delete(this)
        resolve({ exitCode, signal })
      })
    })
  }

  /** What somebody who reads along has seen: text without control sequences, lines ended by `\n`. */
  get text(): string {
    return stripVTControlCharacters(this.raw).replace(/\r+\n/g, '\n')
  }

  type(text: string): void {
    this.#pty.write(text)
  }

  /** Waits until something appears after what was last waited for; resolves with the text up to its end. Rejects when the program ends without. */
  shows(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const text = this.text.slice(this.#searchedTo)
        const match = pattern.exec(text)
        if (match === null) return
        const end = match.index + match[0].length
        this.#searchedTo += end
        this.#listeners.delete(look)
        resolve(text.slice(0, end))
      }
      this.#listeners.add(look)
      void this.ended.then(() => reject(new Error(`it ended without ${pattern}:\n${this.text}`)))
      look()
    })
  }

  /** For a test that failed. */
  close(): void {
    if (!this.#hasEnded) this.#pty.kill('SIGKILL')
  }
}

const open = new Set<Terminal>()

afterEach(() => {
  for (const terminal of open) terminal.close()
  open.clear()
})
