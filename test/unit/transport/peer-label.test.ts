import { expect, test } from 'vitest'
import { hostAndPort, tcpPeer } from '../../../src/transport/peer-label.js'

test('an IPv6 address is bracketed', () => {
  expect(hostAndPort('server.example', 7022)).toBe('server.example:7022')
  expect(hostAndPort('192.0.2.1', 7022)).toBe('192.0.2.1:7022')
  expect(hostAndPort('2001:db8::1', 7022)).toBe('[2001:db8::1]:7022')
})

test('an IPv4 peer of a dual-stack socket is an IPv4 peer', () => {
  const expected = { kind: 'tcp', label: '192.0.2.1:5', address: '192.0.2.1', port: 5 }
  expect(tcpPeer('::ffff:192.0.2.1', 5)).toEqual(expected)
  expect(tcpPeer('192.0.2.1', 5)).toEqual(expected)
  expect(tcpPeer('::ffff:0:1', 5)).toMatchObject({ address: '::ffff:0:1', label: '[::ffff:0:1]:5' })
})

test('a peer that was gone before it could be looked at is unknown', () => {
  expect(tcpPeer(undefined, undefined)).toEqual({ kind: 'tcp', label: 'unknown' })
})
