/** Carries one direction of a connection from stream to stream, through its faults, its delay and its rate. Nothing is held without bound. */
import type { Duplex } from 'node:stream'
import { MAX_TIMEOUT_MS } from '../options.js'
import { FaultFilter, type FilterOutput, type ReachedFault } from './fault-filter.js'
import type { CutHow } from './fault-options.js'
import type { FixedPoint } from './fault-points.js'
import type { FrameFormat } from './frame-format.js'
import { type LinkConditions, LinkQueue } from './link-queue.js'

/** What takes its turn among the bytes. */
type Mark = { readonly fault: ReachedFault } | { readonly sender: 'ended' } | { readonly sender: CutHow }

export interface DirectionOptions {
  readonly from: Duplex
  readonly to: Duplex
  readonly format: FrameFormat
  /** A fault takes effect here; the direction has done its own part of it. */
  readonly onFault: (fault: ReachedFault) => void
  /** The sender is gone, without an end or after its own half was closed; everything it had sent has passed. */
  readonly onSenderGone: (how: CutHow) => void
}

export class FaultyDirection {
  readonly #options: DirectionOptions
  readonly #filter: FaultFilter
  readonly #queue = new LinkQueue<Mark>()
  #isBlackHole = false
  /** Bytes that came from the sender, and that went to the receiver. */
  #received = 0
  #passed = 0
  /** Writes that the receiver's stream has not taken yet. */
  #unwritten = 0
  /** Has its turn once everything before it was taken. */
  #waiting: Mark | undefined
  #isBlocked = false
  #isDone = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: DirectionOptions) {
    this.#options = options
    this.#filter = new FaultFilter(options.format)
  }

  start(): void {
    const { from, to } = this.#options
    from.on('data', this.#onData)
    from.on('end', this.#onEnd)
    from.on('close', this.#onClose)
    to.on('drain', this.#onDrain)
    this.#carry()
  }

  get received(): number {
    return this.#received
  }

  get passed(): number {
    return this.#passed
  }

  /** Starts anew: points are counted from here; conditions hold for what is on its way, too. */
  replan(points: readonly FixedPoint[], conditions: LinkConditions): void {
    this.#queue.conditions = conditions
    this.#enqueue(this.#filter.replan(points))
  }

  set isBlackHole(isBlackHole: boolean) {
    this.#isBlackHole = isBlackHole
    this.#carry()
  }

  /** The receiver sees the end, after what is on its way. */
  halfClose(): void {
    if (!this.#filter.isEnded) this.#enqueue([{ fault: this.#filter.stop('halfClose') }])
  }

  /** Nothing is carried any more; what is on its way is lost. */
  stop(): void {
    const { from, to } = this.#options
    this.#isDone = true
    clearTimeout(this.#timer)
    this.#queue.clear()
    from.off('data', this.#onData)
    from.off('end', this.#onEnd)
    from.off('close', this.#onClose)
    to.off('drain', this.#onDrain)
  }

  readonly #onData = (chunk: Buffer) => {
    this.#received += chunk.length
    this.#enqueue(this.#filter.push(chunk))
  }

  readonly #onEnd = () => {
    this.#enqueue(this.#filter.end(), { sender: 'ended' })
  }

  readonly #onClose = () => {
    const { from } = this.#options
    if (from.readableEnded && from.writableFinished) return
    this.#enqueue(this.#filter.end(), { sender: from.errored === null ? 'end' : 'reset' })
  }

  readonly #onDrain = () => {
    this.#isBlocked = false
    this.#carry()
  }

  #enqueue(output: readonly FilterOutput[], mark?: Mark): void {
    const now = performance.now()
    for (const item of output) this.#queue.push('bytes' in item ? item : { mark: item }, now)
    if (mark !== undefined) this.#queue.push({ mark }, now)
    this.#carry()
  }

  /** Hands on whatever may go now, and makes the sender wait for the rest. */
  #carry(): void {
    if (this.#isDone) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#mayGo()) {
      const item = this.#queue.take(performance.now())
      if (item === undefined) break
      if ('bytes' in item) this.#write(item.bytes)
      else this.#act(item.mark)
      if (this.#isDone) return
    }
    const { from } = this.#options
    if (this.#queue.isFull || this.#isBlackHole) from.pause()
    else if (from.isPaused()) from.resume()
    const waitMs = this.#waitMs()
    // Whoever heard of a fault may have come here meanwhile.
    clearTimeout(this.#timer)
    if (waitMs !== undefined) this.#timer = setTimeout(() => this.#carry(), waitMs)
  }

  /** How long there is nothing to do. The timer keeps the process alive meanwhile, as a socket that waits for bytes would. */
  #waitMs(): number | undefined {
    if (this.#isBlackHole) return MAX_TIMEOUT_MS
    const wakeAt = this.#mayGo() ? this.#queue.wakeAt() : undefined
    if (wakeAt === undefined) return undefined
    return Math.min(Math.max(1, Math.ceil(wakeAt - performance.now())), MAX_TIMEOUT_MS)
  }

  #mayGo(): boolean {
    return !this.#isBlocked && !this.#isBlackHole && this.#waiting === undefined
  }

  #write(bytes: Buffer): void {
    const { to } = this.#options
    this.#passed += bytes.length
    if (to.destroyed || to.writableEnded) return
    this.#unwritten += 1
    this.#isBlocked = !to.write(bytes, () => {
      this.#unwritten -= 1
      const mark = this.#waiting
      if (this.#unwritten > 0 || mark === undefined || this.#isDone) return
      this.#waiting = undefined
      this.#act(mark)
      this.#carry()
    })
  }

  #act(mark: Mark): void {
    const { to, onFault, onSenderGone } = this.#options
    const isEnd = 'fault' in mark ? mark.fault.kind === 'cut' : mark.sender !== 'ended'
    // What was let through is to arrive before the end does.
    if (isEnd && this.#unwritten > 0) {
      this.#waiting = mark
      return
    }
    if (!('fault' in mark)) {
      if (mark.sender === 'ended') to.end()
      else onSenderGone(mark.sender)
      return
    }
    if (mark.fault.kind === 'halfClose') to.end()
    if (mark.fault.kind === 'blackHole') this.#isBlackHole = true
    onFault(mark.fault)
  }
}
