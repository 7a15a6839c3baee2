/** Files in memory, as the requests of FUSE (the kernel's <linux/fuse.h>) ask for them, and the faults of one that is failing. */
import { constants } from 'node:os'
import { type FuseRequest, fuseFields, parseRequest, Reply } from './fuse-frames.js'

const { errno } = constants

/** What is made to fail: reads, writes, the flush that `close()` makes, or everything that changes anything. */
export interface VolumeFault {
  readonly on: 'read' | 'write' | 'flush' | 'change'
  readonly code: 'EIO' | 'EDQUOT' | 'ENOSPC' | 'EROFS'
  /** Bytes that are read or written without a fault before. */
  readonly afterBytes: number
}

interface Node {
  readonly id: number
  mode: number
  data: Buffer
  size: number
  readonly children: Map<string, Node> | undefined
  mtimeMs: number
}

const S_IFDIR = 0o040000
const S_IFREG = 0o100000
const ROOT_ID = 1
/** Reads and writes come to us as they were made, not to the page cache. */
const DIRECT_IO = 1
const MAX_WRITE = 131_072

/** What a request needs to be changed by a fault on `change`. */
const CHANGING = new Set([
  'SETATTR',
  'MKDIR',
  'UNLINK',
  'RMDIR',
  'RENAME',
  'RENAME2',
  'LINK',
  'CREATE',
  'WRITE',
])

class Failure extends Error {
  readonly errno: number
  constructor(number: number) {
    super()
    this.errno = number
  }
}

export class FuseVolume {
  readonly #nodes = new Map<number, Node>()
  #ids = ROOT_ID
  #fault: VolumeFault | undefined
  #bytes = 0

  constructor() {
    this.#nodes.set(ROOT_ID, this.#make(S_IFDIR | 0o755, ROOT_ID))
  }

  /** From now on. */
  fail(fault: VolumeFault): void {
    this.#fault = fault
    this.#bytes = 0
  }

  heal(): void {
    this.#fault = undefined
  }

  /** The answer to one request; undefined where there is to be none. */
  answer(bytes: Buffer): Buffer | undefined {
    const request = parseRequest(bytes)
    if (['FORGET', 'BATCH_FORGET', 'INTERRUPT'].includes(request.name)) return undefined
    const reply = new Reply(request.unique)
    try {
      this.#perform(request, reply)
      return reply.bytes()
    } catch (error) {
      if (error instanceof Failure) return new Reply(request.unique).failure(error.errno)
      throw error
    }
  }

  #perform(request: FuseRequest, reply: Reply): void {
    this.#mayFail(request)
    const { name, body, names } = request
    const node = this.#node(request.nodeId)
    switch (name) {
      case 'INIT':
        reply.init(body.readUInt32LE(4), MAX_WRITE)
        break
      case 'LOOKUP':
        this.#entry(reply, this.#child(node, names(0)[0]))
        break
      case 'GETATTR':
        this.#attributes(reply, node)
        break
      case 'SETATTR':
        this.#change(node, body)
        this.#attributes(reply, node)
        break
      case 'OPEN':
      case 'OPENDIR':
        reply.opened(name === 'OPEN' ? DIRECT_IO : 0)
        break
      case 'CREATE': {
        const made = this.#add(node, names(16)[0], S_IFREG | (body.readUInt32LE(4) & 0o7777))
        this.#entry(reply, made)
        reply.opened(DIRECT_IO)
        break
      }
      case 'MKDIR':
        this.#entry(reply, this.#add(node, names(8)[0], S_IFDIR | (body.readUInt32LE(0) & 0o7777)))
        break
      case 'READ': {
        const { offset, size } = fuseFields(body)
        reply.data(node.data.subarray(offset, Math.min(offset + size, node.size)))
        break
      }
      case 'WRITE': {
        const { offset, size } = fuseFields(body)
        this.#write(node, offset, body.subarray(40, 40 + size))
        reply.written(size)
        break
      }
      case 'UNLINK':
      case 'RMDIR':
        this.#child(node, names(0)[0])
        this.#childrenOf(node).delete(names(0)[0] as string)
        break
      case 'RENAME':
      case 'RENAME2': {
        const [from, to] = names(name === 'RENAME' ? 8 : 16)
        const moved = this.#child(node, from)
        this.#childrenOf(node).delete(from as string)
        this.#childrenOf(this.#node(Number(body.readBigUInt64LE(0)))).set(to as string, moved)
        break
      }
      case 'READDIR': {
        const { offset, size } = fuseFields(body)
        reply.directory([...this.#childrenOf(node)].slice(offset), offset, size)
        break
      }
      case 'STATFS':
        reply.data(Buffer.alloc(80))
        break
      case 'FLUSH':
      case 'FSYNC':
      case 'FSYNCDIR':
      case 'RELEASE':
      case 'RELEASEDIR':
      case 'DESTROY':
        break
      default:
        throw new Failure(errno.ENOSYS)
    }
  }

  #mayFail({ name, body }: FuseRequest): void {
    const fault = this.#fault
    if (fault === undefined) return
    const kind = name.toLowerCase()
    const isMoving = kind === 'read' || kind === 'write'
    const isMeant = fault.on === kind || (fault.on === 'change' && CHANGING.has(name))
    if (isMeant && this.#bytes >= fault.afterBytes) throw new Failure(errno[fault.code])
    if (isMoving) this.#bytes += fuseFields(body).size
  }

  #make(mode: number, id: number): Node {
    const children = (mode & S_IFDIR) === S_IFDIR ? new Map<string, Node>() : undefined
    return { id, mode, data: Buffer.alloc(0), size: 0, children, mtimeMs: Date.now() }
  }

  #node(id: number): Node {
    // That of INIT and the like is 0.
    const node = this.#nodes.get(id === 0 ? ROOT_ID : id)
    if (node === undefined) throw new Failure(errno.ENOENT)
    return node
  }

  #childrenOf({ children }: Node): Map<string, Node> {
    if (children === undefined) throw new Failure(errno.ENOTDIR)
    return children
  }

  #child(parent: Node, name: string | undefined): Node {
    const found = this.#childrenOf(parent).get(name as string)
    if (found === undefined) throw new Failure(errno.ENOENT)
    return found
  }

  #add(parent: Node, name: string | undefined, mode: number): Node {
    this.#ids += 1
    const made = this.#make(mode, this.#ids)
    this.#nodes.set(made.id, made)
    this.#childrenOf(parent).set(name as string, made)
    return made
  }

  #write(node: Node, offset: number, bytes: Buffer): void {
    const end = offset + bytes.length
    if (end > node.data.length) {
      const grown = Buffer.alloc(Math.max(end, node.data.length * 2))
      node.data.copy(grown, 0, 0, node.size)
      node.data = grown
    }
    bytes.copy(node.data, offset)
    node.size = Math.max(node.size, end)
    node.mtimeMs = Date.now()
  }

  /** `struct fuse_setattr_in`: which fields count is told by bits. */
  #change(node: Node, body: Buffer): void {
    const valid = body.readUInt32LE(0)
    if (valid & 1) node.mode = body.readUInt32LE(68)
    if (valid & 8) {
      const size = Number(body.readBigUInt64LE(16))
      if (size > node.size) this.#write(node, size, Buffer.alloc(0))
      node.size = size
    }
    if (valid & 32) node.mtimeMs = Number(body.readBigUInt64LE(40)) * 1_000
  }

  #entry(reply: Reply, node: Node): void {
    reply.entry(node.id)
    reply.attributes(node)
  }

  #attributes(reply: Reply, node: Node): void {
    reply.data(Buffer.alloc(16))
    reply.attributes(node)
  }
}
