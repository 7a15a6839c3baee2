/** Programs as a Node program runs them: one child process each. Also the local `spawn` and `cp` that nothing remote can beat. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { CommandSpec } from './client-spec.js'
import type { FileClient } from './remote-client.js'

export class CommandRemote implements FileClient {
  readonly #spec: CommandSpec
  readonly #running = new Set<ChildProcess>()
  readonly #killAll = () => {
    for (const child of this.#running) child.kill('SIGKILL')
  }

  constructor(spec: CommandSpec) {
    this.#spec = spec
    process.once('exit', this.#killAll)
  }

  /** Collects nothing, but takes the output through pipes as any caller would. */
  exec(command: string): Promise<number> {
    const [program, args] = split(this.#spec.exec, 'exec')
    return this.#run(program, [...args, command], 'pipe')
  }

  get(remote: string, local: string): Promise<void> {
    return this.#transfer(this.#spec.get, 'get', remote, local)
  }

  put(local: string, remote: string): Promise<void> {
    return this.#transfer(this.#spec.put, 'put', remote, local)
  }

  async close(): Promise<void> {
    process.removeListener('exit', this.#killAll)
    this.#killAll()
  }

  async #transfer(argv: readonly string[] | undefined, what: string, remote: string, local: string) {
    const [program, args] = split(argv, what)
    const filled = args.map((arg) => arg.replaceAll('{remote}', remote).replaceAll('{local}', local))
    const exitCode = await this.#run(program, filled, 'ignore')
    if (exitCode !== 0) throw new Error(`${program} exited with ${exitCode}`)
  }

  #run(program: string, args: readonly string[], output: 'pipe' | 'ignore'): Promise<number> {
    return new Promise((resolve, reject) => {
      const stderr = output === 'pipe' ? 'pipe' : 'inherit'
      const child = spawn(program, args, { stdio: [output, output, stderr] })
      this.#running.add(child)
      child.stdin?.end()
      child.stdout?.resume()
      child.stderr?.resume()
      child.once('error', reject)
      child.once('close', (code) => {
        this.#running.delete(child)
        resolve(code ?? -1)
      })
    })
  }
}

function split(argv: readonly string[] | undefined, what: string): [string, readonly string[]] {
  const [program, ...args] = argv ?? []
  if (program === undefined) throw new Error(`there is no command for '${what}'`)
  return [program, args]
}
