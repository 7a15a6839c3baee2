/** This library, used as its documentation shows. */
import { createReadStream, createWriteStream } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { finished, pipeline } from 'node:stream/promises'
import { FakeSshClient } from 'fake-ssh'
import type { FakeSshSpec } from './client-spec.js'
import type { Direction, LibraryClient, RunningTransfer } from './remote-client.js'

const STALLED_AFTER_BYTES = 1_048_576

export class FakeSshRemote implements LibraryClient {
  readonly #client: FakeSshClient
  readonly #usesPaths: boolean

  private constructor(client: FakeSshClient, usesPaths: boolean) {
    this.#client = client
    this.#usesPaths = usesPaths
  }

  static async connect({ port, user, token, usesPaths = false }: FakeSshSpec): Promise<FakeSshRemote> {
    return new FakeSshRemote(await FakeSshClient.connect({ port, user, token }), usesPaths)
  }

  async exec(command: string): Promise<number> {
    const { exitCode } = await this.#client.run(command, { reject: false })
    return exitCode ?? -1
  }

  async get(remote: string, local: string): Promise<void> {
    if (this.#usesPaths) await this.#client.download(remote, local)
    else await pipeline(this.#client.get(remote), createWriteStream(local))
  }

  async put(local: string, remote: string): Promise<void> {
    if (this.#usesPaths) await this.#client.upload(local, remote)
    else await pipeline(createReadStream(local), this.#client.put(remote))
  }

  async start(direction: Direction, remote: string, local: string): Promise<RunningTransfer> {
    if (direction === 'get') {
      const target = createWriteStream(local)
      const done = pipeline(this.#client.get(remote), target)
      return { done, transferredBytes: () => target.bytesWritten }
    }
    const source = createReadStream(local)
    const done = pipeline(source, this.#client.put(remote))
    return { done, transferredBytes: () => source.bytesRead }
  }

  async stdout(command: string, onChunk: (chunk: Uint8Array) => void): Promise<number> {
    const running = this.#client.exec(command)
    running.on('data', onChunk)
    running.end()
    await finished(running, { writable: false })
    const { exitCode } = await running.result
    return exitCode ?? -1
  }

  read(remote: string): Promise<Buffer> {
    return buffer(this.#client.get(remote))
  }

  async stall(remote: string): Promise<void> {
    const stream = this.#client.get(remote)
    let bytes = 0
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject)
      stream.on('data', (chunk) => {
        bytes += chunk.length
        if (bytes < STALLED_AFTER_BYTES) return
        stream.pause()
        resolve()
      })
    })
  }

  async close(): Promise<void> {
    await this.#client.close({ drainMs: 0 })
  }
}
