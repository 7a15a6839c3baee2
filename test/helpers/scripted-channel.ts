// A channel whose peer is the test: it sees what is sent, and says when the transport has taken it.
import type { Channel } from '../../src/connection/channel-handler.js'
import { FakeSshError } from '../../src/errors.js'
import type { CommitMessage } from '../../src/protocol/messages.js'

export class ScriptedChannel implements Channel {
  readonly id = 1
  readonly kind = 'test'
  readonly peerLabel = 'peer:1'
  isClosed = false
  /** What was sent, in order, copied at the time: 'eof', 'close' and 'abort' are said in words. */
  readonly sent: (Buffer | CommitMessage | 'eof' | 'close' | 'abort')[] = []
  /** The very buffers that were handed over. */
  readonly buffers: Uint8Array[] = []
  /** Bytes for which credit was given. */
  consumedBytes = 0
  /** Called with every piece; by default the transport takes it in the next turn. */
  onSend: (taken: () => void) => void = (taken) => setImmediate(taken)
  readonly #waiting = new Set<(error?: FakeSshError) => void>()

  /** All the bytes that were sent. */
  get content(): Buffer {
    return Buffer.concat(this.sent.filter((one) => Buffer.isBuffer(one)))
  }

  get waiting(): number {
    return this.#waiting.size
  }

  send(_stream: number, bytes: Uint8Array, taken: (error?: FakeSshError) => void): void {
    this.sent.push(Buffer.from(bytes))
    this.buffers.push(bytes)
    this.#waiting.add(taken)
    if (this.isClosed) this.end()
    else this.onSend(() => this.#waiting.delete(taken) && taken())
  }

  /** The channel ends: what waits is dropped. */
  end(): void {
    this.isClosed = true
    for (const taken of [...this.#waiting]) {
      this.#waiting.delete(taken)
      taken(new FakeSshError('ERR_FAKESSH_CLOSED', 'the channel closed'))
    }
  }

  sendEof(): void {
    this.sent.push('eof')
  }

  sendExit(): void {
    throw new Error('no transfer sends EXIT')
  }

  sendCommit(commit: CommitMessage): void {
    this.sent.push(commit)
  }

  request(): Promise<never> {
    throw new Error('no transfer sends REQUEST')
  }

  consumed(_stream: number, bytes: number): void {
    this.consumedBytes += bytes
  }

  received(): number {
    return 0
  }

  close(): void {
    this.sent.push('close')
    this.end()
  }

  abort(): void {
    this.sent.push('abort')
    this.end()
  }
}
