/** The outputs of a durable exec at the client, over the attachments that follow each other: how far each is, its window, and its end. */
import { FakeSshError } from '../../errors.js'
import { STDERR_WINDOW_BYTES, STDOUT_WINDOW_BYTES } from '../exec-windows.js'
import { STDERR, STDOUT } from '../messages.js'
import type { OutputGap } from '../output-gap.js'
import type { OutputOffsets } from './job-attachment.js'
import { WindowShare } from './window-share.js'

interface Output {
  readonly name: 'stdout' | 'stderr'
  readonly window: WindowShare
  /** Of the next byte. */
  offset: number
  hasEnded: boolean
}

export class DurableOutputs {
  /** By stream. */
  readonly #outputs: readonly Output[]

  constructor({ stdout, stderr }: OutputOffsets) {
    this.#outputs = [
      { name: 'stdout', window: new WindowShare(STDOUT_WINDOW_BYTES), offset: stdout, hasEnded: false },
      { name: 'stderr', window: new WindowShare(STDERR_WINDOW_BYTES), offset: stderr, hasEnded: false },
    ]
  }

  /** From where the next attachment is to send each. */
  get offsets(): OutputOffsets {
    return { stdout: this.offset(STDOUT), stderr: this.offset(STDERR) }
  }

  /** Of the next byte of a stream, what was dropped counted in. */
  offset(stream: number): number {
    return this.#outputs[stream]?.offset ?? 0
  }

  /** The windows of the next attachment. */
  offers(): number[] {
    return this.#outputs.map(({ window }) => window.offer())
  }

  /** The server sends each from there. Throws `ERR_FAKESSH_PROTOCOL` when that is before what is here already. */
  requireAtLeast(from: OutputOffsets): void {
    for (const { name, offset } of this.#outputs) {
      if (from[name] >= offset) continue
      const message = `${name}: expected an offset of at least ${offset}, got ${from[name]}`
      throw new FakeSshError('ERR_FAKESSH_PROTOCOL', message)
    }
  }

  /** Goes on from there, and returns what is missing between. */
  goOnFrom(from: OutputOffsets): OutputGap[] {
    return this.#outputs.flatMap((output) => {
      const { name: stream, offset } = output
      output.offset = from[stream]
      const bytes = output.offset - offset
      return bytes > 0 ? [{ stream, offset, bytes }] : []
    })
  }

  /** False when nothing may come any more. */
  onArrived(stream: number, bytes: number): boolean {
    const output = this.#outputs[stream]
    if (output === undefined || output.hasEnded) return false
    output.offset += bytes
    output.window.onArrived(bytes)
    return true
  }

  /** True the first time: each attachment that there is after the end tells of it. */
  onEof(stream: number): boolean {
    const output = this.#outputs[stream]
    if (output === undefined || output.hasEnded) return false
    output.hasEnded = true
    return true
  }

  /** Bytes were read. Returns how many the present attachment is to be credited with. */
  onTaken(stream: number, bytes: number): number {
    return this.#outputs[stream]?.window.onTaken(bytes) ?? 0
  }

  /** By how much the window of the present attachment is to become wider. It counts as told. */
  takeWider(stream: number): number {
    return this.#outputs[stream]?.window.takeWider() ?? 0
  }
}
