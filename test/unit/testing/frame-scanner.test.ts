// Where frames end, in whatever pieces the bytes come.
import { expect, test } from 'vitest'
import { FAKE_SSH_FRAMES, type FrameFormat, TLS_RECORDS } from '../../../src/testing/frame-format.js'
import { FrameScanner } from '../../../src/testing/frame-scanner.js'
import { fakeSshFrame, tlsRecord } from './spelled-frames.js'

const FAKE_SSH = [fakeSshFrame(8), fakeSshFrame(0), fakeSshFrame(300), fakeSshFrame(1_048_576)]
const TLS = [tlsRecord(22, 5), tlsRecord(20, 1), tlsRecord(23, 0), tlsRecord(23, 16_640)]

/** The offsets at which frames ended. */
function ends(format: FrameFormat, bytes: Buffer, pieceBytes: number): number[] {
  const scanner = new FrameScanner(format)
  const found: number[] = []
  let offset = 0
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    let rest = bytes.subarray(at, at + pieceBytes)
    while (rest.length > 0) {
      const { taken } = scanner.step(rest)
      offset += taken
      rest = rest.subarray(taken)
      if (scanner.frames > found.length) found.push(offset)
    }
  }
  return found
}

test.each([
  ['fake-ssh frames', FAKE_SSH_FRAMES, FAKE_SSH],
  ['TLS records', TLS_RECORDS, TLS],
] as const)('%s', (_name, format, all) => {
  let end = 0
  const expected = all.map(({ length }) => (end += length))
  for (const pieceBytes of [3, 7, 16, 100, 100_000, 10_000_000])
    expect(ends(format, Buffer.concat(all), pieceBytes)).toEqual(expected)
})

test.each([
  ['a TLS record of no known type', TLS_RECORDS, tlsRecord(24, 5)],
  ['a TLS record of another version', TLS_RECORDS, Buffer.of(23, 2, 3, 0, 1, 0)],
  ['a TLS record that is too long', TLS_RECORDS, tlsRecord(23, 16_641)],
  ['a fake-ssh frame that is too long', FAKE_SSH_FRAMES, fakeSshFrame(1_048_577)],
] as const)('%s: nothing is counted any more', (_what, format, bytes) => {
  const good = format === TLS_RECORDS ? tlsRecord(23, 3) : fakeSshFrame(8)
  expect(ends(format, Buffer.concat([good, bytes, good, good]), 1_000_000)).toEqual([good.length])
})
