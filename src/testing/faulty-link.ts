/** One connection with faults in it: joins two streams, in both directions, until both are closed. */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { systemError } from '../transport/system-error.js'
import type { ReachedFault } from './fault-filter.js'
import { type CutHow, FAULT_DIRECTIONS, type FaultDirection, type FaultPlan } from './fault-options.js'
import { fixedPoints } from './fault-points.js'
import { FaultyDirection } from './faulty-direction.js'
import type { FrameFormat } from './frame-format.js'

export interface FaultyLinkOptions {
  /** Of who connected. */
  readonly near: Duplex
  /** Of who listened. */
  readonly far: Duplex
  readonly format: FrameFormat
  readonly onFault: (direction: FaultDirection, fault: ReachedFault) => void
  /** Nothing passes any more. Called once. */
  readonly onEnded: () => void
}

export class FaultyLink {
  readonly #options: FaultyLinkOptions
  readonly #directions: { readonly [Direction in FaultDirection]: FaultyDirection }
  #open = 2
  #isEnded = false

  constructor(options: FaultyLinkOptions) {
    const { near, far, format } = options
    this.#options = options
    const direction = (name: FaultDirection, from: Duplex, to: Duplex) =>
      new FaultyDirection({
        from,
        to,
        format,
        onFault: (fault) => {
          options.onFault(name, fault)
          if (fault.kind === 'cut') this.sever(fault.how)
        },
        onSenderGone: (how) => this.sever(how),
      })
    this.#directions = { up: direction('up', near, far), down: direction('down', far, near) }
  }

  start(): void {
    for (const stream of [this.#options.near, this.#options.far]) {
      // Each direction can end by itself. What befalls a stream is told by its 'close'.
      stream.allowHalfOpen = true
      stream.on('error', () => {})
      stream.once('close', () => {
        this.#open -= 1
        if (this.#open === 0) this.#end()
      })
    }
    for (const direction of FAULT_DIRECTIONS) this.#directions[direction].start()
  }

  direction(direction: FaultDirection): FaultyDirection {
    return this.#directions[direction]
  }

  /** Draws the points anew; `salts` tell them from those of other connections and earlier plans. */
  replan(plan: FaultPlan, seed: number, ...salts: readonly number[]): void {
    FAULT_DIRECTIONS.forEach((direction, index) => {
      const faults = plan[direction] ?? {}
      const { delayMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY } = faults
      const points = fixedPoints(faults, seed, ...salts, index)
      this.#directions[direction].replan(points, { delayMs, bytesPerSecond })
    })
  }

  /** Ends both streams at once; what is on its way is lost. */
  sever(how: CutHow): void {
    this.#end()
    for (const stream of [this.#options.near, this.#options.far]) {
      if (how === 'reset') reset(stream)
      else stream.destroy()
    }
  }

  #end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    for (const direction of FAULT_DIRECTIONS) this.#directions[direction].stop()
    this.#options.onEnded()
  }
}

function reset(stream: Duplex): void {
  if (!(stream instanceof Socket)) {
    stream.destroy(systemError('ECONNRESET', 'cut by a fault'))
    return
  }
  // A unix socket knows no reset. Neither has a socket that is still connecting anybody to tell; and Node cannot reset one whose own end
  // is on its way: it then never closes the handle.
  const isResettable = stream.remoteFamily !== undefined && !stream.connecting && !stream.writableEnded
  if (isResettable) stream.resetAndDestroy()
  else stream.destroy()
}
