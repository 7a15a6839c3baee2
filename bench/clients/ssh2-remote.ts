/** The `ssh2` package, as its documentation shows it, with the cipher that everybody here uses. */
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import ssh2, { type Client, type ClientChannel, type ConnectConfig, type SFTPWrapper } from 'ssh2'
import type { Ssh2Spec } from './client-spec.js'
import type { Direction, LibraryClient, RunningTransfer } from './remote-client.js'

const CIPHER = 'aes128-gcm@openssh.com'
const STALLED_AFTER_BYTES = 1_048_576

export class Ssh2Remote implements LibraryClient {
  readonly #client: Client
  readonly #root: string
  #sftp: Promise<SFTPWrapper> | undefined

  private constructor(client: Client, root: string) {
    this.#client = client
    this.#root = root
  }

  static async connect(spec: Ssh2Spec): Promise<Ssh2Remote> {
    const { port, user, keyFile, root, hasNoDelay = false } = spec
    const client = new ssh2.Client()
    const config: ConnectConfig = {
      host: '127.0.0.1',
      port,
      username: user,
      ...(keyFile === undefined ? { password: 'any' } : { privateKey: readFileSync(keyFile) }),
      algorithms: { cipher: [CIPHER] },
    }
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve)
      client.once('error', reject)
      client.connect(config)
      if (hasNoDelay) client.setNoDelay(true)
    })
    // What fails later fails the operation that is running.
    client.on('error', () => {})
    return new Ssh2Remote(client, root)
  }

  async exec(command: string): Promise<number> {
    const channel = await this.#exec(command)
    channel.resume()
    channel.stderr.resume()
    return exitCodeOf(channel, 'close')
  }

  async get(remote: string, local: string): Promise<void> {
    const { done } = await this.start('get', remote, local)
    await done
  }

  async put(local: string, remote: string): Promise<void> {
    const { done } = await this.start('put', remote, local)
    await done
  }

  async start(direction: Direction, remote: string, local: string): Promise<RunningTransfer> {
    const sftp = await this.#openSftp()
    let bytes = 0
    const step = (total: number) => {
      bytes = total
    }
    const done = new Promise<void>((resolve, reject) => {
      const callback = (error?: Error | null) => (error ? reject(error) : resolve())
      if (direction === 'get') sftp.fastGet(this.#path(remote), local, { step }, callback)
      else sftp.fastPut(local, this.#path(remote), { step }, callback)
    })
    return { done, transferredBytes: () => bytes }
  }

  async stdout(command: string, onChunk: (chunk: Uint8Array) => void): Promise<number> {
    const channel = await this.#exec(command)
    channel.on('data', onChunk)
    const exitCode = exitCodeOf(channel, 'exit')
    await new Promise((resolve) => channel.once('end', resolve))
    return exitCode
  }

  async read(remote: string): Promise<Buffer> {
    const sftp = await this.#openSftp()
    return new Promise((resolve, reject) => {
      sftp.readFile(this.#path(remote), {}, (error, content) => (error ? reject(error) : resolve(content)))
    })
  }

  async stall(remote: string): Promise<void> {
    const sftp = await this.#openSftp()
    const stream = sftp.createReadStream(this.#path(remote))
    let bytes = 0
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject)
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes < STALLED_AFTER_BYTES) return
        stream.pause()
        resolve()
      })
    })
  }

  async close(): Promise<void> {
    this.#client.destroy()
  }

  #path(remote: string): string {
    return `${this.#root}/${remote}`
  }

  #openSftp(): Promise<SFTPWrapper> {
    this.#sftp ??= promisify(this.#client.sftp.bind(this.#client))() as Promise<SFTPWrapper>
    return this.#sftp
  }

  #exec(command: string): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      this.#client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)))
    })
  }
}

/** `close` comes only when all output was read; `exit` also when some of it never is. */
function exitCodeOf(channel: ClientChannel, event: 'exit' | 'close'): Promise<number> {
  return new Promise((resolve) => {
    channel.once(event, (code: number | null) => resolve(code ?? -1))
  })
}
