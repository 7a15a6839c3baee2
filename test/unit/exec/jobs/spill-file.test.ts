import { randomBytes } from 'node:crypto'
import { readdirSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SpillFile } from '../../../../src/exec/jobs/spill-file.js'
import { temporaryDirectory } from '../../../helpers/temporary-directory.js'
import { until } from '../../../helpers/until.js'
import { useTmpdir } from '../../../helpers/use-tmpdir.js'

/** Makes spill files in a directory of the test's own. */
function ownDirectory(): string {
  const { path } = temporaryDirectory()
  useTmpdir(path)
  return path
}

test('gives back what was written to a slot last, and has no name', async () => {
  const directory = ownDirectory()
  const file = new SpillFile(1000)
  const blocks = [randomBytes(1000), randomBytes(1000), randomBytes(1000)] as const
  await Promise.all([file.write(0, blocks[0]), file.write(3, blocks[1])])
  await file.write(0, blocks[2])
  expect(Buffer.from(await file.read(3, 0, 1000)).equals(blocks[1])).toBe(true)
  expect(Buffer.from(await file.read(0, 200, 300)).equals(blocks[2].subarray(200, 500))).toBe(true)
  expect(readdirSync(directory)).toEqual([])
  await file.close()
})

test.runIf(process.platform === 'linux')('never has a name, not for a moment', async () => {
  const directory = ownDirectory()
  const names: (string | null)[] = []
  const watcher = watch(directory, (_event, name) => names.push(name))
  const files = Array.from({ length: 20 }, () => new SpillFile(100))
  await Promise.all(files.map((file) => file.write(0, randomBytes(100))))
  await Promise.all(files.map((file) => file.close()))
  writeFileSync(join(directory, 'last'), '')
  await until(() => names.includes('last'))
  watcher.close()
  // The kernel tells of files without a name by their number.
  expect(names.filter((name) => !name?.startsWith('#') && name !== 'last')).toEqual([])
})

test('makes no file before it is needed, and says why it cannot', async () => {
  const directory = ownDirectory()
  useTmpdir(join(directory, 'missing'))
  await new SpillFile(1000).close()
  const file = new SpillFile(1000)
  await expect(file.write(0, randomBytes(1000))).rejects.toMatchObject({ code: 'ENOENT' })
  await file.close()
})

test('rejects what was never written, and everything once it is closed', async () => {
  ownDirectory()
  const file = new SpillFile(1000)
  await file.write(0, randomBytes(1000))
  await expect(file.read(5, 0, 10)).rejects.toThrow('shorter than it was written')
  const writing = file.write(1, randomBytes(1000))
  await file.close()
  await writing
  await expect(file.read(0, 0, 10)).rejects.toThrow('closed')
})
