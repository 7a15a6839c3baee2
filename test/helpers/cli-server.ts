// `examples/cli serve`, and its client against it.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Ended,
  ExampleSandbox,
  type RunningExample,
  type StartOptions,
  Workplace,
} from './example-sandbox.js'

export class CliServer {
  readonly sandbox: ExampleSandbox
  readonly url: string
  readonly #root: Workplace
  readonly #server: RunningExample
  #folders = 0

  private constructor(sandbox: ExampleSandbox, root: Workplace, server: RunningExample, url: string) {
    this.sandbox = sandbox
    this.#root = root
    this.#server = server
    this.url = url
  }

  static async start(options: readonly string[] = []): Promise<CliServer> {
    const sandbox = new ExampleSandbox()
    const root = sandbox.workplace()
    const server = sandbox.start('cli', ['serve', '--root', root.path, ...options])
    const [url] = await server.seen(/^fakessh:\/\/\S+/m)
    return new CliServer(sandbox, root, server, url)
  }

  /** A fresh folder in the root: its remote name, and where it is. */
  folder(): { readonly remote: string; readonly here: Workplace } {
    this.#folders += 1
    const remote = `folder-${this.#folders}`
    mkdirSync(this.#root.at(remote))
    return { remote, here: new Workplace(join(this.#root.path, remote)) }
  }

  /** Resolves once the server's log has it. */
  logged(pattern: RegExp): Promise<unknown> {
    return this.#server.seen(pattern, 'stderr')
  }

  start(args: readonly string[], options: StartOptions = {}): RunningExample {
    return this.sandbox.start('cli', args, { ...options, env: { FAKESSH_URL: this.url, ...options.env } })
  }

  run(args: readonly string[], options: StartOptions = {}): Promise<Ended> {
    return this.start(args, { input: '', ...options }).ended
  }

  kill(): void {
    this.#server.kill('SIGKILL')
  }

  /** Ends the server as Ctrl-C does. */
  async stop(): Promise<Ended> {
    this.#server.kill('SIGINT')
    return this.#server.ended
  }
}
