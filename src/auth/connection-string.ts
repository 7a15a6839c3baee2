/**
 * Connection strings: all that a client needs, in one line. They hold the token, so no message here shows any part of one.
 *
 *     fakessh://user:token@host:port
 *     fakessh://user:token@host:port#SHA256:fingerprint
 *     fakessh+unix://user:token@/path/to.sock
 */
import { FakeSshError } from '../errors.js'
import { isFingerprint } from '../transport/fingerprint.js'

/** What a connection string says. @internal */
export type ConnectionTarget = TcpTarget | UnixTarget

/** A server behind a TCP port. */
interface TcpTarget {
  readonly user: string
  readonly token: string
  readonly host: string
  readonly port: number
  /** Without one the token proves the server. */
  readonly fingerprint?: string | undefined
}

/** A server behind a unix socket. */
interface UnixTarget {
  readonly user: string
  readonly token: string
  /** Absolute. */
  readonly socketPath: string
}

const SHAPE = /^fakessh(\+unix)?:\/\/([^:@/?#\s]+):([^:@/?#\s]+)@([^?#@\s]+)(?:#([^#\s]+))?$/
const HOST_AND_PORT = /^(?:\[([0-9A-Fa-f:.]+(?:%25[^[\]/\s]+)?)\]|([^[\]:/%\s]+)):(\d{1,5})\/?$/
// What would end a host name in a string, or could not be looked up.
const HOST = /^[^[\]:/%?#@\s]+$/
const IPV6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[^[\]/\s%]+)?$/

/**
 * Writes a connection string. It is a secret.
 *
 * @throws `ERR_FAKESSH_INVALID_ARG`.
 * @internal
 */
export function formatConnectionString(target: ConnectionTarget): string {
  const login = `${encode(target.user, 'user')}:${encode(target.token, 'token')}`
  if ('socketPath' in target) {
    if (!isAbsolute(target.socketPath)) throw invalid('socketPath is not an absolute path')
    const path = target.socketPath.split('/').map((part) => (part === '' ? '' : encode(part, 'socketPath')))
    return `fakessh+unix://${login}@${path.join('/')}`
  }
  const { host, port, fingerprint } = target
  if (!isPort(port)) throw invalid('port is not an integer from 1 to 65535')
  if (fingerprint !== undefined && !isFingerprint(fingerprint))
    throw invalid('fingerprint is not of the form SHA256:…')
  const isIPv6 = IPV6.test(host)
  if (!isIPv6 && !HOST.test(host)) throw invalid('host is neither a name nor an address')
  const shown = isIPv6 ? `[${host.replace('%', '%25')}]` : host
  return `fakessh://${login}@${shown}:${port}${fingerprint === undefined ? '' : `#${fingerprint}`}`
}

/**
 * Reads a connection string.
 *
 * @throws `ERR_FAKESSH_INVALID_ARG`, which says what is wrong and shows none of it.
 * @internal
 */
export function parseConnectionString(text: string): ConnectionTarget {
  if (typeof text !== 'string') throw invalid('it is not a string')
  if (!/^fakessh(\+unix)?:\/\//.test(text))
    throw invalid("it does not start with 'fakessh://' or 'fakessh+unix://'")
  const [, unix, user, token, place, fragment] = SHAPE.exec(text) ?? []
  if (user === undefined || token === undefined || place === undefined) {
    throw invalid("it is not of the form 'fakessh://user:token@host:port'")
  }
  const login = { user: decode(user, 'user'), token: decode(token, 'token') }
  if (unix !== undefined) {
    const socketPath = decode(place, 'path')
    if (!isAbsolute(socketPath) || fragment !== undefined)
      throw invalid('it does not end in the absolute path of a socket')
    return { ...login, socketPath }
  }
  const [, address, name, digits] = HOST_AND_PORT.exec(place) ?? []
  const host = address?.replace('%25', '%') ?? name
  const port = Number(digits)
  if (host === undefined || !isPort(port) || (address !== undefined && !IPV6.test(host))) {
    throw invalid('host or port is missing or wrong; an IPv6 address stands in brackets')
  }
  if (fragment === undefined) return { ...login, host, port }
  if (!isFingerprint(fragment)) throw invalid("what follows '#' is not a fingerprint of the form SHA256:…")
  return { ...login, host, port, fingerprint: fragment }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535
}

function isAbsolute(path: string): boolean {
  return path.startsWith('/') && !path.includes('\0')
}

function encode(text: string, what: string): string {
  if (typeof text !== 'string' || text === '') throw invalid(`${what} is missing`)
  try {
    return encodeURIComponent(text)
  } catch {
    throw invalid(`${what} holds half of a character`)
  }
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid(`${what} is not percent-encoded UTF-8`)
  }
}

function invalid(why: string): FakeSshError {
  return new FakeSshError('ERR_FAKESSH_INVALID_ARG', `connection string: ${why}`)
}
