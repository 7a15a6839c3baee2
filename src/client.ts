/** The client: connects, and starts operations. A composition root; the work is done in the layers below. */
import { type Credential, credentialFrom, credentialMode } from './auth/credential.js'
import type { FakeSshClientEvents } from './client/client-events.js'
import {
  type ConnectOptions,
  type ConnectStringOptions,
  connectOptionsFrom,
  DEFAULT_CONNECT_TIMEOUT_MS,
} from './client/connect-options.js'
import { type EstablishOptions, establish } from './client/establish.js'
import { type Connect, Link } from './client/link.js'
import { type ReconnectPolicy, reconnectPolicy } from './client/reconnect-options.js'
import { invalidArgument } from './errors.js'
import { TypedEventSource } from './events.js'
import { type ClientSession, openSession } from './exec/client-session.js'
import { type ExecArguments, parseAttachArguments, parseExecArguments } from './exec/exec-arguments.js'
import { ExecChannelProcess } from './exec/exec-channel-process.js'
import type { AttachOptions, ExecOptions, SessionOptions } from './exec/exec-options.js'
import type { ExecProcess } from './exec/exec-process.js'
import { forgetJob, type JobInfo, type KillJobOptions, killJob, listJobs } from './exec/jobs/client-jobs.js'
import {
  type RunBufferOptions,
  type RunOptions,
  type RunResult,
  type RunTextOptions,
  run,
} from './exec/run.js'
import { download } from './files/download.js'
import { GetReadable } from './files/get-readable.js'
import type { GetStream } from './files/get-stream.js'
import type { PathTransferDeps } from './files/path-transfer.js'
import type { PutStream } from './files/put-stream.js'
import { PutWritable } from './files/put-writable.js'
import type { ServerIdentity } from './files/resume-ids.js'
import type {
  GetOptions,
  PathTransferOptions,
  PutOptions,
  TransferObserver,
  TransferReceipt,
} from './files/transfer.js'
import { upload } from './files/upload.js'
import { MAX_TIMEOUT_MS, type OperationOptions } from './options.js'
import { dialTls } from './transport/tls-dial.js'
import type { Transport } from './transport/transport.js'
import { dialUnix } from './transport/unix-socket.js'

const DEFAULT_DRAIN_MS = 5_000
const DEFAULT_HOST = '127.0.0.1'

/**
 * A connection to a server, on which many operations run at once.
 *
 * @example
 * ```ts
 * await using client = await FakeSshClient.connect('fakessh://deploy:TOKEN@host:7022')
 * const { stdout } = await client.run('git', ['rev-parse', 'HEAD'])
 * ```
 *
 * @public
 */
export class FakeSshClient extends TypedEventSource<FakeSshClientEvents> {
  readonly #link: Link
  readonly #server: ServerIdentity | undefined

  private constructor(connect: Connect, policy: ReconnectPolicy | undefined, server?: ServerIdentity) {
    super()
    this.#server = server
    this.#link = new Link(connect, policy, {
      disconnect: (event) => this.emit('disconnect', event),
      reconnecting: (event) => this.emit('reconnecting', event),
      reconnect: (event) => this.emit('reconnect', event),
      fault: (error) => this.emit('fault', { error }),
    })
  }

  /**
   * Connects, verifies the server, and authenticates. Rejects, within `connectTimeoutMs`, with `ERR_FAKESSH_CONNECT_FAILED`,
   * `ERR_FAKESSH_SERVER_IDENTITY`, `ERR_FAKESSH_AUTH_FAILED`, `ERR_FAKESSH_HANDSHAKE_TIMEOUT`, `ERR_FAKESSH_VERSION`,
   * `ERR_FAKESSH_CONNECTION_LOST`, `ERR_FAKESSH_INVALID_ARG`, `ERR_FAKESSH_WEAK_TOKEN`, or `signal.reason`.
   */
  static connect(options: ConnectOptions): Promise<FakeSshClient>
  /** Likewise, to where a connection string says, as `server.connectionString()` gives it. */
  static connect(connectionString: string, options?: ConnectStringOptions): Promise<FakeSshClient>
  static async connect(target: string | ConnectOptions, more?: ConnectStringOptions): Promise<FakeSshClient> {
    const options = connectOptionsFrom(target, more)
    const { connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS, path } = options
    const credential = credentialFrom(options, credentialMode({ isPlain: path !== undefined, ...options }))
    const connect: Connect = async (hooks, signal) => {
      const startedAt = performance.now()
      const transport = await dial(options, credential, connectTimeoutMs, signal)
      const leftMs = Math.max(1, Math.ceil(connectTimeoutMs - (performance.now() - startedAt)))
      return establish(transport, credential, { ...options, connectTimeoutMs: leftMs, signal }, hooks)
    }
    return FakeSshClient.connectBy(connect, options)
  }

  /**
   * Connects, now and after a loss, in a way of the caller's own, such as over an in-memory pair.
   *
   * @internal
   */
  static async connectBy(
    connect: Connect,
    options: Partial<Pick<ConnectOptions, 'reconnect' | 'signal' | 'host' | 'path' | 'user'>> = {},
  ): Promise<FakeSshClient> {
    // Without the port, which a server that listens on a free one changes with every start.
    const { user, path, host = path ?? DEFAULT_HOST } = options
    const server = user === undefined ? undefined : { host, user }
    const client = new FakeSshClient(connect, reconnectPolicy(options.reconnect), server)
    await client.#link.start(options.signal)
    return client
  }

  /**
   * Authenticates over a transport that someone else established, such as one end of an in-memory pair.
   *
   * @internal
   */
  static connectOver(
    transport: Transport,
    credential: Credential,
    options: EstablishOptions = {},
  ): Promise<FakeSshClient> {
    const { user } = credential
    return FakeSshClient.connectBy((hooks) => establish(transport, credential, options, hooks), { user })
  }

  /** `host:port`, or the socket path, of the server. */
  get host(): string {
    return this.#link.connection.peerLabel
  }

  /** True while operations can be started. */
  get isConnected(): boolean {
    return this.#link.connection.isOpen
  }

  /** Operations that are running, or wait because the server takes only so many at once. */
  get pendingOperations(): number {
    return this.#link.connection.pendingOperations
  }

  /**
   * Runs a command: a command line through the server's shell, or a program with arguments and no shell, where nothing needs quoting.
   * Returns at once; see {@link ExecProcess} for stdin, stdout, stderr and the result.
   *
   * @throws `ERR_FAKESSH_INVALID_ARG`, or `ERR_FAKESSH_LIMIT` when command and `env` are too long. Every other failure reaches the
   *   process's `result` and streams.
   */
  exec(command: string, options?: ExecOptions): ExecProcess
  /** Runs a program with arguments, without a shell. */
  exec(file: string, args: readonly string[], options?: ExecOptions): ExecProcess
  exec(...args: ExecArguments): ExecProcess {
    return this.#start(args)
  }

  /**
   * Runs a command and collects its output. Rejects with `ExecError` `ERR_FAKESSH_EXIT` when it exits with another code than 0, unless
   * `reject` is false, and as {@link ExecProcess.result} does.
   */
  run(command: string, options: RunBufferOptions): Promise<RunResult<Buffer>>
  /** Runs a command line and collects its output as text. */
  run(command: string, options?: RunTextOptions): Promise<RunResult<string>>
  /** Runs a program with arguments and collects its output as bytes. */
  run(file: string, args: readonly string[], options: RunBufferOptions): Promise<RunResult<Buffer>>
  /** Runs a program with arguments and collects its output as text. */
  run(file: string, args: readonly string[], options?: RunTextOptions): Promise<RunResult<string>>
  /** Runs a command line and collects its output as `options.encoding` says, where that is only known at run time. */
  run(command: string, options?: RunOptions): Promise<RunResult<string> | RunResult<Buffer>>
  /** Runs a program with arguments and collects its output as `options.encoding` says, where that is only known at run time. */
  run(
    file: string,
    args: readonly string[],
    options?: RunOptions,
  ): Promise<RunResult<string> | RunResult<Buffer>>
  run(...args: ExecArguments<RunOptions>): Promise<RunResult<string> | RunResult<Buffer>> {
    return run((...call: ExecArguments) => this.#start(call), args)
  }

  /**
   * Attaches to a durable exec of this user, wherever it was started: what the server has kept of its output from the given offsets on is
   * told again, then what comes. Another attachment to it ends with `ERR_FAKESSH_FENCED`. The result is that of `exec` with `durable`; it
   * rejects with `ERR_FAKESSH_NO_JOB` where the server has no such job.
   *
   * @throws `ERR_FAKESSH_INVALID_ARG`. Every other failure reaches the process's `result` and streams.
   */
  attach(jobId: string, options?: AttachOptions): ExecProcess {
    return new ExecChannelProcess(this.#link, parseAttachArguments(jobId, options))
  }

  /**
   * The durable execs of this user that the server has, oldest first. Rejects with `ERR_FAKESSH_DENIED`, `ERR_FAKESSH_TIMEOUT` (without
   * `timeoutMs` after 30,000 ms), `signal.reason`, or the end of the connection.
   */
  jobs(options?: OperationOptions): Promise<readonly JobInfo[]> {
    return listJobs(this.#link, options)
  }

  /**
   * Signals the process group of a durable exec, attached or not; as {@link ExecProcess.kill}, SIGTERM is followed by SIGKILL. Resolves with
   * whether there still was a process to signal. Rejects as `jobs` does, and with `ERR_FAKESSH_NO_JOB` or `ERR_FAKESSH_INVALID_ARG`.
   *
   * @param signal - default `SIGTERM`
   */
  killJob(jobId: string, signal?: NodeJS.Signals, options?: KillJobOptions): Promise<boolean> {
    return killJob(this.#link, jobId, signal, options)
  }

  /**
   * Drops a durable exec that has ended, with its output, before the server does. Rejects as `jobs` does, with `ERR_FAKESSH_NO_JOB`, and with
   * `ERR_FAKESSH_INVALID_ARG` while it runs.
   */
  forgetJob(jobId: string, options?: OperationOptions): Promise<void> {
    return forgetJob(this.#link, jobId, options)
  }

  /**
   * Opens a working directory and environment that last from one exec to the next, so that `cd` and `export` do. Rejects with
   * `ERR_FAKESSH_DENIED`, a POSIX code when `cwd` cannot be used, `ERR_FAKESSH_TIMEOUT`, `signal.reason`, or the end of the connection.
   */
  session(options: SessionOptions = {}): Promise<ClientSession> {
    return openSession(this.#link.connection, options)
  }

  /**
   * Reads a remote file. The stream ends only once length and digest were verified; see {@link GetStream}.
   *
   * @throws `ERR_FAKESSH_INVALID_ARG`, `ERR_FAKESSH_INVALID_PATH`, `ENAMETOOLONG`. Every other failure reaches the stream.
   */
  get(path: string, options?: GetOptions): GetStream {
    return new GetReadable(this.#link, path, options, this.#observer)
  }

  /**
   * Writes a remote file. The stream finishes only once the server has verified and committed; see {@link PutStream}.
   *
   * @throws `ERR_FAKESSH_INVALID_ARG`, `ERR_FAKESSH_INVALID_PATH`, `ENAMETOOLONG`. Every other failure reaches the stream.
   */
  put(path: string, options?: PutOptions): PutStream {
    return new PutWritable(this.#link, path, options, this.#observer)
  }

  /**
   * Copies a remote file to this machine: into a temporary file beside `localPath`, verified, then renamed over it. Rejects with
   * `TransferError`, or `signal.reason`; `localPath` is then as it was.
   */
  download(remotePath: string, localPath: string, options?: PathTransferOptions): Promise<TransferReceipt> {
    return download(this.#link, remotePath, localPath, options, this.#pathDeps)
  }

  /**
   * Copies a file of this machine to the server, which verifies it before it takes the place of `remotePath`. Rejects with
   * `TransferError`, or `signal.reason`; `remotePath` is then as it was, or complete if only the server's answer was lost.
   */
  upload(localPath: string, remotePath: string, options?: PathTransferOptions): Promise<TransferReceipt> {
    return upload(this.#link, localPath, remotePath, options, this.#pathDeps)
  }

  /**
   * Starts nothing new, lets running operations finish for `drainMs` (default 5,000), then fails what is left with
   * `ERR_FAKESSH_CLOSED`. Settles within `drainMs` + 1,000 ms. Idempotent.
   */
  close(options: { readonly drainMs?: number | undefined } = {}): Promise<void> {
    const { drainMs = DEFAULT_DRAIN_MS } = options
    if (!Number.isInteger(drainMs) || drainMs < 0 || drainMs > MAX_TIMEOUT_MS) {
      return Promise.reject(
        invalidArgument('close drainMs', `an integer from 0 to ${MAX_TIMEOUT_MS}`, drainMs),
      )
    }
    return this.#link.close(drainMs)
  }

  /** Does `close()`, with its default. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #start(args: ExecArguments): ExecProcess {
    return new ExecChannelProcess(this.#link, parseExecArguments(args))
  }

  get #pathDeps(): PathTransferDeps {
    return { observe: this.#observer, server: this.#server }
  }

  get #observer(): TransferObserver {
    return {
      metadata: (transfer, metadata) => this.emit('metadata', { ...transfer, ...metadata }),
      progress: (transfer, progress) => this.emit('progress', { ...transfer, ...progress }),
      checksum: (transfer, checksum) => this.emit('checksum', { ...transfer, ...checksum }),
    }
  }
}

function dial(
  options: ConnectOptions,
  credential: Credential,
  connectTimeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Transport> {
  const { host = DEFAULT_HOST, port, path, fingerprint, ca, servername } = options
  if (path !== undefined) return dialUnix({ path, connectTimeoutMs, signal })
  if (port === undefined) throw invalidArgument('connect port', 'a TCP port, or path of a unix socket', port)
  const { psk } = credential
  return dialTls({ host, port, psk, fingerprint, ca, servername, connectTimeoutMs, signal })
}
