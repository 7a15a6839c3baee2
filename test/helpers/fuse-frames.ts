/** The messages of FUSE between kernel and file system, as <linux/fuse.h> lays them out; those that a small file system needs. */

const OPCODES: { readonly [opcode: number]: string } = {
  1: 'LOOKUP',
  2: 'FORGET',
  3: 'GETATTR',
  4: 'SETATTR',
  9: 'MKDIR',
  10: 'UNLINK',
  11: 'RMDIR',
  12: 'RENAME',
  14: 'OPEN',
  15: 'READ',
  16: 'WRITE',
  17: 'STATFS',
  18: 'RELEASE',
  20: 'FSYNC',
  25: 'FLUSH',
  26: 'INIT',
  27: 'OPENDIR',
  28: 'READDIR',
  29: 'RELEASEDIR',
  30: 'FSYNCDIR',
  35: 'CREATE',
  36: 'INTERRUPT',
  38: 'DESTROY',
  42: 'BATCH_FORGET',
  45: 'RENAME2',
}

const IN_HEADER_BYTES = 40
const OUT_HEADER_BYTES = 16
const BLOCK_BYTES = 4_096

export interface FuseRequest {
  readonly name: string
  readonly unique: bigint
  readonly nodeId: number
  /** What follows the header. */
  readonly body: Buffer
  /** The names in the body, from that byte on. */
  names(start: number): string[]
}

/** `struct fuse_in_header` and what follows it. */
export function parseRequest(bytes: Buffer): FuseRequest {
  const body = bytes.subarray(IN_HEADER_BYTES, bytes.readUInt32LE(0))
  return {
    name: OPCODES[bytes.readUInt32LE(4)] ?? 'unknown',
    unique: bytes.readBigUInt64LE(8),
    nodeId: Number(bytes.readBigUInt64LE(16)),
    body,
    names: (start) => body.subarray(start).toString('utf8').split('\0').slice(0, -1),
  }
}

/** `struct fuse_read_in` and `struct fuse_write_in` begin alike. */
export function fuseFields(body: Buffer): { readonly offset: number; readonly size: number } {
  return { offset: Number(body.readBigUInt64LE(8)), size: body.readUInt32LE(16) }
}

interface Attributes {
  readonly id: number
  readonly mode: number
  readonly size: number
  readonly mtimeMs: number
}

/** Collects the parts of an answer. */
export class Reply {
  readonly #unique: bigint
  readonly #parts: Buffer[] = []

  constructor(unique: bigint) {
    this.#unique = unique
  }

  bytes(): Buffer {
    return this.#framed(0, Buffer.concat(this.#parts))
  }

  /** Instead of everything else. */
  failure(errno: number): Buffer {
    return this.#framed(-errno, Buffer.alloc(0))
  }

  data(bytes: Buffer): void {
    this.#parts.push(bytes)
  }

  /** `struct fuse_init_out`, with the smaller of both minor versions and no optional feature. */
  init(minor: number, maxWriteBytes: number): void {
    const bytes = Buffer.alloc(64)
    bytes.writeUInt32LE(7, 0)
    bytes.writeUInt32LE(Math.min(minor, 31), 4)
    bytes.writeUInt32LE(maxWriteBytes, 8)
    bytes.writeUInt32LE(maxWriteBytes, 20)
    bytes.writeUInt32LE(1, 24)
    this.data(bytes)
  }

  /** `struct fuse_entry_out` without its attributes. Nothing may be kept: the kernel asks each time. */
  entry(nodeId: number): void {
    const bytes = Buffer.alloc(40)
    bytes.writeBigUInt64LE(BigInt(nodeId), 0)
    this.data(bytes)
  }

  /** `struct fuse_attr`. */
  attributes({ id, mode, size, mtimeMs }: Attributes): void {
    const bytes = Buffer.alloc(88)
    const seconds = BigInt(Math.floor(mtimeMs / 1_000))
    bytes.writeBigUInt64LE(BigInt(id), 0)
    bytes.writeBigUInt64LE(BigInt(size), 8)
    bytes.writeBigUInt64LE(BigInt(Math.ceil(size / 512)), 16)
    for (const at of [24, 32, 40]) bytes.writeBigUInt64LE(seconds, at)
    for (const at of [48, 52, 56]) bytes.writeUInt32LE(Math.floor(mtimeMs % 1_000) * 1_000_000, at)
    bytes.writeUInt32LE(mode, 60)
    bytes.writeUInt32LE(1, 64)
    bytes.writeUInt32LE(BLOCK_BYTES, 80)
    this.data(bytes)
  }

  /** `struct fuse_open_out`. No handles: nodes are all that is needed. */
  opened(flags: number): void {
    const bytes = Buffer.alloc(16)
    bytes.writeUInt32LE(flags, 8)
    this.data(bytes)
  }

  /** `struct fuse_write_out`. */
  written(size: number): void {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32LE(size, 0)
    this.data(bytes)
  }

  /** `struct fuse_dirent`, each padded to 8 bytes, as many as fit. */
  directory(entries: readonly (readonly [string, Attributes])[], offset: number, limitBytes: number): void {
    let room = limitBytes
    for (const [index, [name, { id, mode }]] of entries.entries()) {
      const text = Buffer.from(name)
      const bytes = Buffer.alloc((24 + text.length + 7) & ~7)
      if (bytes.length > room) return
      room -= bytes.length
      bytes.writeBigUInt64LE(BigInt(id), 0)
      bytes.writeBigUInt64LE(BigInt(offset + index + 1), 8)
      bytes.writeUInt32LE(text.length, 16)
      bytes.writeUInt32LE(mode >> 12, 20)
      text.copy(bytes, 24)
      this.data(bytes)
    }
  }

  #framed(error: number, body: Buffer): Buffer {
    const header = Buffer.alloc(OUT_HEADER_BYTES)
    header.writeUInt32LE(OUT_HEADER_BYTES + body.length, 0)
    header.writeInt32LE(error, 4)
    header.writeBigUInt64LE(this.#unique, 8)
    return Buffer.concat([header, body])
  }
}
