/** A channel handler that writes down what it is told, and lets a test wait for it. */
import type { Channel, ChannelHandler } from '../../src/connection/channel-handler.js'
import type { FakeSshError } from '../../src/errors.js'
import type { CommitMessage, ExitMessage, JsonObject } from '../../src/protocol/messages.js'
import { gate } from './gate.js'

export class RecordingHandler implements ChannelHandler {
  /** In order: `opened`, `data 0 text`, `eof 0`, `exit {…}`, `commit {…}`, `draining`, `closed`, `closed ERR_…`. */
  readonly log: string[] = []
  readonly received: Buffer[][] = []
  readonly acknowledged: number[] = []
  channel: Channel | undefined
  /** Bytes are credited at once unless this is set. */
  isHolding = false
  /** Called after the event was written down. */
  onEvent: (event: string) => void = () => {}
  error: FakeSshError | undefined
  /** Answers the peer's REQUESTs; without it they are refused. */
  onRequest?: NonNullable<ChannelHandler['onRequest']>
  closedTimes = 0
  readonly #closed = gate<FakeSshError | undefined>()
  readonly #opened = gate<JsonObject>()
  readonly #ended = [gate<void>(), gate<void>()]

  /** Settles when the channel was confirmed. */
  get opened(): Promise<JsonObject> {
    return this.#opened.promise
  }

  /** Settles with what `onClosed` was told. */
  get closed(): Promise<FakeSshError | undefined> {
    return this.#closed.promise
  }

  /** Settles when the stream (0 or 1) has ended. */
  ended(stream: number): Promise<void> | undefined {
    return this.#ended[stream]?.promise
  }

  bytesOn(stream: number): Buffer {
    return Buffer.concat(this.received[stream] ?? [])
  }

  onOpened(info: JsonObject): void {
    this.#note('opened')
    this.#opened.open(info)
  }

  onData(stream: number, bytes: Uint8Array): void {
    const copies = this.received[stream] ?? []
    this.received[stream] = copies
    copies.push(Buffer.from(bytes))
    if (!this.isHolding) this.channel?.consumed(stream, bytes.length)
    this.#note(`data ${stream} ${bytes.length > 40 ? `${bytes.length} bytes` : Buffer.from(bytes)}`)
  }

  onEof(stream: number): void {
    this.#note(`eof ${stream}`)
    this.#ended[stream]?.open()
  }

  onAcknowledged(stream: number, consumed: number): void {
    this.acknowledged[stream] = consumed
    this.onEvent('acknowledged')
  }

  onExit(exit: ExitMessage): void {
    this.#note(`exit ${'error' in exit ? exit.error.code : (exit.signal ?? exit.exitCode)}`)
  }

  onCommit(commit: CommitMessage): void {
    this.#note(`commit ${'error' in commit ? commit.error.code : commit.bytes}`)
  }

  onDraining(): void {
    this.#note('draining')
  }

  onClosed(error: FakeSshError | undefined): void {
    this.closedTimes += 1
    this.error = error
    this.#note(error === undefined ? 'closed' : `closed ${error.code}`)
    this.channel?.close()
    this.#closed.open(error)
  }

  #note(event: string): void {
    if (this.closedTimes > 0 && !event.startsWith('closed')) this.log.push(`after the end: ${event}`)
    else this.log.push(event)
    this.onEvent(event)
  }
}
