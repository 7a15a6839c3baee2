import { expect, test } from 'vitest'
import { downloadKey, uploadId, uploadKey } from '../../../src/files/resume-ids.js'

const secret = Buffer.alloc(32, 1)
const server = { host: 'h', user: 'u' }

test('an upload has one id for its pair of files, and another for any other', () => {
  const id = uploadId(secret, server, '/a', 'b')
  expect(id).toMatch(/^[0-9a-f]{64}$/)
  expect(uploadId(secret, server, '/a', 'b')).toBe(id)
  const others = [
    uploadId(Buffer.alloc(32, 2), server, '/a', 'b'),
    uploadId(secret, { host: 'h2', user: 'u' }, '/a', 'b'),
    uploadId(secret, { host: 'h', user: 'u2' }, '/a', 'b'),
    uploadId(secret, server, '/a2', 'b'),
    uploadId(secret, server, '/a', 'b2'),
    // Where one ends and the next begins counts.
    uploadId(secret, server, '/ab', ''),
  ]
  expect(new Set([id, ...others]).size).toBe(7)
})

test('keys of parts are those of one user, and one direction', () => {
  const keys = [
    uploadKey('u', 'i', 'p'),
    uploadKey('u2', 'i', 'p'),
    uploadKey('u', 'i2', 'p'),
    uploadKey('u', 'i', 'p2'),
  ]
  const more = [
    downloadKey(server, 'p'),
    downloadKey({ host: 'h', user: 'x' }, 'p'),
    downloadKey(server, 'q'),
  ]
  expect(new Set([...keys, ...more]).size).toBe(7)
})
