/** Two authenticated connections, a client's and a server's, over an in-memory pair or any other pair of transports. */

import type { IncomingOpen } from '../../src/connection/channel-handler.js'
import { Connection } from '../../src/connection/connection.js'
import type { ConnectionHooks, ConnectionOptions } from '../../src/connection/connection-options.js'
import type { ConnectionError } from '../../src/errors.js'
import { memoryPair } from '../../src/transport/memory-pair.js'
import type { Transport } from '../../src/transport/transport.js'

export interface PairOptions {
  /** What the server does with OPEN; the default refuses everything. */
  readonly onOpen?: (open: IncomingOpen) => void
  /** What the client does with OPEN. */
  readonly onClientOpen?: (open: IncomingOpen) => void
  readonly client?: Partial<ConnectionOptions>
  readonly server?: Partial<ConnectionOptions>
  readonly transports?: readonly [Transport, Transport]
}

export interface ConnectionPair {
  readonly client: Connection
  readonly server: Connection
  /** Errors of our own that either end reported; a test that expects none checks that it is empty. */
  readonly internalErrors: unknown[]
  /** How each end ended: undefined while it lives, 'clean', or the error. */
  readonly endings: { client?: ConnectionError | 'clean'; server?: ConnectionError | 'clean' }
  close(): Promise<void>
}

const refuse = (open: IncomingOpen) => open.reject('ERR_FAKESSH_UNSUPPORTED', `no ${open.kind} here`)

export async function connectionPair(options: PairOptions = {}): Promise<ConnectionPair> {
  const [dialer, listener] = options.transports ?? memoryPair()
  const internalErrors: unknown[] = []
  const endings: ConnectionPair['endings'] = {}
  const hooks = (side: 'client' | 'server', onOpen: (open: IncomingOpen) => void): ConnectionHooks => ({
    onAuthenticate: async () => true,
    onOpen,
    onEnded: (error) => {
      endings[side] = error ?? 'clean'
    },
    onInternalError: (error) => internalErrors.push(error),
  })
  const server = new Connection(
    listener,
    { role: 'server', agent: 'test', ...options.server },
    hooks('server', options.onOpen ?? refuse),
  )
  const client = new Connection(
    dialer,
    { role: 'client', agent: 'test', ...options.client },
    hooks('client', options.onClientOpen ?? refuse),
  )
  await client.authenticate({ method: 'token', user: 'test', token: 'x' })
  const close = async () => {
    await Promise.all([client.close(0), server.close(0)])
  }
  return { client, server, internalErrors, endings, close }
}
