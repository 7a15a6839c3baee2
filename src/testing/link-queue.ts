/**
 * What is on its way in one direction: holds everything back by the delay, lets it go no faster than the rate, and keeps its order. Pure:
 * time, in milliseconds, is an argument.
 */

export interface LinkConditions {
  readonly delayMs: number
  /** Infinity: no limit. */
  readonly bytesPerSecond: number
}

/** Something that takes its turn among the bytes, but no time. */
interface Mark<M> {
  readonly mark: M
}

type Item<M> = { readonly bytes: Buffer } | Mark<M>

interface Held<M> {
  item: Item<M>
  readonly arrivedAt: number
}

/** Held without a delay before the sender is made to wait. */
const BASE_BYTES = 16_384
/** Held at most, however long the delay: 64 MiB is what 6 Gbit/s bring in 85 ms. With more, the sender is made to wait. */
const MAX_HELD_BYTES = 67_108_864
/** What an item costs besides its bytes, so that many small ones are bounded too. */
const ITEM_BYTES = 128
/** With a rate, bytes go in pieces that last so long: many small ones rather than few large ones. */
const PIECE_MS = 10

export class LinkQueue<M> {
  #conditions: LinkConditions = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY }
  #items: (Held<M> | undefined)[] = []
  /** Items before this are gone. */
  #first = 0
  #heldBytes = 0
  /** When the last byte let go will have passed, at the rate. */
  #freeAt = Number.NEGATIVE_INFINITY

  /** Applies from now on, also to what is held. */
  set conditions(conditions: LinkConditions) {
    this.#conditions = conditions
  }

  get isEmpty(): boolean {
    return this.#first === this.#items.length
  }

  /** True when the sender should wait. */
  get isFull(): boolean {
    const { delayMs, bytesPerSecond } = this.#conditions
    const onTheWay = delayMs === 0 ? 0 : (bytesPerSecond * delayMs) / 1_000
    return this.#heldBytes >= Math.min(BASE_BYTES + onTheWay, MAX_HELD_BYTES)
  }

  push(item: Item<M>, now: number): void {
    this.#items.push({ item, arrivedAt: now })
    this.#heldBytes += weightOf(item)
  }

  /** The next thing whose time has come. */
  take(now: number): Item<M> | undefined {
    const head = this.#items[this.#first]
    if (head === undefined) return undefined
    const startsAt = this.#startOf(head.arrivedAt)
    if (now < startsAt) return undefined
    const { bytesPerSecond } = this.#conditions
    if (!('bytes' in head.item) || bytesPerSecond === Number.POSITIVE_INFINITY) return this.#shift(head.item)
    const { bytes } = head.item
    // By when it should have been rather than by when we came: lateness of timers costs no throughput.
    const allowed = Math.floor(((now - startsAt) * bytesPerSecond) / 1_000)
    const count = Math.min(bytes.length, allowed)
    if (count < Math.min(bytes.length, this.#pieceBytes())) return undefined
    this.#freeAt = startsAt + (count * 1_000) / bytesPerSecond
    if (count === bytes.length) return this.#shift(head.item)
    head.item = { bytes: bytes.subarray(count) }
    this.#heldBytes -= count
    return { bytes: bytes.subarray(0, count) }
  }

  /** When `take()` will give something; undefined when nothing is held. */
  wakeAt(): number | undefined {
    const head = this.#items[this.#first]
    if (head === undefined) return undefined
    const startsAt = this.#startOf(head.arrivedAt)
    const { bytesPerSecond } = this.#conditions
    if (!('bytes' in head.item) || bytesPerSecond === Number.POSITIVE_INFINITY) return startsAt
    return startsAt + (Math.min(head.item.bytes.length, this.#pieceBytes()) * 1_000) / bytesPerSecond
  }

  clear(): void {
    this.#items = []
    this.#first = 0
    this.#heldBytes = 0
  }

  #startOf(arrivedAt: number): number {
    return Math.max(this.#freeAt, arrivedAt + this.#conditions.delayMs)
  }

  #pieceBytes(): number {
    return Math.max(1, Math.floor((this.#conditions.bytesPerSecond * PIECE_MS) / 1_000))
  }

  #shift(item: Item<M>): Item<M> {
    this.#heldBytes -= weightOf(item)
    this.#items[this.#first] = undefined
    this.#first += 1
    // Copying the rest for each item would take quadratic time.
    if (this.#first > 1_024 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }
}

function weightOf<M>(item: Item<M>): number {
  return ITEM_BYTES + ('bytes' in item ? item.bytes.length : 0)
}
