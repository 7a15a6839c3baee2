/** How an address is written in messages, events and connection strings. */
import type { PeerAddress } from './transport.js'

/** `host:port`, with an IPv6 address in brackets. @internal */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * The address of a TCP peer. An IPv4 address that a dual-stack socket shows as `::ffff:192.0.2.1` is written as IPv4, so
 * that limits and logs see one peer and not two.
 *
 * @internal
 */
export function tcpPeer(address: string | undefined, port: number | undefined): PeerAddress {
  if (address === undefined || port === undefined) return { kind: 'tcp', label: 'unknown' }
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
  return { kind: 'tcp', label: hostAndPort(plain, port), address: plain, port }
}
