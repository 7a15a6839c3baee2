/**
 * One output of a job, by absolute offsets: the newest bytes in memory, those before them in a spill file, both bounded. What is older is
 * dropped, but never while somebody is attached who has not taken it: then whoever appends waits.
 *
 * Everything is kept in blocks of one size, so that the place of an offset is a matter of arithmetic: block n begins at offset n times
 * the size, in memory or in slot n modulo the number of slots.
 */
import { SpillFile } from './spill-file.js'

export interface OutputLogLimits {
  /** Bytes kept in memory. At least 4,096. */
  readonly memoryBytes: number
  /** Bytes kept in the spill file besides; 0 for no file. */
  readonly spillBytes: number
}

/** What is read from a pipe at once; larger blocks would only be dropped in larger steps. */
const MAX_BLOCK_BYTES = 65_536

/** Blocks that fit into memory at least, so that some can be written to the file while others fill. */
const MIN_BLOCKS = 4

interface Waiting {
  bytes: Uint8Array
  readonly taken: () => void
}

/** Whoever is not to miss anything. */
export interface OutputReader {
  /** Offset up to which its other end has the bytes. */
  readonly acknowledged: number
  /** Offset up to which it has read. */
  readonly position: number
  /** There is more to read, or the end. */
  onGrown(): void
}

export class OutputLog {
  /** Settles when nothing more will come, and all that came was let in; also when it is disposed of. */
  readonly ended: Promise<void>
  readonly #blockBytes: number
  readonly #maxBlocks: number
  readonly #slots: number
  readonly #spill: SpillFile
  readonly #onSpillFailed: (error: unknown) => void
  /** In memory: block `#first` and those after it. */
  readonly #blocks: Uint8Array[] = []
  #first = 0
  /** Blocks below this number have been written to the file, */
  #spilled = 0
  /** and those below this one are there no more: written over, or just being so. */
  #fileFrom = 0
  #start = 0
  #end = 0
  #reader: OutputReader | undefined
  readonly #waiting: Waiting[] = []
  #isEnding = false
  #tellEnded: () => void = () => {}
  #isSpilling = false
  #isSpillBroken = false
  #isDisposed = false
  #isSettling = false
  #isUnsettled = false

  /** @param onSpillFailed - told once when the file cannot be written; from then on memory is all there is */
  constructor({ memoryBytes, spillBytes }: OutputLogLimits, onSpillFailed: (error: unknown) => void) {
    this.#blockBytes = Math.min(MAX_BLOCK_BYTES, Math.floor(memoryBytes / MIN_BLOCKS))
    this.#maxBlocks = Math.floor(memoryBytes / this.#blockBytes)
    this.#slots = Math.floor(spillBytes / this.#blockBytes)
    this.#spill = new SpillFile(this.#blockBytes)
    this.#onSpillFailed = onSpillFailed
    this.ended = new Promise((resolve) => {
      this.#tellEnded = resolve
    })
  }

  /** Offset of the oldest byte that is kept. */
  get start(): number {
    return this.#start
  }

  /** Offset after the newest byte: how many there were in all. */
  get end(): number {
    return this.#end
  }

  /** True when nothing more will come. */
  get isEnded(): boolean {
    return this.#isEnding && this.#waiting.length === 0
  }

  /** Copies the bytes to the end; they have to stay as they are until `taken` is called, when there was room for all of them. */
  append(bytes: Uint8Array, taken: () => void): void {
    if (this.#isDisposed) {
      queueMicrotask(taken)
      return
    }
    this.#waiting.push({ bytes, taken })
    this.#settle()
  }

  /** Nothing more will be appended. */
  finish(): void {
    this.#isEnding = true
    if (this.isEnded) this.#onEnded()
  }

  /** From now on nothing that this reader has not taken is dropped, in place of the reader before: there is one at a time. */
  attach(reader: OutputReader): void {
    this.#reader = reader
    // The one before may have been further behind.
    this.#settle()
  }

  /** The reader is further than before. */
  onReaderMoved(): void {
    this.#settle()
  }

  /** Without a reader nobody is waited for, and the oldest bytes make room. Means nothing where another reader has taken the place of this one. */
  detach(reader: OutputReader): void {
    if (this.#reader !== reader) return
    this.#reader = undefined
    this.#settle()
  }

  /**
   * At most so many bytes from an offset between `start` and `end`; at least one where there is one. Rejects with the error of the operating system where the file cannot be read.
   */
  read(offset: number, maxBytes: number): Uint8Array | Promise<Uint8Array> {
    const number = Math.floor(offset / this.#blockBytes)
    const from = offset - number * this.#blockBytes
    const length = Math.min(maxBytes, this.#blockBytes - from, this.#end - offset)
    const block = this.#blocks[number - this.#first]
    // A copy, as blocks are filled again.
    if (block !== undefined) return Buffer.from(block.subarray(from, from + length))
    return this.#spill.read(number % this.#slots, from, length)
  }

  /** Drops everything. Never rejects. */
  async dispose(): Promise<void> {
    this.#isDisposed = true
    this.#tellEnded()
    this.#blocks.length = 0
    for (const { taken } of this.#waiting.splice(0)) queueMicrotask(taken)
    await this.#spill.close()
  }

  /** Does what can be done now. What it calls may change what that is. */
  #settle(): void {
    this.#isUnsettled = true
    if (this.#isSettling) return
    this.#isSettling = true
    while (this.#isUnsettled && !this.#isDisposed) {
      this.#isUnsettled = false
      this.#fill()
      this.#spillOldest()
    }
    // Nothing in it will be read any more, and the disk may be full.
    if (this.#isSpillBroken && this.#start >= this.#spilled * this.#blockBytes) void this.#spill.close()
    this.#isSettling = false
  }

  #fill(): void {
    const endBefore = this.#end
    const wasEnded = this.isEnded
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const block = this.#blockWithRoom()
      if (block === undefined) break
      const used = this.#end % this.#blockBytes
      const part = next.bytes.subarray(0, this.#blockBytes - used)
      block.set(part, used)
      this.#end += part.length
      next.bytes = next.bytes.subarray(part.length)
      if (next.bytes.length > 0) continue
      this.#waiting.shift()
      // A turn later: it leads to the next read, whose bytes come here.
      queueMicrotask(next.taken)
    }
    if (this.isEnded !== wasEnded) this.#onEnded()
    else if (this.#end > endBefore) this.#reader?.onGrown()
  }

  #onEnded(): void {
    this.#reader?.onGrown()
    this.#tellEnded()
  }

  /** The newest block, or a new one behind it; undefined when there is no room for one. */
  #blockWithRoom(): Uint8Array | undefined {
    const newest = this.#blocks.at(-1)
    if (newest !== undefined && this.#end < (this.#first + this.#blocks.length) * this.#blockBytes)
      return newest
    const isFull = this.#blocks.length >= this.#maxBlocks
    const block = isFull ? this.#evictOldest() : Buffer.allocUnsafeSlow(this.#blockBytes)
    if (block !== undefined) this.#blocks.push(block)
    return block
  }

  /** Takes the oldest block out of memory if it is in the file, or may be dropped. */
  #evictOldest(): Uint8Array | undefined {
    const wasWritten = this.#first < this.#spilled
    const isInFile = wasWritten && this.#first >= this.#fileFrom
    if (!isInFile) {
      const endOfBlock = (this.#first + 1) * this.#blockBytes
      const willBeWritten = !wasWritten && this.#slots > 0 && !this.#isSpillBroken
      if (willBeWritten || !this.#mayDropUntil(endOfBlock)) return undefined
      this.#start = endOfBlock
    }
    this.#first += 1
    return this.#blocks.shift()
  }

  /** Writes one block to the file where memory is half full, over the oldest one there if that may be dropped. */
  #spillOldest(): void {
    const number = Math.max(this.#spilled, this.#first)
    const block = this.#blocks[number - this.#first]
    const isFull = this.#end >= (number + 1) * this.#blockBytes
    const isCrowded = this.#first + this.#blocks.length - number > this.#maxBlocks / 2
    if (this.#isSpilling || this.#isSpillBroken || this.#slots === 0) return
    if (block === undefined || !isFull || !isCrowded) return
    const fileFrom = Math.max(0, number - this.#slots + 1)
    // What is in memory as well is not lost with its slot.
    const keptFrom = Math.min(this.#first, fileFrom) * this.#blockBytes
    if (keptFrom > this.#start) {
      if (!this.#mayDropUntil(keptFrom)) return
      this.#start = keptFrom
    }
    this.#fileFrom = fileFrom
    this.#isSpilling = true
    this.#spill.write(number % this.#slots, block).then(
      () => {
        this.#isSpilling = false
        this.#spilled = number + 1
        this.#settle()
      },
      (error) => {
        this.#isSpilling = false
        if (this.#isDisposed) return
        this.#isSpillBroken = true
        this.#onSpillFailed(error)
        this.#settle()
      },
    )
  }

  /**
   * Whether everything before an offset may go. Where memory is full and the reader has read all of it, what it has read counts as taken:
   * it tells of what its other end took only now and then, which can be less often than a small log is full.
   */
  #mayDropUntil(offset: number): boolean {
    if (this.#reader === undefined) return true
    const { acknowledged, position } = this.#reader
    const isStuck = this.#blocks.length >= this.#maxBlocks && position === this.#end
    return offset <= (isStuck ? position : acknowledged)
  }
}
