/** Makes faults on one link, at random times, until it is told to stop. */
import { setTimeout as pause } from 'node:timers/promises'
import type { FaultDirection, FaultProxy } from 'fake-ssh/testing'
import type { Random } from './random.js'

/** Between two faults. */
const PAUSE_MS = [50, 2_000] as const
/** Of those that last: from what nobody notices to well above the keepalive bound. */
const LASTING_MS = [100, 5_000] as const
const MAX_AFTER_BYTES = 500_000

const DIRECTIONS: readonly FaultDirection[] = ['up', 'down']

export class FaultMaker {
  readonly #proxy: FaultProxy
  readonly #random: Random
  readonly #stop = new AbortController()
  readonly #counts: { [kind: string]: number } = {}
  #running: Promise<void> | undefined

  constructor(proxy: FaultProxy, random: Random) {
    this.#proxy = proxy
    this.#random = random
  }

  /** Faults so far, by kind. */
  get counts(): { readonly [kind: string]: number } {
    return this.#counts
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error
    })
  }

  /** Everything passes again afterwards. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    this.#proxy.heal()
  }

  async #run(): Promise<void> {
    const kinds = Object.keys(this.#faults)
    for (;;) {
      await this.#pause(PAUSE_MS)
      const kind = this.#random.pick(kinds)
      this.#counts[kind] = (this.#counts[kind] ?? 0) + 1
      await this.#faults[kind]?.()
      this.#proxy.heal()
    }
  }

  /** Each leaves the link as it likes; it is healed afterwards. */
  readonly #faults: { readonly [kind: string]: () => Promise<void> | void } = {
    'cut, reset': () => this.#proxy.cut({ how: 'reset' }),
    'cut, end': () => this.#proxy.cut({ how: 'end' }),
    'half-close': () => this.#proxy.halfClose(this.#random.pick(DIRECTIONS)),
    'black hole': async () => {
      this.#proxy.blackHole(this.#random.pick([...DIRECTIONS, undefined]))
      await this.#pause(LASTING_MS)
    },
    corrupt: () => this.#atPoint('corrupt'),
    duplicate: () => this.#atPoint('duplicate'),
    delay: async () => {
      const delayMs = this.#random.between(1, 100)
      this.#proxy.setFaults({ up: { delayMs }, down: { delayMs } })
      await this.#pause(LASTING_MS)
    },
    rate: async () => {
      const bytesPerSecond = this.#random.between(50_000, 5_000_000)
      this.#proxy.setFaults({ up: { bytesPerSecond }, down: { bytesPerSecond } })
      await this.#pause(LASTING_MS)
    },
  }

  /** Once: on a link that damages every connection anew nothing would ever get on. */
  async #atPoint(kind: 'corrupt' | 'duplicate'): Promise<void> {
    const afterBytes = this.#random.between(0, MAX_AFTER_BYTES)
    const heal = () => this.#proxy.heal()
    this.#proxy.once('fault', heal)
    this.#proxy.setFaults({ [this.#random.pick(DIRECTIONS)]: { [kind]: { afterBytes } } })
    await this.#pause(LASTING_MS)
    this.#proxy.off('fault', heal)
  }

  async #pause([min, max]: readonly [number, number]): Promise<void> {
    await pause(this.#random.between(min, max), undefined, { signal: this.#stop.signal })
  }
}
