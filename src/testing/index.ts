/**
 * For tests of programs that use fake-ssh: a connected client and server in one process, without sockets, ports or certificates, and
 * faults on the way between them, or between any client and server through a proxy. Everything above the transport is the real thing:
 * the protocol, real processes, real files.
 *
 * @packageDocumentation
 */

import { credentialFrom } from '../auth/credential.js'
import { generateToken } from '../auth/token.js'
import { establish } from '../client/establish.js'
import type { Connect } from '../client/link.js'
import type { ReconnectOptions } from '../client/reconnect-options.js'
import { FakeSshClient } from '../client.js'
import { invalidArgument } from '../errors.js'
import type { UserPermissions } from '../options.js'
import type { FakeSshServerOptions } from '../server/server-options.js'
import { FakeSshServer } from '../server.js'
import { memoryPair } from '../transport/memory-pair.js'
import type { Transport } from '../transport/transport.js'
import { FaultControls } from './fault-controls.js'
import type { FaultOptions } from './fault-options.js'
import { FAKE_SSH_FRAMES } from './frame-format.js'

export type {
  FaultConnection,
  FaultControls,
  FaultEvents,
  FaultRecord,
  FaultTraffic,
} from './fault-controls.js'
export type {
  CutFault,
  CutHow,
  DuplicateFault,
  FaultDirection,
  FaultOptions,
  FaultPlan,
  FaultPoint,
  FaultRange,
  Faults,
} from './fault-options.js'
export {
  type FaultProxy,
  type FaultProxyOptions,
  type FaultProxyTarget,
  faultProxy,
} from './fault-proxy.js'

/** Options of `connectedPair()`. @public */
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
  /**
   * Makes faults on the way: `up` is to the server, `down` to the client. `intercept` sits between them and the client. Default: there
   * is no such thing on the way.
   */
  readonly faults?: FaultOptions | undefined
  /** As of `FakeSshClient.connect()`: after a fault that ended the connection the client is given another one, to the same server. Default false. */
  readonly reconnect?: boolean | ReconnectOptions | undefined
}

/** What `connectedPair()` gives. @public */
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

/** A {@link ConnectedPair} with faults on the way. @public */
export interface FaultyPair extends ConnectedPair {
  /** Makes faults on demand, and logs those that happened. */
  readonly faults: FaultControls
}

/**
 * A client connected to a server of its own, with faults on the way. Rejects as `FakeSshClient.connect()` does, when the faults already
 * keep it from connecting, and with `ERR_FAKESSH_INVALID_ARG`.
 *
 * @public
 */
export function connectedPair(
  options: ConnectedPairOptions & { readonly faults: FaultOptions },
): Promise<FaultyPair>
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
export function connectedPair(options?: ConnectedPairOptions): Promise<ConnectedPair>
export async function connectedPair(
  options: ConnectedPairOptions = {},
): Promise<ConnectedPair & { faults?: FaultControls }> {
  if (typeof options !== 'object' || options === null)
    throw invalidArgument('connectedPair', 'an options object', options)
  const {
    user = {},
    userName = 'test',
    intercept,
    faults: faultOptions,
    reconnect,
    ...serverOptions
  } = options
  if (intercept !== undefined && typeof intercept !== 'function')
    throw invalidArgument('connectedPair intercept', 'a function', intercept)
  const faults = faultOptions && new FaultControls('connectedPair faults', faultOptions)
  const token = generateToken()
  const server = new FakeSshServer({ ...serverOptions, users: { [userName]: { ...user, token } } })
  const credential = credentialFrom({ user: userName, token }, 'plain')
  const { keepaliveIntervalMs } = serverOptions
  const connect: Connect = (hooks, signal) => {
    const [dialer, near] = memoryPair({
      intercept:
        intercept && ((bytes, to) => intercept(bytes, to === 'listener' ? 'to-server' : 'to-client')),
    })
    server.serve(faults === undefined ? near : behind(faults, near))
    return establish(dialer, credential, { keepaliveIntervalMs, signal }, hooks)
  }
  try {
    const client = await FakeSshClient.connectBy(connect, { reconnect, user: userName })
    const close = async () => {
      await Promise.all([client.close({ drainMs: 0 }), server.close({ drainMs: 0 })])
      faults?.endAll()
    }
    return { client, server, close, [Symbol.asyncDispose]: close, ...(faults && { faults }) }
  } catch (error) {
    await server.close({ drainMs: 0 })
    faults?.endAll()
    throw error
  }
}

/** The listener's end of a pair whose other end is joined to the given one, with faults between them. */
function behind(faults: FaultControls, near: Transport): Transport {
  const [far, listener] = memoryPair()
  faults.join(near.stream, far.stream, FAKE_SSH_FRAMES)
  return listener
}
