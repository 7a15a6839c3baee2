/** One channel attached to a job: its outputs from where the client wants them, its stdin, signals, and the EXIT. */
import type { Attempt } from '../../connection/attempt.js'
import type { Channel, ChannelHandler } from '../../connection/channel-handler.js'
import { FakeSshError } from '../../errors.js'
import type { ExitMessage, JsonObject } from '../../protocol/messages.js'
import { STDERR, STDIN, STDOUT } from '../messages.js'
import type { JobStdin } from './job-stdin.js'
import type { OutputLog } from './output-log.js'
import { OutputSender } from './output-sender.js'

/** What an attachment needs of its job. */
export interface AttachedJob {
  readonly stdin: JobStdin
  readonly stdout: OutputLog
  readonly stderr: OutputLog
  signal(params: JsonObject): JsonObject
  onDetached(attachment: JobAttachment): void
  /** The job is failing on the server's side. */
  onFailed(error: unknown): void
}

/** An offset in each output. */
export interface OutputOffsets {
  readonly stdout: number
  readonly stderr: number
}

/** What an OPEN asks for that is to be attached. */
export interface AttachRequest extends OutputOffsets, Attempt {
  /** Its place among all OPENs: {@link JobTable.nextArrival}, taken when it arrived. */
  readonly arrival: number
}

export class JobAttachment implements ChannelHandler {
  readonly #channel: Channel
  readonly #job: AttachedJob
  readonly #stdout: OutputSender
  readonly #stderr: OutputSender
  #unfinished = 2
  #exit: ExitMessage | undefined
  #hasSentExit = false
  #isOver = false

  /** Nothing of the outputs from there on is dropped any more. */
  constructor(channel: Channel, job: AttachedJob, from: OutputOffsets) {
    this.#channel = channel
    this.#job = job
    const hooks = {
      onEnded: () => {
        this.#unfinished -= 1
        this.#finish()
      },
      onFailed: (error: unknown) => this.#job.onFailed(error),
    }
    this.#stdout = new OutputSender(job.stdout, from.stdout, channel, STDOUT, hooks)
    this.#stderr = new OutputSender(job.stderr, from.stderr, channel, STDERR, hooks)
  }

  /** The first byte that is sent of each output. */
  get from(): OutputOffsets {
    return { stdout: this.#stdout.from, stderr: this.#stderr.from }
  }

  /** To be called once the channel was accepted. */
  start(): void {
    this.#job.stdin.attach((bytes, widerBy) => {
      if (bytes + widerBy > 0) this.#channel.consumed(STDIN, bytes, widerBy)
    })
    this.#stdout.start()
    this.#stderr.start()
  }

  /** How the job ended, to be told after all output. */
  onJobEnded(exit: ExitMessage): void {
    this.#exit = exit
    this.#finish()
  }

  /** Ends the attachment with an error. The job goes on, if it does. */
  end(code: string, message: string): void {
    if (this.#isOver) return
    this.#detach()
    // At once: who does not read what is queued would never hear of it.
    this.#channel.sendExit({ error: { code, message } }, true)
    this.#channel.close()
  }

  onData(_stream: number, bytes: Uint8Array): void {
    if (!this.#isOver) this.#job.stdin.write(bytes)
  }

  onEof(): void {
    if (!this.#isOver) this.#job.stdin.end()
  }

  onAcknowledged(stream: number, consumed: number): void {
    const sender = stream === STDOUT ? this.#stdout : this.#stderr
    sender.onAcknowledged(consumed)
  }

  onRequest(type: string, params: JsonObject): JsonObject {
    if (type !== 'signal')
      throw new FakeSshError('ERR_FAKESSH_UNSUPPORTED', 'an attachment takes only signal requests')
    if (this.#isOver) return { delivered: false }
    return this.#job.signal(params)
  }

  onClosed(): void {
    this.#detach()
    this.#channel.close()
  }

  #detach(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stdout.stop()
    this.#stderr.stop()
    this.#job.stdin.detach()
    this.#job.onDetached(this)
  }

  #finish(): void {
    if (this.#exit === undefined || this.#unfinished > 0 || this.#isOver || this.#hasSentExit) return
    this.#hasSentExit = true
    this.#channel.sendExit(this.#exit)
    this.#channel.close()
  }
}
