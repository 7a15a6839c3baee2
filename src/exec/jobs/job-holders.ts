/**
 * Who may be attached to a job. A holder is one exec or attach of a client, however many connections it takes: each of its attempts takes the
 * place of the one before, wherever the bytes of that still are. Of two holders the newer one stays, and the older one is not let in again.
 */
import type { Attempt } from '../../connection/attempt.js'
import { FakeSshError } from '../../errors.js'

/** More than this many replaced holders of a job are not remembered: the oldest is taken for a new one. */
const MAX_REPLACED = 1_000

export class JobHolders {
  #current: Attempt | undefined
  /** Of the first OPEN of the current holder: later ones of it make it no newer than another. */
  #arrival = 0
  /** Oldest first. */
  readonly #replaced = new Set<string>()

  /**
   * Lets an OPEN in, or throws `ERR_FAKESSH_FENCED`: it comes late, from a connection that was given up or after a long decision, or its holder was
   * replaced.
   *
   * @param arrival - its place in the order in which OPENs arrived
   */
  admit({ holder, attempt }: Attempt, arrival: number): void {
    const current = this.#current
    const isLate = holder === current?.holder ? attempt <= current.attempt : arrival < this.#arrival
    if (isLate || this.#replaced.has(holder))
      throw new FakeSshError(
        'ERR_FAKESSH_FENCED',
        'a newer attachment to this job took the place of this one',
      )
    if (holder !== current?.holder) {
      if (current !== undefined) this.#replace(current.holder)
      this.#arrival = arrival
    }
    this.#current = { holder, attempt }
  }

  #replace(holder: string): void {
    this.#replaced.add(holder)
    const [oldest] = this.#replaced
    if (oldest !== undefined && this.#replaced.size > MAX_REPLACED) this.#replaced.delete(oldest)
  }
}
