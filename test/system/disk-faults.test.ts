// Disks that are full, fail or may not be written: file systems of our own, real ones where that is possible, else one that fails on
// demand. Each fault is a row of test/faults/outcomes.ts.
import { mkdirSync, mkdtempSync, realpathSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { diskScene, expectDiskOutcome, layOut } from '../faults/disk-scene.js'
import { casesOf, type Scenarios } from '../faults/outcomes.js'
import { type ChildPeer, childPeer } from '../helpers/child-peer.js'
import type { VolumeFault } from '../helpers/fuse-volume.js'
import { command } from './command.js'
import { describeNeeding } from './requirements.js'

const BYTES = 5_000_000
/** Into the middle of what is moved. */
const MIDDLE = { afterBytes: 2_000_000 }
/** Room for the source and half of the target. */
const SMALL_BYTES = BYTES + BYTES / 2

/** A file system that one side has to do with, and how it is made to fail. */
interface Volume {
  mount(path: string): Promise<void>
  fail(path: string): Promise<void>
  heal(path: string): Promise<void>
}

interface Fault {
  readonly side: 'remote' | 'local'
  readonly volume: () => Volume
}

/** Memory with a size: full when it is full. */
const small = (): Volume => ({
  mount: async (path) => command('mount', '-t', 'tmpfs', '-o', `size=${SMALL_BYTES}`, 'small', path),
  fail: async () => {},
  heal: async () => {},
})

/** Taken away from everybody who would write. */
const readOnly = (): Volume => ({
  mount: async (path) => command('mount', '-t', 'tmpfs', 'read-only', path),
  fail: async (path) => command('mount', '-o', 'remount,ro', path),
  heal: async (path) => command('mount', '-o', 'remount,rw', path),
})

const failing = (fault: VolumeFault) => (): Volume => {
  let peer: ChildPeer
  return {
    mount: async (path) => {
      peer = await childPeer('faulty-file-system')
      await peer.call('mount', path)
    },
    fail: () => peer.call('fail', fault),
    heal: () => peer.call('heal'),
  }
}

const quota = failing({ on: 'write', code: 'EDQUOT', ...MIDDLE })
const writeError = failing({ on: 'write', code: 'EIO', ...MIDDLE })
const readError = failing({ on: 'read', code: 'EIO', ...MIDDLE })

const SCENARIOS: Scenarios<'storage', Fault> = {
  'remote-full': { side: 'remote', volume: small },
  'local-full': { side: 'local', volume: small },
  'remote-quota': { side: 'remote', volume: quota },
  'local-quota': { side: 'local', volume: quota },
  'remote-read-only': { side: 'remote', volume: readOnly },
  'local-read-only': { side: 'local', volume: readOnly },
  'remote-turns-read-only': {
    side: 'remote',
    volume: failing({ on: 'change', code: 'EROFS', ...MIDDLE }),
  },
  'remote-write-error': { side: 'remote', volume: writeError },
  'local-write-error': { side: 'local', volume: writeError },
  'remote-read-error': { side: 'remote', volume: readError },
  'local-read-error': { side: 'local', volume: readError },
  'remote-late-error': { side: 'remote', volume: failing({ on: 'flush', code: 'EIO', afterBytes: 0 }) },
}

describeNeeding('disk faults', { root: true, programs: ['mount', 'umount'], devices: ['/dev/fuse'] }, () => {
  test.each(casesOf('storage', SCENARIOS))('$id: $outcome.fault', async ({ outcome, scenario }) => {
    const path = realpathSync(mkdtempSync(join(tmpdir(), 'disk-faults-')))
    onTestFinished(() => {
      command('umount', '-l', path)
      rmdirSync(path)
    })
    const volume = scenario.volume()
    await volume.mount(path)
    mkdirSync(join(path, 'side'))
    const scene = await diskScene({ bytes: BYTES, [scenario.side]: join(path, 'side') })
    for (const operation of outcome.operations) {
      layOut(scene)
      await volume.fail(path)
      await expectDiskOutcome(scene, outcome, operation, () => volume.heal(path))
    }
    // It works again as soon as the disk does, on the same connection.
    layOut(scene)
    await scene.client.call('putWhole', 'd/target', Buffer.from('again'))
    expect(await scene.client.call('ended', 'put')).toMatchObject({ code: undefined })
  })
})
