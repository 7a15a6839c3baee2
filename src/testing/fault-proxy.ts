/** A proxy on this machine that makes faults: in front of a real server, for whatever connects to it. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatConnectionString, parseConnectionString } from '../auth/connection-string.js'
import { invalidArgument } from '../errors.js'
import { FaultControls } from './fault-controls.js'
import type { FaultOptions } from './fault-options.js'
import { FAKE_SSH_FRAMES, TLS_RECORDS } from './frame-format.js'

/**
 * Where the proxy leads to. What `server.listen()` returned is one, also that of a unix socket, whose `host` is a path and whose `port`
 * is 0.
 *
 * @public
 */
export type FaultProxyTarget =
  | {
      /** Default `127.0.0.1`. */
      readonly host?: string | undefined
      readonly port: number
    }
  | {
      /** Path of a unix socket. */
      readonly path: string
    }

/** Options of {@link faultProxy}. @public */
export interface FaultProxyOptions extends FaultOptions {
  /** The server behind the proxy. */
  readonly target: FaultProxyTarget
}

const LOOPBACK = '127.0.0.1'

/**
 * Listens on a free port of the loopback, or on a unix socket of its own when the target is one, and leads each connection to the target.
 * Rejects with `ERR_FAKESSH_INVALID_ARG`, or with the POSIX code of what kept it from listening.
 *
 * @example
 * ```ts
 * await using proxy = await faultProxy({ target: await server.listen(), seed: 7, down: { cut: { afterBytes: { min: 0, max: 1e6 } } } })
 * await using client = await FakeSshClient.connect(proxy.connectionString(server.connectionString('deploy')))
 * ```
 *
 * @public
 */
export async function faultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new FaultProxy(options)
  await proxy.listen()
  return proxy
}

/** A proxy that makes faults; {@link faultProxy} makes one. @public */
export class FaultProxy extends FaultControls {
  readonly #target: Target
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #directory: string | undefined
  #host = LOOPBACK
  #port = 0
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(options: FaultProxyOptions) {
    super('faultProxy', options, ['target'])
    this.#target = targetFrom(options.target)
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#accept(near))
  }

  /** Where to connect to: an address of this machine, or the path of a unix socket. */
  get host(): string {
    return this.#host
  }

  /** Port to connect to; 0 for a unix socket. */
  get port(): number {
    return this.#port
  }

  /** The connection string of the target, made to lead through the proxy. Throws `ERR_FAKESSH_INVALID_ARG`. */
  connectionString(ofTarget: string): string {
    const said = parseConnectionString(ofTarget)
    const { host, port } = this
    if ('socketPath' in said !== 'path' in this.#target)
      throw invalidArgument('connectionString', 'that of the target', 'that of another kind of server')
    return formatConnectionString(
      'socketPath' in said ? { ...said, socketPath: host } : { ...said, host, port },
    )
  }

  /** Ends every connection and stops listening. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Does `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal */
  async listen(): Promise<void> {
    try {
      if ('path' in this.#target) {
        this.#directory = await mkdtemp(join(tmpdir(), 'fault-proxy-'))
        this.#host = join(this.#directory, 's')
      }
      this.#server.listen('path' in this.#target ? { path: this.#host } : { host: LOOPBACK, port: 0 })
      await once(this.#server, 'listening')
    } catch (error) {
      await this.close()
      throw error
    }
    // Accepting may fail, as when no descriptors are left; the connection then does not come about.
    this.#server.on('error', () => {})
    if (!('path' in this.#target)) this.#port = (this.#server.address() as AddressInfo).port
  }

  #accept(near: Socket): void {
    const far = connect({ ...this.#target, allowHalfOpen: true, noDelay: true })
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    }
    const connection = this.join(near, far, 'path' in this.#target ? FAKE_SSH_FRAMES : TLS_RECORDS)
    const onError = ({ code = 'EIO' }: NodeJS.ErrnoException) => this.unreachable(connection, code)
    far.once('error', onError)
    far.once('connect', () => far.off('error', onError))
  }

  async #close(): Promise<void> {
    const closed = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
    await Promise.all(closed)
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true })
  }
}

type Target = { readonly host: string; readonly port: number } | { readonly path: string }

function targetFrom(target: FaultProxyTarget): Target {
  const { path: ownPath, port, host } = (target ?? {}) as { path?: unknown; port?: unknown; host?: unknown }
  if (ownPath !== undefined && (port !== undefined || host !== undefined))
    throw invalidArgument('faultProxy target', 'either { host, port } or { path }', 'both')
  const path = port === 0 ? host : ownPath
  if (path !== undefined) {
    if (typeof path === 'string' && path !== '' && !path.includes('\0')) return { path }
    throw invalidArgument('faultProxy target path', 'the path of a unix socket', path)
  }
  if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535)
    throw invalidArgument('faultProxy target', '{ host, port } or { path }', port)
  if (host !== undefined && (typeof host !== 'string' || host === ''))
    throw invalidArgument('faultProxy target host', 'a host name or an address', host)
  return { host: host ?? LOOPBACK, port: port as number }
}
