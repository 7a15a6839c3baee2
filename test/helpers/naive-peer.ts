/**
 * A second implementation of the protocol, written only from docs/protocol.md: node:net, JSON, zlib.crc32 and nothing of src/. Plain, slow
 * and in one file. It speaks either role from either side, keeps to every window, and proves every stream.
 */
import type { Socket } from 'node:net'
import { crc32 } from 'node:zlib'

type Json = Record<string, unknown>
type Message = {
  readonly type: number
  readonly stream: number
  readonly channel: number
  readonly payload: Buffer
  readonly check: number
}

const HELLO = 1
const AUTH = 2
const GOODBYE = 3
const PING = 4
const PONG = 5
const OPEN = 0x10
const OPEN_OK = 0x11
const OPEN_FAIL = 0x12
const REQUEST = 0x13
const REPLY = 0x14
const EXIT = 0x15
const COMMIT = 0x16
const DATA = 0x20
const WINDOW = 0x21
const EOF = 0x22
const CLOSE = 0x23

export interface NaiveOptions {
  readonly role: 'client' | 'server'
  /** True if this end made the connection. */
  readonly dialled: boolean
  readonly maxFrameBytes?: number
  /** Server: whether a credential is accepted. */
  readonly accepts?: (auth: Json) => boolean
  /** What to do with an OPEN; the channel is already confirmed. */
  readonly onOpen?: (channel: NaiveChannel, kind: string, params: Json) => void
}

/** What one side of a stream has to remember. */
interface Half {
  bytes: number
  check: number
  limit: number
}

export class NaiveChannel {
  readonly received: Buffer[][] = []
  readonly ended: boolean[] = []
  exit: Json | undefined
  commit: Json | undefined
  /** Highest `consumed` the peer reported, by stream. */
  readonly acknowledged: number[] = []
  onRequest: (type: string, params: Json) => Json = () => ({})
  sending: Half[] = []
  receiving: Half[] = []
  isClosed = false
  isCloseSent = false
  readonly #peer: NaivePeer
  #nextRequest = 1

  constructor(
    readonly id: number,
    peer: NaivePeer,
  ) {
    this.#peer = peer
  }

  text(stream: number): string {
    return Buffer.concat(this.received[stream] ?? []).toString('utf8')
  }

  /** Sends the bytes as the window allows. */
  async write(stream: number, bytes: Uint8Array): Promise<void> {
    const half = this.sending[stream] as Half
    let rest = Buffer.from(bytes)
    while (rest.length > 0) {
      await this.#peer.until(() => half.limit > half.bytes || this.isClosed)
      if (this.isClosed) throw new Error('closed while writing')
      const part = rest.subarray(0, Math.min(half.limit - half.bytes, this.#peer.peerMaxFrameBytes))
      half.bytes += part.length
      half.check = crc32(part, half.check)
      this.#peer.send(DATA, this.id, part, stream, this.#peer.checksStreams ? half.check : 0)
      rest = rest.subarray(part.length)
    }
  }

  end(stream: number): void {
    const half = this.sending[stream] as Half
    const payload = Buffer.alloc(12)
    payload.writeBigUInt64BE(BigInt(half.bytes))
    payload.writeUInt32BE(this.#peer.checksStreams ? half.check : 0, 8)
    this.#peer.send(EOF, this.id, payload, stream)
  }

  async request(type: string, params: Json): Promise<Json> {
    const id = this.#nextRequest++
    this.#peer.sendJson(REQUEST, this.id, { id, type, params })
    return this.#peer.reply(this.id, id)
  }

  sendExit(exit: Json): void {
    this.#peer.sendJson(EXIT, this.id, exit)
  }

  sendCommit(commit: Json): void {
    this.#peer.sendJson(COMMIT, this.id, commit)
  }

  close(): void {
    if (!this.isCloseSent) this.#peer.send(CLOSE, this.id, Buffer.alloc(0))
    this.isCloseSent = true
  }
}

const half = (limit: number): Half => ({ bytes: 0, check: 0, limit })

export class NaivePeer {
  peerMaxFrameBytes = 0
  checksStreams = false
  isOpen = false
  authReplies: Json[] = []
  goodbye: Json | undefined
  /** What it could not make sense of; empty as long as both keep to the specification. */
  readonly problems: string[] = []
  hasEnded = false
  readonly channels = new Map<number, NaiveChannel>()
  readonly #socket: Socket
  readonly #options: NaiveOptions
  readonly #replies = new Map<string, Json>()
  readonly #refusals = new Map<number, Json>()
  readonly #confirmed = new Set<number>()
  #wake: () => void = () => {}
  #woken: Promise<void>
  #nextChannel: number
  #buffer = Buffer.alloc(0)

  constructor(socket: Socket, options: NaiveOptions) {
    this.#socket = socket
    this.#options = options
    this.#nextChannel = options.dialled ? 1 : 2
    this.#woken = this.#sleep()
    socket.on('error', () => {})
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('close', () => {
      this.hasEnded = true
      this.#signal()
    })
    this.sendJson(HELLO, 0, {
      protocol: 'fakessh',
      version: 1,
      minVersion: 1,
      role: options.role,
      agent: 'naive/1',
      features: ['stream-crc32', 'unknown-feature'],
      limits: { maxFrameBytes: options.maxFrameBytes ?? 1_024, maxChannels: 3 },
      someLaterField: true,
    })
  }

  /** Waits until the condition holds; looks after everything that arrived. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.hasEnded) throw new Error(`the connection ended; problems: ${this.problems.join('; ')}`)
      await this.#woken
    }
  }

  /** Client. True when the server accepted. */
  async authenticate(auth: Json): Promise<boolean> {
    const before = this.authReplies.length
    this.sendJson(AUTH, 0, auth)
    await this.until(() => this.authReplies.length > before)
    return this.authReplies.at(-1)?.status === 'success'
  }

  async open(kind: string, params: Json, windows: readonly number[]): Promise<NaiveChannel> {
    const id = this.#nextChannel
    this.#nextChannel += 2
    const channel = new NaiveChannel(id, this)
    channel.receiving = windows.map(half)
    this.channels.set(id, channel)
    this.sendJson(OPEN, id, { kind, params, windows, someLaterField: {} })
    await this.until(() => this.#confirmed.has(id) || this.#refusals.has(id))
    const refusal = this.#refusals.get(id)
    if (refusal !== undefined) throw Object.assign(new Error(String(refusal.message)), { code: refusal.code })
    return channel
  }

  async reply(channel: number, id: number): Promise<Json> {
    await this.until(() => this.#replies.has(`${channel}/${id}`))
    return this.#replies.get(`${channel}/${id}`) as Json
  }

  async ping(payload: Buffer): Promise<Buffer> {
    this.#pong = undefined
    this.send(PING, 0, payload)
    await this.until(() => this.#pong !== undefined)
    return this.#pong as unknown as Buffer
  }
  #pong: Buffer | undefined

  sayGoodbye(code: string): void {
    this.sendJson(GOODBYE, 0, { code, message: 'naive goodbye' })
  }

  hangUp(): void {
    this.#socket.end()
  }

  sendJson(type: number, channel: number, message: Json): void {
    this.send(type, channel, Buffer.from(JSON.stringify(message), 'utf8'))
  }

  send(type: number, channel: number, payload: Uint8Array, stream = 0, check = crc32(payload)): void {
    const header = Buffer.alloc(16)
    header.writeUInt8(type, 0)
    header.writeUInt8(stream, 1)
    header.writeUInt32BE(channel, 2)
    header.writeUInt32BE(payload.length, 6)
    header.writeUInt32BE(check, 10)
    header.writeUInt16BE(crc32(header.subarray(0, 14)) & 0xffff, 14)
    this.#socket.write(Buffer.concat([header, payload]))
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #signal(): void {
    this.#wake()
    this.#woken = this.#sleep()
  }

  #take(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk])
    while (this.#buffer.length >= 16) {
      const header = this.#buffer.subarray(0, 16)
      const length = header.readUInt32BE(6)
      if (this.#buffer.length < 16 + length) break
      const payload = this.#buffer.subarray(16, 16 + length)
      const type = header.readUInt8(0)
      if ((crc32(header.subarray(0, 14)) & 0xffff) !== header.readUInt16BE(14))
        this.problems.push('header check')
      const check = header.readUInt32BE(10)
      if (type !== DATA && check !== crc32(payload)) this.problems.push('payload check')
      this.#buffer = this.#buffer.subarray(16 + length)
      this.#receive({ type, stream: header.readUInt8(1), channel: header.readUInt32BE(2), payload, check })
    }
    this.#signal()
  }

  #receive({ type, stream, channel: id, payload, check }: Message): void {
    const isJson = (type >= HELLO && type <= GOODBYE) || (type >= OPEN && type <= COMMIT)
    const json = isJson ? (JSON.parse(payload.toString('utf8')) as Json) : {}
    if (type === HELLO) this.#onHello(json)
    else if (type === AUTH) this.#onAuth(json)
    else if (type === GOODBYE) this.goodbye = json
    else if (type === PING) this.send(PONG, 0, payload)
    else if (type === PONG) this.#pong = Buffer.from(payload)
    else if (type === OPEN) this.#onOpen(id, json)
    else {
      const channel = this.channels.get(id)
      if (channel === undefined) this.problems.push(`frame ${type} on unknown channel ${id}`)
      else this.#onChannel(channel, type, stream, payload, json, check)
    }
  }

  #onHello(hello: Json): void {
    const { maxFrameBytes } = hello.limits as { maxFrameBytes: number }
    if (hello.protocol !== 'fakessh' || hello.role === this.#options.role) this.problems.push('HELLO')
    this.peerMaxFrameBytes = maxFrameBytes
    this.checksStreams = (hello.features as string[]).includes('stream-crc32')
  }

  #onAuth(auth: Json): void {
    if (this.#options.role === 'client') {
      this.authReplies.push(auth)
      this.isOpen = auth.status === 'success'
      return
    }
    this.isOpen = this.#options.accepts?.(auth) ?? true
    const refusal = { status: 'failure', code: 'ERR_FAKESSH_AUTH_FAILED', message: 'no', attemptsLeft: 5 }
    this.sendJson(AUTH, 0, this.isOpen ? { status: 'success', user: auth.user } : refusal)
  }

  #onOpen(id: number, { kind, params, windows }: Json): void {
    if (id % 2 === (this.#options.dialled ? 1 : 0)) this.problems.push(`OPEN of channel ${id}`)
    if (kind === 'unknown') {
      this.sendJson(OPEN_FAIL, id, { code: 'ERR_FAKESSH_UNSUPPORTED', message: 'unknown kind' })
      return
    }
    const channel = new NaiveChannel(id, this)
    channel.sending = (windows as number[]).map(half)
    channel.receiving = [half(100), half(100)]
    this.channels.set(id, channel)
    this.sendJson(OPEN_OK, id, { info: { kind }, windows: [100, 100] })
    this.#options.onOpen?.(channel, String(kind), params as Json)
  }

  #onChannel(
    channel: NaiveChannel,
    type: number,
    stream: number,
    payload: Buffer,
    json: Json,
    check: number,
  ): void {
    const { id } = channel
    const receiving = channel.receiving[stream]
    const sending = channel.sending[stream]
    if (type === OPEN_OK) {
      channel.sending = (json.windows as number[]).map(half)
      this.#confirmed.add(id)
    } else if (type === OPEN_FAIL) {
      this.#refusals.set(id, json)
      this.channels.delete(id)
    } else if (type === REQUEST) {
      const info = channel.onRequest(String(json.type), json.params as Json)
      if (!channel.isCloseSent) this.sendJson(REPLY, id, { id: json.id, ok: true, info })
    } else if (type === REPLY) this.#replies.set(`${id}/${json.id}`, json)
    else if (type === EXIT) channel.exit = json
    else if (type === COMMIT) channel.commit = json
    else if (type === CLOSE) {
      channel.isClosed = true
      channel.close()
    } else if (type === DATA && receiving !== undefined) {
      receiving.bytes += payload.length
      receiving.check = crc32(payload, receiving.check)
      if (check !== (this.checksStreams ? receiving.check : 0)) this.problems.push('DATA check')
      if (receiving.bytes > receiving.limit) this.problems.push(`window of stream ${stream} overrun`)
      if (payload.length > (this.#options.maxFrameBytes ?? 1_024))
        this.problems.push('DATA larger than maxFrameBytes')
      const list = channel.received[stream] ?? []
      channel.received[stream] = list
      list.push(Buffer.from(payload))
      // The simplest receiver there is: takes everything at once and says so each time.
      receiving.limit += payload.length
      const credit = Buffer.alloc(16)
      credit.writeBigUInt64BE(BigInt(receiving.bytes), 0)
      credit.writeBigUInt64BE(BigInt(receiving.limit), 8)
      if (!channel.isCloseSent) this.send(WINDOW, id, credit, stream)
    } else if (type === WINDOW && sending !== undefined) {
      channel.acknowledged[stream] = Number(payload.readBigUInt64BE(0))
      sending.limit = Number(payload.readBigUInt64BE(8))
    } else if (type === EOF && receiving !== undefined) {
      if (payload.readBigUInt64BE(0) !== BigInt(receiving.bytes)) this.problems.push('EOF count')
      if (this.checksStreams && payload.readUInt32BE(8) !== receiving.check) this.problems.push('EOF check')
      channel.ended[stream] = true
    } else this.problems.push(`frame ${type} on channel ${id}`)
  }
}
