import { describe, expect, test } from 'vitest'
import { agree, type HelloOptions, makeHello } from '../../../src/protocol/handshake.js'
import type { Hello } from '../../../src/protocol/messages.js'

const options: HelloOptions = {
  role: 'client',
  agent: 'test/1',
  maxFrameBytes: 4096,
  maxChannels: 7,
  isPlain: true,
}
const hello = (more: Partial<Hello> = {}): Hello => ({
  ...makeHello({ ...options, role: 'server' }),
  ...more,
})

describe('our HELLO', () => {
  test('says what we speak and what we take', () => {
    expect(makeHello(options)).toEqual({
      protocol: 'fakessh',
      version: 1,
      minVersion: 1,
      role: 'client',
      agent: 'test/1',
      features: ['stream-crc32'],
      limits: { maxFrameBytes: 4096, maxChannels: 7 },
    })
  })

  test('names the instance of a server that has one', () => {
    const instance = '0123456789abcdef0123456789abcdef'
    expect(makeHello({ ...options, role: 'server', instance }).instance).toBe(instance)
    expect(agree(makeHello(options), hello({ instance })).peerInstance).toBe(instance)
  })

  test('offers no check of streams where TLS checks every byte', () => {
    expect(makeHello({ ...options, isPlain: false }).features).toEqual([])
  })
})

describe('what two HELLOs settle', () => {
  const ours = makeHello(options)

  test('the limits are the peer’s', () => {
    const theirs = hello({ limits: { maxFrameBytes: 1024, maxChannels: 3 }, agent: 'other/2' })
    expect(agree(ours, theirs)).toEqual({
      version: 1,
      features: new Set(['stream-crc32']),
      maxFrameBytes: 1024,
      maxChannels: 3,
      peerAgent: 'other/2',
    })
  })

  test.each<[version: number, minVersion: number, agreed: number]>([
    [1, 1, 1],
    [2, 1, 1],
    [900, 1, 1],
  ])('a peer of version %i that also speaks %i', (version, minVersion, agreed) => {
    expect(agree(ours, hello({ version, minVersion })).version).toBe(agreed)
  })

  test.each<[version: number, minVersion: number]>([
    [2, 2],
    [3, 2],
    [1, 2],
  ])('a peer of version %i that speaks nothing below %i is refused', (version, minVersion) => {
    const code = 'ERR_FAKESSH_VERSION'
    expect(() => agree(ours, hello({ version, minVersion }))).toThrow(expect.objectContaining({ code }))
  })

  test('a peer older than our oldest is refused', () => {
    const strict = { ...ours, version: 3, minVersion: 2 }
    expect(() => agree(strict, hello())).toThrow('we speak 2 to 3, the peer 1 to 1')
  })

  test.each(['client', 'server'] as const)('two ends that are both a %s are refused', (role) => {
    expect(() => agree({ ...ours, role }, hello({ role }))).toThrow(`both ends are a ${role}`)
  })

  test('only features that both name are used', () => {
    expect(agree(ours, hello({ features: ['later', 'stream-crc32', 'stream-crc32'] })).features).toEqual(
      new Set(['stream-crc32']),
    )
    expect(agree({ ...ours, features: [] }, hello()).features.size).toBe(0)
    expect(agree(ours, hello({ features: [] })).features.size).toBe(0)
  })
})
