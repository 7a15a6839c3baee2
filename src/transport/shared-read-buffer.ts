/**
 * Reading into one buffer that all connections of the process share, instead of a fresh one for each TLS record of 16 KiB: a third less
 * time to receive, and no memory that waits for the garbage collector. Node offers it (`onread`) to who dials only.
 */

/** As much as libuv asks of a socket at once. */
const READ_BYTES = 65_536

let shared: Buffer | undefined

export class SharedReadBuffer {
  #receiver: ((bytes: Uint8Array) => void) | undefined
  /** What came before there was a receiver: whatever a server says at once, until the caller has its connection. */
  #early: Uint8Array[] = []

  /** An option of `tls.connect` and `net.connect`. */
  readonly option = {
    onread: {
      buffer: sharedBuffer(),
      callback: (bytes: number, into: Uint8Array): boolean => {
        const read = into.subarray(0, bytes)
        if (this.#receiver === undefined) this.#early.push(Buffer.from(read))
        else this.#receiver(read)
        return true
      },
    },
  }

  /** Hands on what came, and what comes from now on; valid during each call only. */
  setReceiver(receiver: (bytes: Uint8Array) => void): void {
    this.#receiver = receiver
    for (const bytes of this.#early.splice(0)) receiver(bytes)
  }
}

function sharedBuffer(): Buffer {
  shared ??= Buffer.allocUnsafeSlow(READ_BYTES)
  return shared
}
