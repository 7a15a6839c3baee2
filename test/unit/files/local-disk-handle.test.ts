import { constants, readFileSync, statSync, writeFileSync } from 'node:fs'
import { beforeEach, expect, test } from 'vitest'
import { DiskHandle } from '../../../src/files/local-disk-handle.js'
import { openBelow, type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.js'

let directory: TemporaryDirectory

beforeEach(() => {
  directory = temporaryDirectory()
})

const create = () =>
  DiskHandle.open(directory.at('file'), constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)

test('opening what is not there rejects with the code of the system', async () => {
  await expect(DiskHandle.open(directory.at('none'), constants.O_RDONLY)).rejects.toThrow(
    expect.objectContaining({ code: 'ENOENT' }),
  )
})

test('writes on from where it was, and says how many bytes', async () => {
  const handle = await create()
  expect(await handle.write(Buffer.from('ab'))).toBe(2)
  expect(await handle.write(Buffer.from('cde'))).toBe(3)
  await handle.close()
  expect(readFileSync(directory.at('file'), 'utf8')).toBe('abcde')
})

test('reads on from where it was', async () => {
  writeFileSync(directory.at('file'), 'abcde')
  const handle = await DiskHandle.open(directory.at('file'), constants.O_RDONLY)
  const buffer = Buffer.alloc(3)
  expect(await handle.read(buffer)).toBe(3)
  expect(await handle.read(buffer)).toBe(2)
  expect(buffer.toString()).toBe('dec')
  expect(await handle.read(buffer)).toBe(0)
  await handle.close()
})

test('facts, permissions and times', async () => {
  const handle = await create()
  await handle.chmod(0o640)
  await handle.utimes(1, 2)
  await handle.sync()
  expect(await handle.stat()).toMatchObject({ size: 0n, mtimeMs: 2000n })
  await handle.close()
  expect(statSync(directory.at('file')).mode & 0o777).toBe(0o640)
})

test('closes once, after everything that runs, and takes nothing afterwards', async () => {
  const handle = await create()
  const order: string[] = []
  const running = [
    handle.write(Buffer.alloc(100_000)).then(() => order.push('write')),
    handle.sync().then(() => order.push('sync')),
    handle.stat().then(() => order.push('stat')),
  ]
  const closing = [handle.close().then(() => order.push('close')), handle.close()]
  await expect(handle.read(Buffer.alloc(1))).rejects.toThrow(expect.objectContaining({ code: 'EBADF' }))
  await Promise.all([...running, ...closing])
  expect(order.slice(0, 3).sort()).toEqual(['stat', 'sync', 'write'])
  expect(order[3]).toBe('close')
  expect(openBelow(directory.path)).toEqual([])
})

test('a call that fails does not keep it from closing', async () => {
  writeFileSync(directory.at('file'), 'x')
  const handle = await DiskHandle.open(directory.at('file'), constants.O_RDONLY)
  const writing = handle.write(Buffer.from('y'))
  const closing = handle.close()
  await expect(writing).rejects.toThrow(expect.objectContaining({ code: 'EBADF' }))
  await closing
  expect(openBelow(directory.path)).toEqual([])
})
