/**
 * For tests of programs that use fake-ssh: a connected client and server in one process, without sockets, ports or certificates.
 * Everything above the transport is the real thing: the protocol, real processes, real files.
 *
 * @packageDocumentation
 */

import { credentialFrom } from '../auth/credential.js'
import { generateToken } from '../auth/token.js'
import { FakeSshClient } from '../client.js'
import { invalidArgument } from '../errors.js'
import type { UserPermissions } from '../options.js'
import type { FakeSshServerOptions } from '../server/server-options.js'
import { FakeSshServer } from '../server.js'
import { memoryPair } from '../transport/memory-pair.js'

/** Options of {@link connectedPair}. @public */
export interface ConnectedPairOptions extends Omit<FakeSshServerOptions, 'users' | 'authenticate' | 'tls'> {
  /** What the one user may do. Default: nothing, as on a real server. */
  readonly user?: UserPermissions | undefined
  /** Name of the user. Default `test`. */
  readonly userName?: string | undefined
  /**
   * Sees every piece of bytes between the two ends, and returns what arrives instead: another array of bytes to damage them, a shorter
   * one to lose some. A throw cuts the connection. Pieces are what one end wrote at once, not frames. Default: all arrives as it was sent.
   */
  readonly intercept?: ((bytes: Buffer, direction: 'to-server' | 'to-client') => Uint8Array) | undefined
}

/** What {@link connectedPair} gives. @public */
export interface ConnectedPair {
  /** Connected and authenticated. */
  readonly client: FakeSshClient
  /** Serves this one client; it does not listen. */
  readonly server: FakeSshServer
  /** Closes both ends; running operations fail with `ERR_FAKESSH_CLOSED`. */
  close(): Promise<void>
  /** Does `close()`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * A client connected to a server of its own.
 *
 * @example
 * ```ts
 * await using pair = await connectedPair({ user: { root: directory, exec: 'shell' } })
 * await pair.client.run('echo hello')
 * ```
 *
 * @public
 */
export async function connectedPair(options: ConnectedPairOptions = {}): Promise<ConnectedPair> {
  if (typeof options !== 'object' || options === null)
    throw invalidArgument('connectedPair', 'an options object', options)
  const { user = {}, userName = 'test', intercept, ...serverOptions } = options
  if (intercept !== undefined && typeof intercept !== 'function')
    throw invalidArgument('connectedPair intercept', 'a function', intercept)
  const token = generateToken()
  const server = new FakeSshServer({ ...serverOptions, users: { [userName]: { ...user, token } } })
  const [dialer, listener] = memoryPair({
    intercept: intercept && ((bytes, to) => intercept(bytes, to === 'listener' ? 'to-server' : 'to-client')),
  })
  server.serve(listener)
  const credential = credentialFrom({ user: userName, token }, 'plain')
  const { keepaliveIntervalMs } = serverOptions
  const client = await FakeSshClient.connectOver(dialer, credential, { keepaliveIntervalMs })
  const close = async () => {
    await Promise.all([client.close({ drainMs: 0 }), server.close({ drainMs: 0 })])
  }
  return { client, server, close, [Symbol.asyncDispose]: close }
}
