/** From a transport to an authenticated connection. */
import type { Credential } from '../auth/credential.js'
import { Connection } from '../connection/connection.js'
import { ConnectionError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { Transport } from '../transport/transport.js'
import { AGENT } from '../version.js'
import { DEFAULT_CONNECT_TIMEOUT_MS, DEFAULT_KEEPALIVE_INTERVAL_MS } from './connect-options.js'

/** What logging in can be told; defaults are those of `ConnectOptions`. */
export interface EstablishOptions {
  readonly connectTimeoutMs?: number | undefined
  readonly keepaliveIntervalMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What is heard of the connection, from its beginning on. */
export interface EstablishHooks {
  /** Without an error: both sides meant it. Called once, after everything pending was told. */
  onEnded(error: ConnectionError | undefined): void
  onInternalError(error: unknown): void
}

/** Rejects with the codes of `FakeSshClient.connect()`, or with `signal.reason`; the transport is then closed. */
export async function establish(
  transport: Transport,
  credential: Credential,
  options: EstablishOptions,
  hooks: EstablishHooks,
): Promise<Connection> {
  const {
    connectTimeoutMs: handshakeTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS,
    keepaliveIntervalMs = DEFAULT_KEEPALIVE_INTERVAL_MS,
    signal,
  } = options
  const { label } = transport.peer
  const connection = new Connection(
    transport,
    { role: 'client', agent: AGENT, handshakeTimeoutMs, keepaliveIntervalMs },
    {
      onAuthenticate: async () => false,
      onOpen: (open) => open.reject('ERR_FAKESSH_UNSUPPORTED', 'a client serves nothing'),
      ...hooks,
    },
  )
  const giveUp = () =>
    connection.destroy(
      new ConnectionError('ERR_FAKESSH_CLOSED', 'connecting was given up', { op: 'connect', host: label }),
    )
  signal?.addEventListener('abort', giveUp, { once: true })
  try {
    signal?.throwIfAborted()
    const reply = await connection.authenticate(await credential.authRequest(transport))
    if (reply.status !== 'success') throw refused(credential, label)
    return connection
  } catch (error) {
    giveUp()
    throw signal?.aborted === true ? signal.reason : error
  } finally {
    signal?.removeEventListener('abort', giveUp)
  }
}

function refused(credential: Credential, host: string): ConnectionError {
  return new ConnectionError(
    'ERR_FAKESSH_AUTH_FAILED',
    `${host} refused the login of '${escapeText(credential.user)}'`,
    { op: 'connect', host },
  )
}
