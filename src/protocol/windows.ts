/**
 * Flow control of one stream in one direction (docs/protocol.md, section 6.2), after RFC 4254 section 5.2 but with absolute
 * offsets, which cannot drift and can be checked for monotony.
 *
 * The receiver debits on arrival and credits when its consumer took the bytes. It announces a new limit only when a quarter of the
 * window has been taken since the last announcement: four WINDOW frames a window are enough to keep a sender going and few enough
 * not to matter. Not sooner when the window is used up either: a sender that is given what a slow reader just took sends frames of that
 * size, which arrive in pieces no larger than that, so they would only ever get smaller (the silly window of RFC 1122, 4.2.3.3).
 */
import { ProtocolError } from '../errors.js'

/** What we may still send. */
export class SendWindow {
  #limit: number
  #sent = 0
  #acknowledged = 0

  constructor(initialBytes: number) {
    this.#limit = initialBytes
  }

  /** Bytes that may be sent now. */
  get available(): number {
    return this.#limit - this.#sent
  }

  get sent(): number {
    return this.#sent
  }

  /** Bytes the peer's consumer has taken. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Bytes were sent. The caller has checked `available`. */
  onSent(bytes: number): void {
    this.#sent += bytes
  }

  /** A WINDOW arrived. Throws ProtocolError when it takes back credit or acknowledges what was never sent. */
  onUpdate(consumed: number, limit: number): void {
    if (consumed < this.#acknowledged || consumed > this.#sent) {
      throw new ProtocolError(
        `WINDOW consumed: expected ${this.#acknowledged} to ${this.#sent} (bytes sent), got ${consumed}`,
      )
    }
    if (limit < this.#limit)
      throw new ProtocolError(`WINDOW limit: expected at least ${this.#limit}, got ${limit}`)
    this.#acknowledged = consumed
    this.#limit = limit
  }
}

/** What the peer may still send. */
export class ReceiveWindow {
  #size: number
  #limit: number
  #received = 0
  #consumed = 0

  constructor(windowBytes: number) {
    this.#size = windowBytes
    this.#limit = windowBytes
  }

  /** Bytes the peer may send ahead of the consumer. */
  get size(): number {
    return this.#size
  }

  get received(): number {
    return this.#received
  }

  get consumed(): number {
    return this.#consumed
  }

  /** Offset up to which the peer has been allowed to send. */
  get limit(): number {
    return this.#limit
  }

  /** Bytes were announced, and nothing of them has been kept. Throws ProtocolError when the peer may not send so many. */
  expect(bytes: number): void {
    const end = this.#received + bytes
    if (end > this.#limit)
      throw new ProtocolError(`DATA beyond the window: allowed up to offset ${this.#limit}, got ${end}`)
  }

  /** Of the bytes that were expected, so many arrived. */
  onReceived(bytes: number): void {
    this.#received += bytes
  }

  /** So many more bytes may be under way, from the next announcement on. */
  grow(bytes: number): void {
    this.#size += bytes
  }

  /** The consumer took bytes. True when the new limit is worth a WINDOW frame; `limit` has then been raised. */
  onConsumed(bytes: number): boolean {
    this.#consumed += bytes
    if (this.#consumed > this.#received) throw new RangeError('consumed more than was received')
    const limit = this.#consumed + this.#size
    if (limit - this.#limit < Math.max(1, this.#size / 4)) return false
    this.#limit = limit
    return true
  }
}
