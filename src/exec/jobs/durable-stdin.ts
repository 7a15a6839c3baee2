/** stdin of a durable exec at the client: keeps what was written until the server has taken it, and sends it again where it was lost. */
import type { Channel } from '../../connection/channel-handler.js'
import { FakeSshError } from '../../errors.js'
import { STDIN } from '../messages.js'

/** What is kept is copied into blocks of this size. */
const BLOCK_BYTES = 65_536

type Taken = (error?: FakeSshError) => void

interface Block {
  readonly bytes: Uint8Array
  /** Absolute offset of its first byte. */
  readonly from: number
  used: number
}

export class DurableStdin {
  /** What the server may not have taken, oldest first. */
  #blocks: Block[] = []
  /** Absolute offsets: how much the server has, was handed to the transport, was handed to the channel, was written. */
  #acknowledged = 0
  #taken = 0
  #sent = 0
  #written = 0
  #waiting: { readonly until: number; readonly taken: Taken }[] = []
  #isEnded = false
  #hasSentEnd = false
  /** Another client has ended it before all that was written here. */
  #isCutShort = false
  #channel: Channel | undefined
  /** Absolute offset at which the stream of the present channel began, and up to which its transport has taken what was sent. */
  #base = 0
  #takenHere = 0
  #isFirst = true

  /** Bytes that the server has, as far as it said. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** True when nothing that was written waits for an attachment, and its end has been sent if it has one. */
  get isHandedOver(): boolean {
    const isTaken = this.#channel !== undefined && this.#takenHere >= this.#written
    return isTaken && this.#hasSentEnd === this.#isEnded
  }

  /** Copies the bytes. `taken` is called as that of {@link Channel.send} is, once they were handed to a transport for the first time. */
  write(bytes: Uint8Array, taken: Taken): void {
    if (this.#isCutShort) {
      queueMicrotask(() => taken(cutShort()))
      return
    }
    for (let offset = 0; offset < bytes.length; ) {
      const block = this.#blockWithRoom()
      const part = bytes.subarray(offset, offset + BLOCK_BYTES - block.used)
      block.bytes.set(part, block.used)
      block.used += part.length
      offset += part.length
      this.#written += part.length
    }
    this.#waiting.push({ until: this.#written, taken })
    this.#send()
  }

  /** After what was written. */
  end(): void {
    this.#isEnded = true
    this.#send()
  }

  /**
   * The channel is open, and the server has so many bytes, and the end if `hasEnd`. Throws `ERR_FAKESSH_PROTOCOL` when that cannot be.
   */
  attach(channel: Channel, offset: number, hasEnd: boolean): void {
    // Another client may have written before; this one goes on from there.
    if (this.#isFirst) this.#acknowledged = this.#taken = this.#sent = this.#written = offset
    this.#isFirst = false
    if (offset < this.#acknowledged || offset > this.#written) {
      const expected = `an offset from ${this.#acknowledged} to ${this.#written}`
      throw new FakeSshError('ERR_FAKESSH_PROTOCOL', `stdin: expected ${expected}, got ${offset}`)
    }
    this.#channel = channel
    this.#base = offset
    this.#takenHere = offset
    this.#sent = offset
    this.#hasSentEnd = hasEnd
    this.#onAcknowledged(offset)
    if (hasEnd && !(this.#isEnded && offset === this.#written)) this.#cutShort()
    this.#send()
  }

  /** The channel is gone: what it did not deliver waits for the next. */
  detach(): void {
    this.#channel = undefined
  }

  /** For `onAcknowledged`. */
  onAcknowledged(consumed: number): void {
    this.#onAcknowledged(this.#base + consumed)
  }

  /** There will be no other channel. */
  release(error: () => FakeSshError): void {
    this.#channel = undefined
    this.#drop(error)
  }

  #cutShort(): void {
    this.#isCutShort = true
    this.#drop(cutShort)
  }

  #drop(error: () => FakeSshError): void {
    this.#blocks = []
    for (const { taken } of this.#waiting.splice(0)) taken(error())
  }

  #onAcknowledged(offset: number): void {
    this.#acknowledged = offset
    this.#blocks = this.#blocks.filter(({ from, used }) => from + used > offset)
    this.#onTaken(offset)
  }

  #onTaken(offset: number): void {
    this.#taken = Math.max(this.#taken, offset)
    while ((this.#waiting[0]?.until ?? Number.POSITIVE_INFINITY) <= this.#taken)
      this.#waiting.shift()?.taken()
  }

  #send(): void {
    const channel = this.#channel
    if (channel === undefined) return
    for (const block of this.#blocks) {
      const end = block.from + block.used
      if (end <= this.#sent) continue
      const piece = block.bytes.subarray(this.#sent - block.from, block.used)
      this.#sent = end
      channel.send(STDIN, piece, (error) => {
        if (error !== undefined) return
        if (channel === this.#channel) this.#takenHere = end
        this.#onTaken(end)
      })
    }
    if (!this.#isEnded || this.#hasSentEnd) return
    this.#hasSentEnd = true
    channel.sendEof(STDIN)
  }

  #blockWithRoom(): Block {
    const newest = this.#blocks.at(-1)
    if (newest !== undefined && newest.used < BLOCK_BYTES) return newest
    const block = { bytes: Buffer.allocUnsafeSlow(BLOCK_BYTES), from: this.#written, used: 0 }
    this.#blocks.push(block)
    return block
  }
}

function cutShort(): FakeSshError {
  return new FakeSshError('ERR_FAKESSH_CLOSED', 'stdin: another client has ended it')
}
