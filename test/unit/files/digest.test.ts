import { expect, test } from 'vitest'
import { Digest, isChecksumAlgorithm } from '../../../src/files/digest.js'
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from '../../../src/options.js'

// From the standards: RFC 1321, FIPS 180-4 (NIST examples), RFC 7693 appendix A.
const OF_ABC: Record<ChecksumAlgorithm, string> = {
  md5: '900150983cd24fb0d6963f7d28e17f72',
  sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
  sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  sha512:
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  blake2b512:
    'ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923',
}

const abc = Buffer.from('abc')

test.each(CHECKSUM_ALGORITHMS)('%s of "abc", whole and byte by byte', (algorithm) => {
  const whole = new Digest(algorithm)
  whole.update(abc)
  expect(whole.hex()).toBe(OF_ABC[algorithm])

  const pieces = new Digest(algorithm)
  for (const byte of abc) pieces.update(Uint8Array.of(byte))
  expect(pieces.hex()).toBe(OF_ABC[algorithm])
  expect(pieces.algorithm).toBe(algorithm)
})

test('of nothing', () => {
  expect(new Digest('md5').hex()).toBe('d41d8cd98f00b204e9800998ecf8427e')
})

test('can be asked for twice', () => {
  const digest = new Digest('sha1')
  digest.update(abc)
  expect([digest.hex(), digest.hex()]).toEqual([OF_ABC.sha1, OF_ABC.sha1])
})

test('an algorithm this machine lacks is refused with a code', () => {
  // What createHash('md5') is under FIPS.
  expect(() => new Digest('whirlpool-9' as ChecksumAlgorithm)).toThrow(
    expect.objectContaining({ code: 'ERR_FAKESSH_UNSUPPORTED' }),
  )
})

test.each(['', 'SHA256', 'sha-256', 'constructor', undefined, null, 5, ['sha256']])(
  '%j is no algorithm',
  (name) => {
    expect(isChecksumAlgorithm(name)).toBe(false)
  },
)

test('all the algorithms are', () => {
  expect(CHECKSUM_ALGORITHMS.every(isChecksumAlgorithm)).toBe(true)
})
