// Files and directories vanish, reach limits and are closed to us at the start of a transfer, as far as that can be done without being
// root. test/system/disk-faults.test.ts has what needs file systems of its own.
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import type { DiskAct } from '../fixtures/fault-peer.js'
import { diskScene, expectDiskOutcome, layOut } from './disk-scene.js'
import { casesOf, type Scenarios } from './outcomes.js'

const BYTES = 5_000_000

/** Root is not held to permissions, unless it gives up that right; that has to be before the process starts. */
const CAPABILITIES = '-dac_override,-dac_read_search'
const HELD_TO_PERMISSIONS =
  process.getuid?.() === 0
    ? `exec setpriv --bounding-set ${CAPABILITIES} --inh-caps ${CAPABILITIES} "$0" "$@"`
    : 'exec "$0" "$@"'
/** Units of 512 or 1,024 bytes, depending on the shell. What is written beyond is EFBIG, as beyond a quota it is EDQUOT. */
const SIZE_LIMITED = 'ulimit -f 2000; exec "$0" "$@"'

interface Fault {
  readonly side: 'remote' | 'local'
  /** What is done in the process of that side, when the transfer has opened its files. */
  readonly act?: (path: string) => DiskAct
  /** What is done before. */
  readonly before?: (path: string) => DiskAct
  /** What it is done to; default: the directory of the target, or the source. */
  readonly to?: 'd' | 'source'
  /** How the process of that side is started. */
  readonly launch?: string | undefined
}

const remove = (path: string): DiskAct => ({ act: 'remove', path })
const close = (path: string): DiskAct => ({ act: 'chmod', path, mode: 0 })
const protect = (path: string): DiskAct => ({ act: 'chmod', path, mode: 0o555 })
const truncate = (path: string): DiskAct => ({ act: 'truncate', path, bytes: 1_000 })

const SCENARIOS: Scenarios<'disk', Fault> = {
  'remote-directory-removed': { side: 'remote', to: 'd', act: remove },
  'local-directory-removed': { side: 'local', to: 'd', act: remove },
  'remote-size-limit': { side: 'remote', launch: SIZE_LIMITED },
  'local-size-limit': { side: 'local', launch: SIZE_LIMITED },
  'remote-permission-lost': { side: 'remote', to: 'd', act: protect, launch: HELD_TO_PERMISSIONS },
  'local-permission-lost': { side: 'local', to: 'd', act: protect, launch: HELD_TO_PERMISSIONS },
  'remote-source-unreadable': { side: 'remote', to: 'source', before: close, launch: HELD_TO_PERMISSIONS },
  'remote-source-removed': { side: 'remote', to: 'source', act: remove },
  'remote-source-truncated': { side: 'remote', to: 'source', act: truncate },
}

test.each(casesOf('disk', SCENARIOS))('$id: $outcome.fault', async ({ outcome, scenario }) => {
  const { side, act, before, to = 'd', launch } = scenario
  const launched = side === 'remote' ? { launchServer: launch } : { launchClient: launch }
  const scene = await diskScene({ bytes: BYTES, ...launched })
  const peer = side === 'remote' ? scene.server : scene.client
  const path = join(scene[side], to)
  for (const operation of outcome.operations) {
    layOut(scene)
    if (before !== undefined) await peer.call('perform', before(path))
    if (act !== undefined) await peer.call('performAtNextStart', act(path))
    try {
      await expectDiskOutcome(scene, outcome, operation)
    } finally {
      // Or it could not be removed.
      if (existsSync(path)) chmodSync(path, 0o755)
    }
  }
})
