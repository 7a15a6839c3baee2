/** Unix sockets: a plain transport for one machine, where file permissions say who may connect. */
import { once } from 'node:events'
import { chmod, link, lstat, mkdtemp, rmdir, unlink } from 'node:fs/promises'
import { createConnection, createServer, type Server } from 'node:net'
import { basename, dirname, join, resolve } from 'node:path'
import { ConnectionError, FakeSshError, invalidArgument } from '../errors.js'
import { escapeText } from '../escape.js'
import { MAX_TIMEOUT_MS } from '../options.js'
import { releasingReceiver } from './releasing-receiver.js'
import { systemError } from './system-error.js'
import { codeOf, dialError, listenError } from './tls-errors.js'
import { DEFAULT_HANDSHAKE_TIMEOUT_MS } from './tls-options.js'
import type { Transport } from './transport.js'
import { whenReady } from './when-ready.js'

/** Bytes of a socket's path that every POSIX system takes (macOS: 104 with the final NUL, Linux: 108). */
const MAX_PATH_BYTES = 103

/** @internal */
export interface UnixListenOptions {
  readonly path: string
  /** Permissions of the socket; writing is connecting. Default 0o600: only the same user. */
  readonly mode?: number | undefined
  /** Takes over a connection. Must not throw. */
  readonly onTransport: (transport: Transport) => void
  /** Accepting failed; the listener lives on. Must not throw. */
  readonly onError: (error: FakeSshError) => void
}

/** @internal */
export interface UnixListener {
  readonly path: string
  /** Takes no more connections and removes the socket; those accepted are their owner's. Idempotent. */
  close(): Promise<void>
}

/** @internal */
export interface UnixDialOptions {
  readonly path: string
  /** Milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Listens on a unix socket. A socket that nobody listens on any more is replaced; anything else at `path` is left alone.
 *
 * @throws `ERR_FAKESSH_INVALID_ARG`, or the POSIX code of the failure: `EADDRINUSE` when somebody listens there, `EEXIST` when
 *   something else is there, `EACCES`, `ENOENT`.
 * @internal
 */
export async function listenUnix(options: UnixListenOptions): Promise<UnixListener> {
  const { mode = 0o600, onTransport, onError } = options
  const path = resolve(checkPath(options.path, 'listen'))
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) {
    throw invalidArgument('listen: mode', 'permissions from 0 to 0o777', mode)
  }
  const server = createServer((socket) => {
    socket.on('error', () => {})
    const setReceiver = releasingReceiver(socket)
    onTransport({ stream: socket, setReceiver, side: 'listener', peer: { kind: 'unix', label: path } })
  })
  try {
    await bindPrivately(server, path, mode)
  } catch (error) {
    server.close()
    throw listenError(error, path)
  }
  server.on('error', (error) =>
    onError(new ConnectionError(codeOf(error) ?? 'EIO', 'accepting failed', { cause: error })),
  )
  const made = await lstat(path).catch(() => undefined)
  return {
    path,
    close: async () => {
      server.close()
      // Only ours: it may have been replaced meanwhile.
      const there = await lstat(path).catch(() => undefined)
      if (made !== undefined && there?.ino === made.ino && there.dev === made.dev)
        await unlink(path).catch(() => {})
    },
  }
}

/** Dials a unix socket. Rejects as `dialTls` does. @internal */
export async function dialUnix(options: UnixDialOptions): Promise<Transport> {
  const { signal, connectTimeoutMs: timeoutMs = DEFAULT_HANDSHAKE_TIMEOUT_MS } = options
  const path = checkPath(options.path, 'connect')
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_TIMEOUT_MS) {
    throw invalidArgument('connect: connectTimeoutMs', `an integer from 1 to ${MAX_TIMEOUT_MS}`, timeoutMs)
  }
  signal?.throwIfAborted()
  const translate = (error: unknown) => dialError(error, path)
  const timeoutError = () => translate(systemError('ETIMEDOUT', `no answer within ${timeoutMs} ms`))
  const socket = createConnection({ path })
  await whenReady(socket, { timeoutMs, signal }, { event: 'connect', timeoutError, translate })
  const setReceiver = releasingReceiver(socket)
  return { stream: socket, setReceiver, side: 'dialer', peer: { kind: 'unix', label: path } }
}

function checkPath(path: unknown, op: string): string {
  if (process.platform === 'win32') {
    throw new FakeSshError('ERR_FAKESSH_UNSUPPORTED', `${op}: unix sockets need a POSIX system`, { op })
  }
  // A NUL in front would make an abstract socket, which has no permissions at all.
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw invalidArgument(`${op}: path`, 'the path of a unix socket', path)
  }
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_PATH_BYTES) {
    // Some versions of libuv cut it silently, and would bind or dial another socket.
    throw invalidArgument(`${op}: path`, `at most ${MAX_PATH_BYTES} bytes`, `${path} (${bytes} bytes)`)
  }
  return path
}

/**
 * Binds in a fresh directory that only we can enter, sets the permissions, then links the socket to its place: nobody can
 * connect before the permissions hold, and linking never replaces what is there.
 */
async function bindPrivately(server: Server, path: string, mode: number): Promise<void> {
  const directory = await mkdtemp(join(dirname(path), '.s'))
  const fresh = join(directory, 's')
  try {
    checkPath(fresh, 'listen')
    server.listen({ path: fresh })
    await once(server, 'listening')
    await chmod(fresh, mode)
    await link(fresh, path).catch(async (error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
      await removeStale(path)
      await link(fresh, path)
    })
  } finally {
    await unlink(fresh).catch(() => {})
    await rmdir(directory)
  }
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path)
  if (!found.isSocket()) throw systemError('EEXIST', `${escapeText(basename(path))} exists and is no socket`)
  const state = await probe(path)
  if (state !== 'ECONNREFUSED') {
    throw systemError(
      'EADDRINUSE',
      `somebody listens there already${state === undefined ? '' : ` (${state})`}`,
    )
  }
  const still = await lstat(path)
  if (still.ino !== found.ino) throw systemError('EADDRINUSE', 'somebody else has just taken it')
  await unlink(path)
}

/** Connects and hangs up: undefined when somebody listens, else the code of the failure. */
async function probe(path: string): Promise<string | undefined> {
  const socket = createConnection({ path })
  try {
    await once(socket, 'connect')
    return undefined
  } catch (error) {
    return codeOf(error) ?? 'unknown'
  } finally {
    socket.on('error', () => {})
    socket.destroy()
  }
}
