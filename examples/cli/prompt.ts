/** The interactive prompt: reads lines, runs what they ask for one after the other, and knows where a Ctrl-C goes. */
import { createInterface, type Interface } from 'node:readline'
import { type ClientSession, type ExecResult, type FakeSshClient, FakeSshError } from 'fake-ssh'
import { optionsAndWords } from './arguments.js'
import type { ClientCommand } from './commands.js'
import { exitCodeOf, signalExitCode } from './exit-codes.js'
import { reportFailure } from './failure.js'
import { type Interrupt, interruptCommand, interruptTransfer, onSignals } from './interruption.js'
import { showOutput } from './output.js'
import { type PromptLine, readPromptLine } from './prompt-line.js'
import { getFile, putFile, remoteTarget } from './transfer.js'

const HELP = `get REMOTE [LOCAL]   copy a file from the server
put LOCAL [REMOTE]   copy a file to the server
help                 this text
exit [CODE]          leave; Ctrl-D does too
anything else        runs on the server; cd and export last
Ctrl-C               ends what is running, or clears the line
`

/** Until `exit` or the end of the input; ends with the exit code of the last command. */
export function promptCommand(args: readonly string[]): ClientCommand {
  optionsAndWords(args, {}, 0)
  return async (client) => new Prompt(client, await openSession(client)).run()
}

/** A user who may run nothing can still copy files. */
async function openSession(client: FakeSshClient): Promise<ClientSession | undefined> {
  try {
    return await client.session()
  } catch (error) {
    if (FakeSshError.is(error) && error.code === 'ERR_FAKESSH_DENIED') return undefined
    throw error
  }
}

class Prompt {
  readonly #client: FakeSshClient
  readonly #session: ClientSession | undefined
  readonly #isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true
  readonly #lines: Interface
  /** No more lines are taken. */
  #isOver = false
  #exitCode = 0
  /** Set when something else than the last line decides about the exit code. */
  #finalCode: number | undefined
  /** Set while something runs. */
  #interrupt: Interrupt | undefined

  constructor(client: FakeSshClient, session: ClientSession | undefined) {
    this.#client = client
    this.#session = session
    this.#lines = createInterface({
      input: process.stdin,
      ...(this.#isTerminal ? { output: process.stdout } : {}),
      terminal: this.#isTerminal,
      prompt: '>>> ',
    })
  }

  async run(): Promise<number> {
    let isInputOver = false
    this.#lines.once('close', () => {
      isInputOver = true
    })
    // A terminal that readline has taken over sends no signal; it sends the key.
    this.#lines.on('SIGINT', () => this.#onSignal('SIGINT'))
    const endSignals = onSignals((signal) => this.#onSignal(signal))
    this.#client.once('disconnect', ({ error }) => this.#onDisconnect(error))
    // True: what was typed ahead while a command ran stays.
    const ask = () => this.#isTerminal && !isInputOver && this.#lines.prompt(true)
    ask()
    for await (const line of this.#lines) {
      await this.#take(line)
      if (this.#isOver) break
      ask()
    }
    this.#isOver = true
    this.#lines.close()
    endSignals()
    return this.#finalCode ?? this.#exitCode
  }

  async #take(text: string): Promise<void> {
    try {
      const line = readPromptLine(text)
      if (line.do === 'help') process.stdout.write(HELP)
      else if (line.do === 'exit') this.#leave(line.code)
      else if (line.do === 'command') await this.#run(line.command)
      else if (line.do !== 'nothing') await this.#copy(line)
    } catch (error) {
      this.#exitCode = reportFailure(error)
    }
    this.#interrupt = undefined
  }

  async #run(command: string): Promise<void> {
    const running = (this.#session ?? this.#client).exec(command)
    this.#interrupt = interruptCommand(running)
    // What is typed meanwhile is the next line, not the command's input.
    running.end()
    const { result, isAtLineStart } = await showOutput(running)
    this.#exitCode = exitCodeOf(result)
    if (!this.#isTerminal) return
    // Readline draws the prompt over the line the cursor is in.
    if (!isAtLineStart) process.stdout.write('\n')
    if (result.exitCode !== 0) process.stdout.write(`[${howItEnded(result)}]\n`)
  }

  async #copy(line: PromptLine & { readonly do: 'get' | 'put' }): Promise<void> {
    const controller = new AbortController()
    this.#interrupt = interruptTransfer(controller)
    const { signal } = controller
    const receipt =
      line.do === 'get'
        ? await getFile(this.#client, this.#fromHere(line.remote), line.local, signal)
        : await putFile(
            this.#client,
            line.local,
            this.#fromHere(remoteTarget(line.local, line.remote)),
            signal,
          )
    process.stdout.write(receipt)
    this.#exitCode = 0
  }

  /** Relative to where `cd` led. */
  #fromHere(remote: string): string {
    const here = this.#session?.cwd ?? '/'
    return remote.startsWith('/') ? remote : `${here.replace(/\/$/, '')}/${remote}`
  }

  /** What still runs is waited for. */
  #leave(exitCode: number | undefined): void {
    this.#finalCode ??= exitCode
    this.#isOver = true
    this.#lines.close()
  }

  #onSignal(signal: NodeJS.Signals): void {
    // Lines that come from a file are a script: it ends as a whole.
    if (signal !== 'SIGINT' || !this.#isTerminal) this.#leave(signalExitCode(signal))
    else if (this.#interrupt === undefined) this.#clearLine()
    this.#interrupt?.(signal)
  }

  #onDisconnect(error: Error | undefined): void {
    if (this.#isOver) return
    // What is running fails by it, and reports it.
    const isIdle = this.#interrupt === undefined
    this.#leave(isIdle ? reportFailure(error ?? new Error('the server closed the connection')) : undefined)
  }

  #clearLine(): void {
    this.#lines.write(null, { ctrl: true, name: 'e' })
    process.stdout.write('^C\n')
    this.#lines.write(null, { ctrl: true, name: 'u' })
  }
}

function howItEnded({ exitCode, signal }: ExecResult): string {
  return signal === null ? `exit code ${exitCode}` : `ended by ${signal}`
}
