/** Faults on demand, and the log of those that happened, over all connections of one test. */
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { TypedEventSource } from '../events.js'
import {
  type CutHow,
  checkCutHow,
  checkDirection,
  checkFaultPlan,
  checkSeed,
  FAULT_DIRECTIONS,
  type FaultDirection,
  type FaultOptions,
  type FaultPlan,
} from './fault-options.js'
import { FaultyLink } from './faulty-link.js'
import type { FrameFormat } from './frame-format.js'

/** A fault that has happened. @public */
export interface FaultRecord {
  /** Counts connections from 0. */
  readonly connection: number
  /** What happened; named as in {@link Faults}. */
  readonly kind: 'cut' | 'halfClose' | 'blackHole' | 'corrupt' | 'duplicate'
  /** Undefined for what is not of one direction: a `cut()`, and a target that could not be reached. */
  readonly direction?: FaultDirection | undefined
  /** Bytes of this direction before it, as they were sent: those that came twice count once. */
  readonly afterBytes?: number | undefined
  /** Whole frames of this direction before it. */
  readonly afterFrames?: number | undefined
  /** For a cut. */
  readonly how?: CutHow | undefined
  /** For a target that could not be reached: the POSIX code, such as `ECONNREFUSED`. */
  readonly code?: string | undefined
}

/** Events of {@link FaultControls}. @public */
export interface FaultEvents {
  /** A fault has happened. */
  fault: (fault: FaultRecord) => void
}

/** One direction of a connection, so far. @public */
export interface FaultTraffic {
  /** Bytes that came from the sender. */
  readonly received: number
  /** Bytes that went on to the receiver. */
  readonly passed: number
}

/** A connection that is open. @public */
export interface FaultConnection {
  /** Counts connections from 0. */
  readonly connection: number
  /** From who connected. */
  readonly up: FaultTraffic
  /** Back to it. */
  readonly down: FaultTraffic
}

/** Entries that the log keeps; older ones are dropped first. */
const MAX_LOG_ENTRIES = 10_000

/**
 * Faults on demand, and the log of those that happened. Each method concerns every connection that is open.
 *
 * @public
 */
export class FaultControls extends TypedEventSource<FaultEvents> {
  /** What was given as `seed`, or drawn: give it again to get the same faults. */
  readonly seed: number
  readonly #log: FaultRecord[] = []
  readonly #links = new Map<number, FaultyLink>()
  readonly #blackHoles = new Set<FaultDirection>()
  #plan: FaultPlan
  #connections = 0
  /** How often faults were set: each time others are drawn. */
  #generation = 0

  /** @internal */
  constructor(where: string, options: FaultOptions, moreKeys: readonly string[] = []) {
    super()
    checkFaultPlan(where, options, ['seed', ...moreKeys])
    checkSeed(where, options.seed)
    this.seed = options.seed ?? randomBytes(4).readUInt32BE()
    this.#plan = options
  }

  /** The faults that happened, oldest first: the newest 10,000. Those of points are the same for the same seed and the same bytes. */
  get log(): readonly FaultRecord[] {
    return [...this.#log]
  }

  /** The connections that are open. */
  get connections(): readonly FaultConnection[] {
    return [...this.#links].map(([connection, link]) => {
      const traffic = (direction: FaultDirection): FaultTraffic => {
        const { received, passed } = link.direction(direction)
        return { received, passed }
      }
      return { connection, up: traffic('up'), down: traffic('down') }
    })
  }

  /** How many connections there were, those that are open among them. */
  get connectionCount(): number {
    return this.#connections
  }

  /** Cuts at once; what is on its way is lost. Throws `ERR_FAKESSH_INVALID_ARG`. */
  cut(options: { readonly how?: CutHow | undefined } = {}): void {
    const { how = 'reset' } = options
    checkCutHow('cut', how)
    for (const [connection, link] of [...this.#links]) {
      link.sever(how)
      this.#record({ connection, kind: 'cut', how })
    }
  }

  /** Ends one direction, after what is on its way in it; the other one lives on. Throws `ERR_FAKESSH_INVALID_ARG`. */
  halfClose(direction: FaultDirection): void {
    checkDirection('halfClose', direction)
    for (const link of [...this.#links.values()]) link.direction(direction).halfClose()
  }

  /**
   * From now on nothing passes in this direction, or in both, and nobody is told; also on connections that are yet to be made. Until
   * `heal()`, which lets through what is held. Throws `ERR_FAKESSH_INVALID_ARG`.
   */
  blackHole(direction?: FaultDirection): void {
    if (direction !== undefined) checkDirection('blackHole', direction)
    for (const one of direction === undefined ? FAULT_DIRECTIONS : [direction]) {
      this.#blackHoles.add(one)
      for (const [connection, link] of [...this.#links]) {
        link.direction(one).isBlackHole = true
        this.#record({ connection, kind: 'blackHole', direction: one })
      }
    }
  }

  /**
   * Sets other faults: delay and rate hold at once, for what is on its way too; points are counted from here, and on connections
   * that are yet to be made from their start. What is left out is not a fault any more; black holes, and faults whose
   * point was passed already, stay.
   * Throws `ERR_FAKESSH_INVALID_ARG`.
   */
  setFaults(plan: FaultPlan): void {
    checkFaultPlan('setFaults', plan)
    this.#plan = plan
    this.#generation += 1
    for (const [connection, link] of [...this.#links])
      link.replan(plan, this.seed, this.#generation, connection)
  }

  /** From now on everything passes as it came: no faults, no delay, no rate, and black holes give out what they held. */
  heal(): void {
    this.setFaults({})
    this.#blackHoles.clear()
    for (const link of [...this.#links.values()])
      for (const direction of FAULT_DIRECTIONS) link.direction(direction).isBlackHole = false
  }

  /** Puts the faults between two streams; returns the number of the connection. @internal */
  join(near: Duplex, far: Duplex, format: FrameFormat): number {
    const connection = this.#connections
    this.#connections += 1
    const link = new FaultyLink({
      near,
      far,
      format,
      onFault: (direction, { kind, afterBytes, afterFrames, how }) => {
        const record = { connection, kind, direction, afterBytes, afterFrames }
        this.#record(kind === 'cut' ? { ...record, how } : record)
      },
      onEnded: () => this.#links.delete(connection),
    })
    this.#links.set(connection, link)
    link.start()
    for (const direction of this.#blackHoles) link.direction(direction).isBlackHole = true
    link.replan(this.#plan, this.seed, this.#generation, connection)
    return connection
  }

  /** Frees what is left when both ends are closed: a black hole, for one, tells neither of them of the other. @internal */
  endAll(): void {
    for (const link of [...this.#links.values()]) link.sever('end')
  }

  /** Tells of a target that could not be reached, which its connection sees as a cut. @internal */
  protected unreachable(connection: number, code: string): void {
    this.#record({ connection, kind: 'cut', how: 'reset', code })
  }

  #record(fault: FaultRecord): void {
    this.#log.push(fault)
    if (this.#log.length > MAX_LOG_ENTRIES) this.#log.shift()
    this.emit('fault', fault)
  }
}
