// A transfer that did not get to its end is taken up again by a later call: from the last byte that both ends agree on, or from the first.
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { RECEIVE_WINDOW_BYTES } from '../../../src/files/receive-window.js'
import { type Direction, interruptible, SIZE } from '../../helpers/interruption.js'
import { until } from '../../helpers/until.js'

/** Bytes that may be lost with a connection: a window, and what is in the buffers of sockets and the proxy. */
const LOST = 3_000_000

/** Changes one byte where a file is. */
function damage(path: string, at: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.from([~(readFileSync(path)[at] as number)]), 0, 1, at)
  closeSync(file)
}

describe.each<Direction>(['upload', 'download'])('%s', (direction) => {
  test('goes on from what was kept', async () => {
    const one = await interruptible(direction)
    await one.interrupt()
    const keptBytes = statSync(one.part()).size
    expect(keptBytes).toBeGreaterThan(SIZE / 2 - LOST)
    const receipt = await one.transfer()
    expect(receipt).toMatchObject({ bytes: SIZE, resumedFrom: keptBytes })
    expect(one.result().equals(one.content)).toBe(true)
    expect(one.all.leftovers()).toEqual([])
  })

  test('and again, and again', async () => {
    const one = await interruptible(direction)
    let keptBytes = 0
    for (const _ of [1, 2, 3]) {
      await one.interrupt(2_500_000)
      const bytes = statSync(one.part()).size
      expect(bytes).toBeGreaterThan(keptBytes)
      keptBytes = bytes
    }
    expect(await one.transfer()).toMatchObject({ bytes: SIZE, resumedFrom: keptBytes })
    expect(one.result().equals(one.content)).toBe(true)
  })

  test('progress begins where it goes on', async () => {
    const one = await interruptible(direction)
    await one.interrupt()
    const keptBytes = statSync(one.part()).size
    const seen: number[] = []
    await one.transfer(undefined, { onProgress: ({ transferred }) => seen.push(transferred) })
    // A download looks for the part while the first window comes.
    const before = seen.filter((bytes) => bytes < keptBytes)
    for (const bytes of before) expect(bytes).toBeLessThanOrEqual(RECEIVE_WINDOW_BYTES)
    if (direction === 'upload') expect(before).toEqual([])
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(seen.at(-1)).toBe(SIZE)
  })

  test.each<[string, (source: string) => void]>([
    ['was replaced', (source) => writeFileSync(source, randomBytes(SIZE))],
    ['lost a byte', (source) => damage(source, 5)],
    ['became shorter than what was kept', (source) => truncateSync(source, 1_500_000)],
    ['became empty', (source) => truncateSync(source, 0)],
  ])('a source that %s meanwhile is transferred from its beginning', async (_how, change) => {
    const one = await interruptible(direction)
    await one.interrupt()
    expect(statSync(one.part()).size).toBeGreaterThan(1_500_000)
    const source = join(one.from, 'file')
    change(source)
    const now = readFileSync(source)
    expect(await one.transfer()).toMatchObject({ bytes: now.length, resumedFrom: 0 })
    expect(one.result().equals(now)).toBe(true)
  })

  test('a source that only grew goes on, and is proved as a whole', async () => {
    const one = await interruptible(direction)
    await one.interrupt()
    const keptBytes = statSync(one.part()).size
    appendFileSync(join(one.from, 'file'), 'more')
    expect(await one.transfer()).toMatchObject({ bytes: SIZE + 4, resumedFrom: keptBytes })
    expect(one.result().equals(Buffer.concat([one.content, Buffer.from('more')]))).toBe(true)
  })

  test.each([0, 1_000_000])('a part that is damaged at byte %i is not built on', async (at) => {
    const one = await interruptible(direction)
    await one.interrupt()
    damage(one.part(), at)
    expect(await one.transfer()).toMatchObject({ bytes: SIZE, resumedFrom: 0 })
    expect(one.result().equals(one.content)).toBe(true)
    expect(one.all.leftovers()).toEqual([])
  })

  test('a part with something added is not built on', async () => {
    const one = await interruptible(direction)
    await one.interrupt()
    appendFileSync(one.part(), 'not of the file')
    expect(await one.transfer()).toMatchObject({ bytes: SIZE, resumedFrom: 0 })
    expect(one.result().equals(one.content)).toBe(true)
  })

  test('with another algorithm', async () => {
    const one = await interruptible(direction)
    await one.interrupt()
    const keptBytes = statSync(one.part()).size
    const receipt = await one.transfer(undefined, { algorithm: 'blake2b512' })
    expect(receipt).toMatchObject({ algorithm: 'blake2b512', resumedFrom: keptBytes })
    expect(one.result().equals(one.content)).toBe(true)
  })

  test('with resume: false nothing is looked for', async () => {
    const one = await interruptible(direction)
    await one.interrupt()
    expect(await one.transfer(undefined, { resume: false })).toMatchObject({ resumedFrom: 0 })
    expect(one.result().equals(one.content)).toBe(true)
    // What was kept is there for whoever does look.
    expect(one.all.leftovers()).toHaveLength(1)
  })

  test('with resume: false nothing is kept', async () => {
    const one = await interruptible(direction, { keepsParts: false })
    await expect(one.transfer(SIZE / 2, { resume: false })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_CONNECTION_LOST',
    })
    await until(() => one.all.leftovers().length === 0)
  })

  test('a file below 1 MiB is not kept', async () => {
    const one = await interruptible(direction, { keepsParts: false })
    truncateSync(join(one.from, 'file'), 1_048_575)
    await expect(one.transfer(500_000)).rejects.toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
    await until(() => one.all.leftovers().length === 0)
  })

  test('what was aborted is kept as well', async () => {
    const one = await interruptible(direction)
    const controller = new AbortController()
    const stop = Symbol('stop')
    const stalled = { blackHole: { afterBytes: SIZE / 2 } }
    const aborting = one.transfer(stalled, { signal: controller.signal })
    await until(() => one.all.leftovers().length === 1 && statSync(one.part()).size > 1_000_000)
    controller.abort(stop)
    await expect(aborting).rejects.toBe(stop)
    await until(() => one.all.events('transfer').some(({ phase }) => phase === 'end'))
    const keptBytes = statSync(one.part()).size
    expect(keptBytes).toBeGreaterThan(0)
    expect(await one.transfer()).toMatchObject({ bytes: SIZE, resumedFrom: keptBytes })
    expect(one.result().equals(one.content)).toBe(true)
  })

  test('the mode of the part never shows more than that of the target', async () => {
    const one = await interruptible(direction)
    await one.interrupt()
    writeFileSync(join(one.to, 'copy'), 'private', { mode: 0o600 })
    await one.transfer()
    expect(statSync(join(one.to, 'copy')).mode & 0o777).toBe(0o600)
    const usual = await interruptible(direction)
    await usual.interrupt()
    await usual.transfer()
    expect(statSync(join(usual.to, 'copy')).mode & 0o777).toBe(0o666 & ~process.umask())
  })
})
