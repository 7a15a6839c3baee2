/** stdin of a job, by absolute offset, through one attachment after the other. */
import type { Writable } from 'node:stream'
import { STDIN_WINDOW_BYTES } from '../exec-windows.js'
import { StdinFeed } from '../stdin-feed.js'
import { WindowShare } from './window-share.js'

/** Tells the peer of an attachment that it may send so many bytes more, and that its window is wider by so many. */
export type CreditStdin = (bytes: number, widerBy: number) => void

export class JobStdin {
  readonly #feed: StdinFeed
  /** What waits for the program is part of the window of whoever is attached, so that it is no more after fifty attachments than after one. */
  readonly #window = new WindowShare(STDIN_WINDOW_BYTES)
  #credit: CreditStdin = () => {}
  #offset = 0
  #isEnded = false

  constructor(target: Writable) {
    this.#feed = new StdinFeed(target, (bytes) => {
      this.#credit(this.#window.onTaken(bytes), this.#window.takeWider())
    })
  }

  /** Bytes that came, and are not to be sent again. */
  get offset(): number {
    return this.#offset
  }

  /** True when the end came, after all of them. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Bytes that the program took. */
  get bytesTaken(): number {
    return this.#feed.bytesTaken
  }

  /** The window of the next attachment. */
  offer(): number {
    return this.#window.offer()
  }

  /** From now on what comes is of this attachment. */
  attach(credit: CreditStdin): void {
    this.#credit = credit
  }

  /** What waits for the program goes on waiting. */
  detach(): void {
    this.#credit = () => {}
  }

  /** After the end it means nothing, and is not credited. */
  write(bytes: Uint8Array): void {
    if (this.#isEnded) return
    this.#offset += bytes.length
    this.#window.onArrived(bytes.length)
    this.#feed.write(bytes)
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#feed.end()
  }

  /** The program reads no more. */
  close(): void {
    this.#feed.close()
  }
}
