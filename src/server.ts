/** The server: listens, lets clients in, and serves them. A composition root; the work is done in the layers below. */
import { randomBytes } from 'node:crypto'
import { formatConnectionString } from './auth/connection-string.js'
import { makeSelfSigned } from './auth/self-signed.js'
import { UserDirectory } from './auth/users.js'
import { FakeSshError, invalidArgument } from './errors.js'
import { TypedEventSource } from './events.js'
import { commandTable } from './exec/command-context.js'
import { baseEnvironment } from './exec/environment.js'
import { JobTable } from './exec/jobs/job-table.js'
import { DigestTurns } from './files/digest-turns.js'
import { LocalDisk } from './files/local-disk.js'
import { type UploadInfo, UploadTable } from './files/upload-table.js'
import { MAX_TIMEOUT_MS } from './options.js'
import { ServedConnection, type ServedConnectionDeps } from './server/served-connection.js'
import type { FakeSshServerEvents } from './server/server-events.js'
import {
  checkLimits,
  checkListenOptions,
  checkServerOptions,
  type FakeSshServerOptions,
  type ListenOptions,
  type ListenResult,
} from './server/server-options.js'
import { listenTls } from './transport/tls-listen.js'
import type { PeerAddress, Transport } from './transport/transport.js'
import { listenUnix } from './transport/unix-socket.js'
import { AGENT } from './version.js'

const DEFAULT_DRAIN_MS = 5_000
const DEFAULT_KEEPALIVE_INTERVAL_MS = 15_000
/** How long the end of a connection may take its operations: SIGTERM, two seconds, SIGKILL, and a second to be gone. */
const CLEANUP_MS = 4_000

type TcpListenOptions = Exclude<ListenOptions, { readonly path: string }>

interface Bound {
  readonly listener: { close(): Promise<void> }
  readonly result: ListenResult
}

/**
 * A server to embed in a service. Everything is refused until a user is allowed it.
 *
 * @example
 * ```ts
 * const server = new FakeSshServer({ users: { deploy: { token, root: '/srv/app', exec: 'shell' } } })
 * await server.listen({ port: 7022 })
 * console.log(server.connectionString('deploy'))
 * ```
 *
 * @public
 */
export class FakeSshServer extends TypedEventSource<FakeSshServerEvents> {
  readonly #options: FakeSshServerOptions
  readonly #directory: UserDirectory
  readonly #deps: Omit<ServedConnectionDeps, 'onAuthenticated' | 'onEnded'>
  readonly #uploads: UploadTable
  readonly #jobs: JobTable
  readonly #served = new Set<ServedConnection>()
  readonly #strangers = new Set<ServedConnection>()
  #connectionCount = 0
  /** Connections that ended, and what they had started is still being ended. */
  readonly #leaving = new Set<Promise<void>>()
  #listener: Promise<Bound> | undefined
  #listening: ListenResult | undefined
  #closing: Promise<void> | undefined

  /**
   * @throws `ERR_FAKESSH_NO_USERS` when nobody could log in, `ERR_FAKESSH_WEAK_TOKEN`, `ERR_FAKESSH_INVALID_ARG`.
   */
  constructor(options: FakeSshServerOptions) {
    super()
    checkServerOptions(options)
    const { users, authenticate, authorize, commands, env, shell = '/bin/sh' } = options
    this.#options = options
    this.#directory = new UserDirectory({
      users,
      authenticate,
      onError: (error) => this.emit('fault', { error }),
    })
    const limits = checkLimits(options.limits)
    this.#uploads = new UploadTable(limits.uploadExpiryMs, (error) => this.emit('fault', { error }))
    this.#jobs = new JobTable({
      maxJobs: limits.maxJobs,
      maxJobsTotal: limits.maxJobsTotal,
      expiryMs: limits.jobExpiryMs,
      memoryBytes: limits.jobMemoryBytes,
      spillBytes: limits.jobSpillBytes,
    })
    this.#deps = {
      directory: this.#directory,
      authorize,
      commands: commandTable(commands),
      baseEnvironment: baseEnvironment(shell, env),
      shell,
      limits,
      uploads: this.#uploads,
      jobs: this.#jobs,
      digests: new DigestTurns(),
      keepaliveIntervalMs: options.keepaliveIntervalMs ?? DEFAULT_KEEPALIVE_INTERVAL_MS,
      agent: AGENT,
      instance: randomBytes(16).toString('hex'),
      emit: (event, ...args) => this.emit(event, ...args),
    }
  }

  /**
   * Starts listening; resolves with where. Rejects with `ERR_FAKESSH_INVALID_ARG`, with `ERR_FAKESSH_CLOSED` once the server was
   * closed, or with the POSIX code the system gave (`EADDRINUSE`, `EACCES`).
   */
  async listen(options: ListenOptions = {}): Promise<ListenResult> {
    if (this.#closing !== undefined)
      throw new FakeSshError('ERR_FAKESSH_CLOSED', 'listen: the server was closed')
    if (this.#listener !== undefined) throw invalidArgument('listen', 'to be called once', 'a second call')
    checkListenOptions(options)
    // Taken at once, so that a second call meanwhile is refused.
    this.#listener = 'path' in options ? this.#listenUnix(options.path) : this.#listenTls(options)
    try {
      const { listener, result } = await this.#listener
      if (this.#closing === undefined) {
        this.#listening = result
        this.#sweepRoots()
        return result
      }
      await listener.close()
    } catch (error) {
      this.#listener = undefined
      throw error
    }
    throw new FakeSshError('ERR_FAKESSH_CLOSED', 'listen: the server was closed meanwhile')
  }

  /**
   * Everything a client needs, in one line. It contains the user's token: treat it as a secret. `host` replaces the
   * address the server is bound to, for servers bound to `0.0.0.0` or behind a forwarding.
   *
   * @throws `ERR_FAKESSH_INVALID_ARG` when the server does not listen, or the user has no token.
   */
  connectionString(user: string, options: { readonly host?: string | undefined } = {}): string {
    const listening = this.#listening
    if (listening === undefined)
      throw invalidArgument('connectionString', 'a server that listens', 'one that does not')
    const token = this.#directory.tokenOf(user)
    if (token === undefined) throw invalidArgument('connectionString', 'a user with a token', user)
    const { host, port } = listening
    if (port === 0) return formatConnectionString({ user, token, socketPath: host })
    return formatConnectionString({ user, token, host: options.host ?? host, port })
  }

  /**
   * Uploads that can be resumed: those that run, and the parts of interrupted ones, of an earlier process of this server too, until they
   * expire (`limits.uploadExpiryMs`). Never rejects.
   */
  uploads(): Promise<UploadInfo[]> {
    return this.#uploads.list()
  }

  /**
   * Takes no new connections and operations, lets running ones finish for `drainMs` (default 5,000), then ends what is left, durable
   * execs included, and waits until its processes and temporary files are gone, except parts of uploads that can be resumed. Settles
   * within `drainMs` + 5,000 ms. Idempotent.
   */
  close(options: { readonly drainMs?: number | undefined } = {}): Promise<void> {
    const { drainMs = DEFAULT_DRAIN_MS } = options
    if (!Number.isInteger(drainMs) || drainMs < 0 || drainMs > MAX_TIMEOUT_MS) {
      return Promise.reject(
        invalidArgument('close drainMs', `an integer from 0 to ${MAX_TIMEOUT_MS}`, drainMs),
      )
    }
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  /** Does `close()`, with its default. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /**
   * Serves a transport that someone else established, such as one end of an in-memory pair.
   *
   * @internal
   */
  serve(transport: Transport): void {
    const { maxConnections, maxUnauthenticated } = this.#deps.limits
    if (this.#closing !== undefined) {
      transport.stream.destroy()
      return
    }
    const refusal =
      this.#served.size >= maxConnections
        ? `maxConnections is ${maxConnections}`
        : this.#strangers.size >= maxUnauthenticated
          ? `maxUnauthenticated is ${maxUnauthenticated}`
          : undefined
    if (refusal !== undefined) {
      this.#turnAway(transport, refusal)
      return
    }
    this.#connectionCount += 1
    const served: ServedConnection = new ServedConnection(transport, this.#connectionCount, {
      ...this.#deps,
      onAuthenticated: () => this.#strangers.delete(served),
      onEnded: () => {
        this.#strangers.delete(served)
        this.#served.delete(served)
        const leaving = served.idle(CLEANUP_MS).then(() => void this.#leaving.delete(leaving))
        this.#leaving.add(leaving)
      },
    })
    this.#served.add(served)
    this.#strangers.add(served)
  }

  #turnAway(transport: Transport, why: string): void {
    const error = new FakeSshError('ERR_FAKESSH_LIMIT', `${why}, and as many are connected`, {
      op: 'connect',
    })
    transport.stream.destroy()
    this.emit('denied', { connectionId: 0, peer: transport.peer, op: 'connect', error })
  }

  async #listenTls({ host = '127.0.0.1', port = 0 }: TcpListenOptions): Promise<Bound> {
    const { tls, authenticate } = this.#options
    const needsCertificate = authenticate !== undefined || this.#directory.hasPasswords
    const identity = tls ?? (needsCertificate ? await makeSelfSigned(host) : undefined)
    const listener = await listenTls({
      host,
      port,
      ...(this.#directory.hasTokens ? { pskLookup: (name) => this.#directory.pskLookup(name) } : {}),
      key: identity?.key,
      cert: identity?.cert,
      handshakeTimeoutMs: this.#deps.limits.handshakeTimeoutMs,
      onTransport: (transport) => this.serve(transport),
      onHandshakeError: (error, peer) => this.#handshakeFailed(error, peer),
    })
    const { fingerprint } = listener
    return {
      listener,
      result: {
        host: listener.host,
        port: listener.port,
        ...(fingerprint === undefined ? {} : { fingerprint }),
      },
    }
  }

  async #listenUnix(path: string): Promise<Bound> {
    const listener = await listenUnix({
      path,
      onTransport: (transport) => this.serve(transport),
      onError: (error) => this.emit('fault', { error }),
    })
    return { listener, result: { host: listener.path, port: 0 } }
  }

  #handshakeFailed(error: FakeSshError, peer: PeerAddress): void {
    this.emit('denied', { connectionId: 0, peer, op: 'connect', error })
  }

  /** For what an earlier process left. Other roots are looked through when their users log in. */
  #sweepRoots(): void {
    for (const { root, readOnly } of Object.values(this.#options.users ?? {})) {
      if (root !== undefined && readOnly !== true) this.#uploads.sweep(root, new LocalDisk(root))
    }
  }

  async #close(drainMs: number): Promise<void> {
    const bound = await this.#listener?.catch(() => undefined)
    await bound?.listener.close()
    this.#listening = undefined
    await Promise.all([
      ...[...this.#served].map(({ connection }) => connection.close(drainMs)),
      this.#jobs.close(drainMs),
    ])
    await Promise.all(this.#leaving)
    await this.#uploads.close()
  }
}
