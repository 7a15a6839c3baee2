/** One durable exec: a program that outlives the channel it was started on, with what it wrote and how it ended. */
import type { IncomingOpen } from '../../connection/channel-handler.js'
import { invalidArgument } from '../../errors.js'
import { type ExitMessage, fitText, type JsonObject } from '../../protocol/messages.js'
import type { ExecEnd, ExecStart } from '../exec-observer.js'
import { drainOutputs } from '../exit-drain.js'
import { parseSignalParams } from '../messages.js'
import { OutputPump } from '../output-pump.js'
import { type ProcessGroup, requireSignal } from '../process-group.js'
import { shownCommand } from '../shown-command.js'
import type { ProgramExit } from '../spawn/program.js'
import { type AttachRequest, JobAttachment } from './job-attachment.js'
import { JobHolders } from './job-holders.js'
import { JobStdin } from './job-stdin.js'
import { OutputLog, type OutputLogLimits } from './output-log.js'

export interface JobOptions {
  /** 64 hex digits. */
  readonly id: string
  readonly start: ExecStart
  /** What the OPEN_OK of each attachment says of the program. */
  readonly info: JsonObject
  readonly limits: OutputLogLimits
  /** Between SIGTERM and SIGKILL when the server ends it. */
  readonly killGraceMs: number
  /** Quiet time after the program's end, after which outputs that others hold open are given up. */
  readonly leakGraceMs: number
  /** Called once, when the program and its output have ended. */
  readonly onEnded: (end: ExecEnd) => void
  /** Called when an attachment has ended. */
  readonly onDetached: () => void
  /** Something of the server's own failed that does not end the job. */
  readonly onFault: (error: unknown) => void
}

/** Of the command in an OPEN_OK: enough to recognise it by, and far from filling a frame. */
const MAX_COMMAND_CHARACTERS = 1_024

/** The exit that says nothing, for a program whose end could not be learned. */
const UNKNOWN: ProgramExit = { exitCode: null, signal: null }

export class Job {
  readonly id: string
  readonly start: ExecStart
  readonly startedAtMs = Date.now()
  readonly stdin: JobStdin
  readonly stdout: OutputLog
  readonly stderr: OutputLog
  readonly #group: ProcessGroup
  readonly #options: JobOptions
  readonly #pumps: readonly OutputPump[]
  readonly #startedAt = performance.now()
  #attachment: JobAttachment | undefined
  readonly #holders = new JobHolders()
  #programExit = UNKNOWN
  #exit: ExitMessage | undefined
  #isTerminated = false

  constructor(group: ProcessGroup, options: JobOptions) {
    this.id = options.id
    this.start = options.start
    this.#group = group
    this.#options = options
    this.stdin = new JobStdin(group.stdin)
    const [stdout, stderr] = [group.stdout, group.stderr].map((source) => {
      const log = new OutputLog(options.limits, options.onFault)
      const pump = new OutputPump(source, (bytes, taken) => log.append(bytes, () => taken(true)))
      void pump.ended.then(() => log.finish())
      return { log, pump }
    }) as [LoggedOutput, LoggedOutput]
    this.stdout = stdout.log
    this.stderr = stderr.log
    this.#pumps = [stdout.pump, stderr.pump]
  }

  /** The command line, or the words of the program and its arguments. */
  get command(): string {
    const { target } = this.start
    return 'command' in target ? target.command : shownCommand(target.file, target.args)
  }

  /** True once the program and its output have ended. */
  get hasEnded(): boolean {
    return this.#exit !== undefined
  }

  /** How it ended; both null while it runs, and where that could not be learned. */
  get programExit(): ProgramExit {
    return this.hasEnded ? this.#programExit : UNKNOWN
  }

  get isAttached(): boolean {
    return this.#attachment !== undefined
  }

  /** Follows the program to its end. Never rejects. */
  async run(): Promise<void> {
    try {
      const exit = await this.#group.exited
      if (!this.#isTerminated) this.#programExit = exit
      const stdioLeaked = await drainOutputs(this.#pumps, this.#options.leakGraceMs)
      await Promise.all([this.stdout.ended, this.stderr.ended])
      if (this.#isTerminated) return
      this.stdin.close()
      this.#end({ ...exit, stdioLeaked, stdinBytes: this.stdin.bytesTaken }, stdioLeaked)
    } catch (error) {
      this.#fail(error)
    }
  }

  /**
   * Answers an OPEN by attaching its channel, in place of the one that is. Throws `ERR_FAKESSH_INVALID_ARG` for an offset that is not there
   * yet, and `ERR_FAKESSH_FENCED` as {@link JobHolders.admit} does.
   */
  attach(open: IncomingOpen, { arrival, ...from }: AttachRequest): void {
    for (const output of ['stdout', 'stderr'] as const) {
      if (from[output] > this[output].end)
        throw invalidArgument(`attach ${output}`, `an offset up to ${this[output].end}`, String(from[output]))
    }
    this.#holders.admit(from, arrival)
    const older = this.#attachment
    // First, as without a reader output is dropped.
    const attachment = new JobAttachment(open.channel, this, from)
    this.#attachment = attachment
    older?.end('ERR_FAKESSH_FENCED', 'another attachment to this job took the place of this one')
    const { offset: stdin, isEnded: stdinEnded } = this.stdin
    const command = fitText(this.command, MAX_COMMAND_CHARACTERS)
    const job = { id: this.id, command, stdin, stdinEnded, ...attachment.from }
    open.accept({ ...this.#options.info, job }, [this.stdin.offer()], attachment)
    attachment.start()
    if (this.#exit !== undefined) attachment.onJobEnded(this.#exit)
  }

  /** Does what a `signal` REQUEST asks for. Throws `ERR_FAKESSH_INVALID_ARG`. */
  signal(params: JsonObject): JsonObject {
    const { signal, forceKillAfterMs } = parseSignalParams(params)
    const delivered = this.#group.kill(requireSignal(signal))
    if (delivered && forceKillAfterMs !== undefined) this.#group.killAfter(forceKillAfterMs)
    return { delivered }
  }

  /** Ends the program, and all that it started, as the end of a connection ends any exec. Resolves when it is gone. Never rejects. */
  async terminate(): Promise<void> {
    if (this.hasEnded) return
    this.#isTerminated = true
    for (const pump of this.#pumps) pump.discard()
    await this.#group.terminate(this.#options.killGraceMs)
    this.#stop()
    // Not the code of what a closing server refuses to start: this one ran.
    const error = { code: 'ERR_FAKESSH_CANCELLED', message: 'the server was closed and has ended the job' }
    // Not after its output: some of that was thrown away, and who does not read would not hear of it.
    this.#attachment?.end(error.code, error.message)
    this.#end({ error }, false)
  }

  /** Gives up what it holds. An attachment is told that the job is gone. Never rejects. */
  async dispose(): Promise<void> {
    this.#attachment?.end('ERR_FAKESSH_NO_JOB', 'the job was dropped')
    await Promise.all([this.stdout.dispose(), this.stderr.dispose()])
  }

  /** For an attachment. */
  onDetached(attachment: JobAttachment): void {
    if (this.#attachment !== attachment) return
    this.#attachment = undefined
    this.#options.onDetached()
  }

  /** For an attachment: the log cannot be read. The program goes on, and another may attach further on. */
  onFailed(error: unknown): void {
    this.#options.onFault(error)
    this.#attachment?.end('ERR_FAKESSH_INTERNAL', 'the server failed to read the output of the job')
  }

  /** A failure of our own. Nobody waits for this object, so as a rejection it would end the process, with every connection. */
  #fail(error: unknown): void {
    if (this.hasEnded) return
    this.#stop()
    void this.#group.terminate(this.#options.killGraceMs)
    const message = 'the server failed to follow the command to its end'
    this.#end({ error: { code: 'ERR_FAKESSH_INTERNAL', message } }, false, error)
  }

  #stop(): void {
    this.stdin.close()
    for (const pump of this.#pumps) pump.stop()
  }

  #end(exit: ExitMessage, stdioLeaked: boolean, error?: unknown): void {
    if (this.hasEnded) return
    this.#exit = exit
    this.#attachment?.onJobEnded(exit)
    this.#options.onEnded({
      ...this.#programExit,
      stdioLeaked,
      isCancelled: this.#isTerminated,
      durationMs: performance.now() - this.#startedAt,
      stdinBytes: this.stdin.bytesTaken,
      stdoutBytes: this.stdout.end,
      stderrBytes: this.stderr.end,
      ...(error === undefined ? {} : { error }),
    })
  }
}

interface LoggedOutput {
  readonly log: OutputLog
  readonly pump: OutputPump
}
