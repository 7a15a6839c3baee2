import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { OutputCollector } from '../../../src/exec/output-collector.js'

async function collect(limit: number, ...chunks: (string | Buffer)[]): Promise<OutputCollector> {
  const source = new PassThrough()
  const collector = new OutputCollector(source, limit)
  for (const chunk of chunks) source.write(chunk)
  source.end()
  await collector.ended
  return collector
}

const everyByte = (text: string) => [...Buffer.from(text)].map((byte) => Buffer.of(byte))

describe('OutputCollector', () => {
  test('keeps everything below the limit', async () => {
    const collector = await collect(100, 'one ', Buffer.from('two'))
    expect(collector.text).toBe('one two')
    expect(collector.bytes).toEqual(Buffer.from('one two'))
    expect(collector.isTruncated).toBe(false)
  })

  test('keeps exactly the limit', async () => {
    const whole = await collect(4, 'abcd')
    expect([whole.text, whole.isTruncated]).toEqual(['abcd', false])
    const cut = await collect(4, 'ab', 'cdef', 'gh')
    expect([cut.text, cut.isTruncated]).toEqual(['abcd', true])
  })

  test('a limit of 0 keeps nothing', async () => {
    const cut = await collect(0, 'a')
    expect([cut.text, cut.isTruncated]).toEqual(['', true])
    const nothing = await collect(0)
    expect([nothing.text, nothing.isTruncated]).toEqual(['', false])
  })

  test('characters stay whole wherever the chunks are cut', async () => {
    const text = 'héllo 你好 😀 ﷽ e\u0301'
    expect((await collect(1000, ...everyByte(text))).text).toBe(text)
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
    'a cut after %i bytes leaves no broken character',
    async (limit) => {
      const text = 'aé你😀z'
      const cut = (await collect(limit, ...everyByte(text))).text
      expect(text.startsWith(cut)).toBe(true)
      expect(cut).not.toContain('\ufffd')
      expect(Buffer.byteLength(cut)).toBeGreaterThan(limit - 4)
    },
  )

  test('what the command broke itself is shown as broken', async () => {
    expect((await collect(100, Buffer.from([0x61, 0xe4, 0xbd]))).text).toBe('a\ufffd')
  })

  test('reading goes on above the limit', async () => {
    const source = new PassThrough({ highWaterMark: 1000 })
    const collector = new OutputCollector(source, 10)
    for (let i = 0; i < 100; i += 1) {
      if (!source.write(Buffer.alloc(1000))) await new Promise((resolve) => source.once('drain', resolve))
    }
    source.end()
    await collector.ended
    expect(collector.bytes).toHaveLength(10)
  })

  test('a stream that breaks has ended', async () => {
    const source = new PassThrough()
    const collector = new OutputCollector(source, 10)
    source.write('abc')
    await turn()
    source.destroy(new Error('lost'))
    await collector.ended
    expect(collector.text).toBe('abc')
  })
})
