import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { ExecStderr } from '../../../src/exec/exec-stderr.js'
import { RecordingChannel } from '../../helpers/recording-channel.js'

const CHUNK = Buffer.alloc(32_768, 'e')
const HALF_WINDOW_CHUNKS = 4

function made() {
  const channel = new RecordingChannel()
  const stderr = new ExecStderr()
  stderr.attach(channel)
  const flood = (chunks: number) => {
    for (let i = 0; i < chunks; i += 1) stderr.accept(CHUNK)
  }
  return { stderr, flood, credited: () => channel.credited[1] ?? 0 }
}

describe('ExecStderr', () => {
  test('gives credit as it is read', async () => {
    const { stderr, credited } = made()
    stderr.accept(Buffer.from('oops'))
    expect(credited()).toBe(0)
    stderr.finish()
    expect(await text(stderr)).toBe('oops')
    expect(credited()).toBe(4)
    expect(stderr.bytes).toBe(4)
  })

  test('is kept below half of its window', () => {
    const { stderr, flood, credited } = made()
    flood(HALF_WINDOW_CHUNKS - 1)
    expect([stderr.isDiscarded, stderr.destroyed, credited()]).toEqual([false, false, 0])
  })

  test('is thrown away at half of its window when nobody attached to it', async () => {
    const { stderr, flood, credited } = made()
    flood(HALF_WINDOW_CHUNKS)
    expect([stderr.isDiscarded, stderr.destroyed]).toEqual([true, true])
    flood(100)
    expect(credited()).toBe(CHUNK.length * (HALF_WINDOW_CHUNKS + 100))
    expect(stderr.bytes).toBe(CHUNK.length * (HALF_WINDOW_CHUNKS + 100))
    await once(stderr, 'close')
  })

  test.each<[string, (stderr: ExecStderr) => void]>([
    ['was paused', (stderr) => void stderr.pause()],
    ['has a data listener and was paused', (stderr) => void stderr.on('data', () => {}).pause()],
    ['has a readable listener', (stderr) => void stderr.on('readable', () => {})],
    ['has been read from', (stderr) => stderr.accept(Buffer.from('x')) ?? stderr.read()],
  ])('is kept when it %s', (_name, attach) => {
    const { stderr, flood } = made()
    attach(stderr)
    flood(HALF_WINDOW_CHUNKS * 2)
    expect([stderr.isDiscarded, stderr.destroyed]).toEqual([false, false])
  })

  test('destroyed by its reader, it takes no more room', () => {
    const { stderr, flood, credited } = made()
    stderr.destroy()
    flood(50)
    expect(credited()).toBe(CHUNK.length * 50)
    expect(stderr.isDiscarded).toBe(false)
  })

  test('an error nobody listens to does not throw', async () => {
    const { stderr } = made()
    stderr.destroy(new Error('lost'))
    await new Promise((resolve) => stderr.on('close', resolve))
    expect(stderr.errored).toMatchObject({ message: 'lost' })
  })

  test('an error is heard by whoever listens', async () => {
    const { stderr } = made()
    const heard = new Promise((resolve) => stderr.on('error', resolve))
    stderr.destroy(new Error('lost'))
    expect(await heard).toMatchObject({ message: 'lost' })
  })
})

async function text(stderr: ExecStderr): Promise<string> {
  let all = ''
  for await (const chunk of stderr) all += chunk
  return all
}
