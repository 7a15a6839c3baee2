// The disk under the output of a durable exec fills while it is written: what a reader waits for comes whole all the same, and what has to
// go without one is told.
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { bytesOfLines, printLines, readLines, untilJobEnded } from '../helpers/job-lines.js'
import { until } from '../helpers/processes.js'
import { served } from '../helpers/served.js'
import { openBelow } from '../helpers/temporary-directory.js'
import { useTmpdir } from '../helpers/use-tmpdir.js'
import { command } from './command.js'
import { describeNeeding } from './requirements.js'

const MIB = 1_048_576
const DISK_BYTES = MIB / 2
const MEMORY_BYTES = MIB / 4
const OUTPUT_BYTES = 8 * MIB

/** A durable exec whose reader has not begun, once its file could not take any more. */
async function onFullDisk() {
  const all = await served({
    transport: 'tls',
    expectsFaults: true,
    limits: { jobMemoryBytes: MEMORY_BYTES, jobSpillBytes: 64 * MIB },
  })
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'spill-disk-')))
  command('mount', '-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'small', path)
  onTestFinished(() => {
    command('umount', '-l', path)
    rmdirSync(path)
  })
  useTmpdir(path)
  const client = await all.connect()
  const proc = client.exec(`${printLines(OUTPUT_BYTES)}; exit 4`, { durable: true })
  proc.pause()
  await once(proc, 'spawn')
  await until(() => all.events('fault').length > 0)
  expect(all.events('fault')).toMatchObject([{ error: { code: 'ENOSPC' } }])
  return { all, client, proc, path, id: proc.jobId as string }
}

describeNeeding('a disk too small for the output', { root: true, programs: ['mount', 'umount'] }, () => {
  test('a reader that was slow gets every line, once and in order', async () => {
    const { all, proc, path } = await onFullDisk()
    const { gaps, wrong, end, result } = await readLines(proc)
    expect({ gaps, wrong, end }).toEqual({ gaps: [], wrong: undefined, end: bytesOfLines(OUTPUT_BYTES) })
    expect(result).toMatchObject({ exitCode: 4, gaps: [] })
    expect(all.events('fault')).toHaveLength(1)
    // The disk is given back as soon as nothing there is needed, not only with the job.
    await until(() => openBelow(path).length === 0)
  })

  test('one that went is told what is missing, and gets the newest', async () => {
    const { all, client, proc, id } = await onFullDisk()
    proc.detach()
    await untilJobEnded(client, id)
    const { gaps, wrong, end, result } = await readLines(client.attach(id))
    expect({ wrong, end }).toEqual({ wrong: undefined, end: bytesOfLines(OUTPUT_BYTES) })
    expect(gaps).toEqual([{ stream: 'stdout', offset: 0, bytes: end - result.stdoutBytes }])
    expect(result.stdoutBytes).toBeGreaterThan(MEMORY_BYTES / 2)
    expect(result).toMatchObject({ exitCode: 4, gaps })
    expect(all.events('fault')).toHaveLength(1)
  })
})
