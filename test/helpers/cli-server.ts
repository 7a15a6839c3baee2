// `examples/cli serve`, and its client against it.
import { type Ended, ExampleSandbox, type RunningExample, type StartOptions } from './example-sandbox.js'

export class CliServer {
  readonly sandbox: ExampleSandbox
  readonly url: string
  readonly #server: RunningExample

  private constructor(sandbox: ExampleSandbox, server: RunningExample, url: string) {
    this.sandbox = sandbox
    this.#server = server
    this.url = url
  }

  static async start(options: readonly string[] = []): Promise<CliServer> {
    const sandbox = new ExampleSandbox()
    const server = sandbox.start('cli', ['serve', '--root', sandbox.root, ...options])
    const [url] = await server.seen(/^fakessh:\/\/\S+/m)
    return new CliServer(sandbox, server, url)
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
