/**
 * What is remembered for a time, at most so many entries for each owner: an owner's newest puts out that owner's oldest, and nobody else's. Where
 * all owners together are bounded too, the newest of all puts out the oldest of all.
 */
import { MAX_TIMEOUT_MS } from '../options.js'

interface Entry<Value> {
  readonly owner: string
  readonly value: Value
  readonly expiresAtMs: number
}

export class ExpiringEntries<Value> {
  readonly #maxPerOwner: number
  readonly #onOver: (value: Value) => void
  readonly #maxTotal: number
  /** The oldest first. */
  readonly #entries = new Map<string, Entry<Value>>()
  /** The oldest first. */
  readonly #keysOf = new Map<string, Set<string>>()
  #isClosed = false
  #timer: NodeJS.Timeout | undefined
  #wakeAtMs = Number.POSITIVE_INFINITY

  /** `onOver`: it expired, or was put out. */
  constructor(
    maxPerOwner: number,
    onOver: (value: Value) => void = () => undefined,
    maxTotal = Number.POSITIVE_INFINITY,
  ) {
    this.#maxPerOwner = maxPerOwner
    this.#onOver = onOver
    this.#maxTotal = maxTotal
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key)?.value
  }

  /** With their keys. */
  all(): [string, Value][] {
    return [...this.#entries].map(([key, { value }]) => [key, value])
  }

  /** With their keys, the oldest first. */
  of(owner: string): [string, Value][] {
    const keys = [...(this.#keysOf.get(owner) ?? [])]
    return keys.map((key) => [key, (this.#entries.get(key) as Entry<Value>).value])
  }

  hasRoomFor(owner: string): boolean {
    return (this.#keysOf.get(owner)?.size ?? 0) < this.#maxPerOwner
  }

  /** In the place of what has the key, whoever owns that. Does nothing after `close`. */
  set(key: string, owner: string, value: Value, expiresAtMs: number): void {
    if (this.#isClosed) return
    this.delete(key)
    const [oldest] = this.hasRoomFor(owner) ? [] : (this.#keysOf.get(owner) ?? [])
    if (oldest !== undefined) this.#giveUp(oldest)
    const [oldestOfAll] = this.#entries.size < this.#maxTotal ? [] : this.#entries.keys()
    if (oldestOfAll !== undefined) this.#giveUp(oldestOfAll)
    this.#entries.set(key, { owner, value, expiresAtMs })
    const keys = this.#keysOf.get(owner) ?? new Set()
    this.#keysOf.set(owner, keys.add(key))
    this.#wakeAt(expiresAtMs)
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    const keys = this.#keysOf.get(entry.owner)
    keys?.delete(key)
    if (keys?.size === 0) this.#keysOf.delete(entry.owner)
  }

  /** Nothing expires any more. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #giveUp(key: string): void {
    const entry = this.#entries.get(key) as Entry<Value>
    this.delete(key)
    this.#onOver(entry.value)
  }

  /** One timer for the first that expires. */
  #wakeAt(timeMs: number): void {
    if (timeMs >= this.#wakeAtMs) return
    this.#wakeAtMs = timeMs
    clearTimeout(this.#timer)
    const delayMs = Math.min(Math.max(1, timeMs - Date.now()), MAX_TIMEOUT_MS)
    this.#timer = setTimeout(() => this.#expire(), delayMs).unref()
  }

  #expire(): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY
    const now = Date.now()
    for (const [key, { expiresAtMs }] of [...this.#entries]) {
      if (expiresAtMs <= now) this.#giveUp(key)
      else this.#wakeAt(expiresAtMs)
    }
  }
}
