import { expect, test } from 'vitest'
import type { Proof } from '../../../src/files/proof.js'
import { TransferTracker } from '../../../src/files/transfer-tracker.js'
import { recordingObserver } from '../../helpers/file-service-pair.js'

const info = { op: 'get', path: 'a' } as const
const proof: Proof = { bytes: 3, algorithm: 'md5', digest: '900150983cd24fb0d6963f7d28e17f72' }

function tracked() {
  const observer = recordingObserver()
  const time = { now: 0 }
  const tracker = new TransferTracker(info, [undefined, observer, {}], () => time.now)
  return { observer, tracker, time }
}

test('a transfer from start to end, told in order', () => {
  const { observer, tracker, time } = tracked()
  const metadata = { size: 3, mode: 0o644, mtimeMs: 5 }
  tracker.started(3)
  tracker.metadataKnown(metadata)
  tracker.meter.addTransferred(3)
  time.now = 12.4
  tracker.proofsKnown(proof, proof)
  const receipt = tracker.finished(proof, { mode: 0o644, mtimeMs: 5 })
  expect(receipt).toEqual({
    bytes: 3,
    algorithm: 'md5',
    digest: proof.digest,
    durationMs: 12,
    resumedFrom: 0,
    path: 'a',
    mode: 0o644,
    mtimeMs: 5,
  })
  expect(observer.told.map(({ event }) => event)).toEqual([
    'start',
    'metadata',
    'checksum',
    'progress',
    'end',
  ])
  expect(observer.of('start')).toEqual([3])
  expect(observer.of('metadata')).toEqual([metadata])
  expect(observer.of('end')).toEqual([receipt])
  expect(observer.told.every(({ transfer }) => transfer === info)).toBe(true)
})

test('digests that differ are told as such', () => {
  const { observer, tracker } = tracked()
  const digest = 'f'.repeat(32)
  tracker.proofsKnown(proof, { ...proof, digest })
  tracker.proofsKnown(proof, { ...proof, algorithm: 'sha1' })
  expect(observer.of('checksum')).toEqual([
    { algorithm: 'md5', local: proof.digest, remote: digest, match: false },
    { algorithm: 'md5', local: proof.digest, remote: proof.digest, match: false },
  ])
})

test('the end is told once, whichever comes first', () => {
  const first = tracked()
  first.tracker.failed('reason')
  first.tracker.failed('another')
  first.tracker.finished(proof)
  expect(first.observer.told).toEqual([{ event: 'end', transfer: info, value: { error: 'reason' } }])

  const second = tracked()
  second.tracker.finished(proof)
  second.tracker.failed('late')
  expect(second.observer.told.map(({ event }) => event)).toEqual(['progress', 'end'])
})

test('the receipt names the local path where there is one', () => {
  const tracker = new TransferTracker({ ...info, localPath: '/tmp/a' }, [])
  expect(tracker.finished(proof)).toMatchObject({ localPath: '/tmp/a', path: 'a' })
  expect(new TransferTracker(info, []).finished(proof)).not.toHaveProperty('localPath')
})
