import { expect, test } from 'vitest'
import { FakeSshError } from '../../../src/errors.js'
import {
  cancelledByPeer,
  commitBeforeEnd,
  compareProofs,
  errorOfFailure,
  failureOf,
  type Proof,
} from '../../../src/files/proof.js'

const proof: Proof = { bytes: 3, algorithm: 'md5', digest: '900150983cd24fb0d6963f7d28e17f72' }

test('equal claims agree', () => {
  expect(() => compareProofs(proof, { ...proof })).not.toThrow()
})

test('a different length names both', () => {
  expect(() => compareProofs(proof, { ...proof, bytes: 4 })).toThrow(
    expect.objectContaining({
      code: 'ERR_FAKESSH_LENGTH_MISMATCH',
      message: 'the peer counted 4 bytes, this side 3',
    }),
  )
})

test('a different digest names both', () => {
  const digest = proof.digest.replace('9', 'a')
  expect(() => compareProofs(proof, { ...proof, digest })).toThrow(
    expect.objectContaining({
      code: 'ERR_FAKESSH_DIGEST_MISMATCH',
      message: `the md5 is ${digest} at the peer and ${proof.digest} on this side`,
    }),
  )
})

test('another algorithm is a broken promise, whatever the digest', () => {
  expect(() => compareProofs(proof, { ...proof, algorithm: 'sha1\n' })).toThrow(
    expect.objectContaining({
      code: 'ERR_FAKESSH_PROTOCOL',
      message: 'the peer computed sha1\\x0a where md5 was agreed on',
    }),
  )
})

test('what a peer reports is escaped', () => {
  const error = errorOfFailure({ code: 'E\u001bX', message: 'no\nsuch' })
  expect(error).toMatchObject({ code: 'E\\x1bX', message: 'no\\x0asuch' })
  expect(FakeSshError.is(error)).toBe(true)
})

test('a peer is told code and message of our errors, not their cause', () => {
  const cause = new Error('/srv/secret')
  const error = new FakeSshError('ENOENT', "ENOENT: no such file or directory, 'x'", { cause })
  expect(failureOf(error)).toEqual({ code: 'ENOENT', message: "ENOENT: no such file or directory, 'x'" })
})

test.each([new Error('/srv/secret'), 'text', undefined, null, { code: 'ENOENT', message: '/srv' }])(
  'a peer is told nothing of %s',
  (error) => {
    expect(failureOf(error)).toEqual({ code: 'ERR_FAKESSH_INTERNAL', message: 'the transfer failed' })
  },
)

test('a long message is cut to what the wire allows, between characters', () => {
  const { message } = failureOf(new FakeSshError('E', `${'x'.repeat(3999)}😀${'y'.repeat(9000)}`))
  expect(message).toBe('x'.repeat(3999))
  expect(failureOf(new FakeSshError('E', '😀'.repeat(3000))).message).toBe('😀'.repeat(2000))
})

test('the codes of what a peer does wrong', () => {
  expect([cancelledByPeer().code, commitBeforeEnd().code]).toEqual([
    'ERR_FAKESSH_CANCELLED',
    'ERR_FAKESSH_PROTOCOL',
  ])
})
