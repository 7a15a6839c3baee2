// Inbound with real Readables: order, credit, ends, and that a reader that stops is not given more than it asked for.
import { once } from 'node:events'
import { Readable, Writable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import { Inbound, READABLE_HIGH_WATER_MARK } from '../../../src/streams/inbound.js'
import { collectGarbage } from '../../helpers/collect-garbage.js'
import { RecordingChannel } from '../../helpers/recording-channel.js'
import { turns } from '../../helpers/until.js'

class Source extends Readable {
  readonly channel = new RecordingChannel()
  readonly inbound = new Inbound(this.channel, 0, this)
  constructor(highWaterMark = READABLE_HIGH_WATER_MARK) {
    super({ highWaterMark })
  }
  override _read(): void {
    this.inbound.pull()
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.inbound.discard()
    done(error)
  }
  get credited(): number {
    return this.channel.credited[0] ?? 0
  }
}

const bytes = (length: number, value = 1) => new Uint8Array(length).fill(value)

describe('reading', () => {
  test('everything arrives in order and is credited, whether it came before or after the reader', async () => {
    const source = new Source()
    source.inbound.accept(Buffer.from('one '))
    const read = text(source)
    source.inbound.accept(Buffer.from('two '))
    await turns(1)
    source.inbound.accept(Buffer.from('three'))
    source.inbound.finish()
    expect(await read).toBe('one two three')
    expect(source.credited).toBe(13)
    expect(source.inbound.waitingBytes).toBe(0)
  })

  test('an empty stream ends', async () => {
    const source = new Source()
    source.inbound.finish()
    expect(await text(source)).toBe('')
  })

  test('the end comes after what waits, however slowly it is read', async () => {
    const source = new Source(4)
    for (const word of ['aaaa', 'bbbb', 'cccc']) source.inbound.accept(Buffer.from(word))
    source.inbound.finish()
    const seen: string[] = []
    for await (const chunk of source) {
      seen.push(String(chunk))
      await turns(1)
    }
    expect(seen.join('')).toBe('aaaabbbbcccc')
    expect(source.credited).toBe(12)
  })

  test('multi-byte characters cut anywhere are whole again', async () => {
    const sentence = 'héllo 你好 😀 end'
    const source = new Source()
    source.setEncoding('utf8')
    for (const byte of Buffer.from(sentence)) source.inbound.accept(Uint8Array.of(byte))
    source.inbound.finish()
    expect(await text(source)).toBe(sentence)
  })

  test('bytes are given on as they are, a window into a larger buffer included', async () => {
    const source = new Source()
    const larger = Buffer.from('xxxpayloadxxx')
    source.inbound.accept(new Uint8Array(larger.buffer, larger.byteOffset + 3, 7))
    source.inbound.finish()
    expect((await buffer(source)).toString()).toBe('payload')
  })
})

describe('a reader that stops', () => {
  test('nobody reads: nothing is credited', async () => {
    const source = new Source()
    for (let i = 0; i < 4; i += 1) source.inbound.accept(bytes(65_536))
    await turns(3)
    expect([source.credited, source.inbound.waitingBytes]).toEqual([0, 262_144])
  })

  test('only what the Readable asked for is credited', async () => {
    const source = new Source(65_536)
    for (let i = 0; i < 8; i += 1) source.inbound.accept(bytes(32_768))
    source.read(0)
    await turns(3)
    // The first piece alone was not enough, and the second is more.
    expect(source.credited).toBe(98_304)
    expect(source.inbound.waitingBytes).toBe(262_144 - 98_304)
    expect(source.readableLength).toBe(98_304)
  })

  test('it gets more as it goes on, and no byte twice', async () => {
    const source = new Source(6_000)
    const sent = Buffer.from(Array.from({ length: 120_000 }, (_, i) => i % 251))
    for (let at = 0; at < sent.length; at += 4_200) source.inbound.accept(sent.subarray(at, at + 4_200))
    const got: Buffer[] = []
    let credited = 0
    while (got.reduce((sum, one) => sum + one.length, 0) < sent.length) {
      const chunk = source.read(1_300) ?? source.read()
      if (chunk === null) await once(source, 'readable')
      else got.push(chunk)
      expect(source.credited).toBeGreaterThanOrEqual(credited)
      credited = source.credited
      // What waits is one piece more, which grows with what has piled up.
      expect(source.readableLength).toBeLessThanOrEqual(6_000 + sent.length)
    }
    expect(Buffer.concat(got).equals(sent)).toBe(true)
    expect(source.credited).toBe(sent.length)
  })

  test('a slow Writable behind a pipeline holds it up', async () => {
    const source = new Source(5_000)
    const waiting: (() => void)[] = []
    let written = 0
    const slow = new Writable({
      highWaterMark: 5_000,
      write: (chunk: Buffer, _encoding, done) => {
        written += chunk.length
        waiting.push(done)
      },
    })
    const piped = pipeline(source, slow)
    for (let i = 0; i < 100; i += 1) source.inbound.accept(bytes(5_000))
    source.inbound.finish()
    await turns(5)
    expect(source.credited).toBeLessThanOrEqual(25_000)
    while (written < 500_000) {
      waiting.shift()?.()
      await turns(1)
    }
    for (const done of waiting) done()
    await piped
    expect(source.credited).toBe(500_000)
  })

  test('pausing and resuming loses nothing', async () => {
    const source = new Source(5)
    const seen: string[] = []
    source.on('data', (chunk: Buffer) => {
      seen.push(String(chunk))
      source.pause()
      setImmediate(() => source.resume())
    })
    const ended = once(source, 'end')
    for (const letter of 'abcdefghijklmnop') source.inbound.accept(Buffer.from(letter.repeat(3)))
    source.inbound.finish()
    await ended
    expect(seen.join('')).toBe([...'abcdefghijklmnop'].map((letter) => letter.repeat(3)).join(''))
  })
})

describe('throwing away', () => {
  test('gives credit for what waits and at once for what comes', () => {
    const source = new Source()
    source.on('error', () => {})
    source.inbound.accept(bytes(100))
    source.inbound.discard()
    expect([source.credited, source.inbound.isDiscarding, source.inbound.waitingBytes]).toEqual([
      100,
      true,
      0,
    ])
    source.inbound.accept(bytes(50))
    source.inbound.discard()
    expect(source.credited).toBe(150)
  })

  test('destroying the Readable does so; each byte is credited once', async () => {
    const source = new Source(10)
    for (let i = 0; i < 10; i += 1) source.inbound.accept(bytes(10))
    source.once('data', () => source.destroy())
    await once(source, 'close')
    source.inbound.accept(bytes(10))
    source.inbound.finish()
    await turns(2)
    expect(source.credited).toBe(110)
  })

  test('a stream that is destroyed never ends as if it were whole', async () => {
    const source = new Source()
    let ended = false
    source.on('end', () => {
      ended = true
    })
    source.inbound.accept(bytes(10))
    source.destroy()
    source.inbound.finish()
    source.resume()
    await turns(3)
    expect(ended).toBe(false)
  })
})

describe('small pieces', () => {
  test('are joined while they wait, and stay in order among large ones', async () => {
    const source = new Source()
    const sent: Buffer[] = []
    for (let i = 0; i < 3_000; i += 1) {
      const piece = Buffer.alloc(i % 7 === 0 ? 4_096 + (i % 5) : 1 + ((i * 31) % 300), i % 251)
      sent.push(Buffer.from(piece))
      source.inbound.accept(piece)
      // It was copied: whoever owns the chunk may use it again.
      piece.fill(0xff)
      if (i % 400 === 399) source.read()
    }
    source.inbound.finish()
    const rest: Buffer[] = []
    for await (const chunk of source) rest.push(chunk as Buffer)
    const all = Buffer.concat(sent)
    expect(source.credited).toBe(all.length)
    expect(all.subarray(all.length - Buffer.concat(rest).length).equals(Buffer.concat(rest))).toBe(true)
  })

  test('of one turn are given on at its end, joined, to a reader that waits for them', async () => {
    const source = new Source()
    const seen: string[] = []
    source.on('data', (chunk: Buffer) => seen.push(String(chunk)))
    await turns(2)
    for (const word of ['a', 'b', 'c']) source.inbound.accept(Buffer.from(word))
    expect(seen).toEqual([])
    await turns(1)
    expect(seen).toEqual(['a', 'bc'])
  })

  test('keep no buffer that was made for more in a Readable that asked and is not read', async () => {
    const source = new Source()
    source.read(0)
    for (let i = 0; i < 1_000; i += 1) {
      source.inbound.accept(Uint8Array.of(i % 251))
      source.inbound.accept(Uint8Array.of(i % 251))
      await turns(1)
    }
    expect([source.inbound.waitingBytes, source.readableLength]).toEqual([0, 2_000])
    const buffers = new Set<ArrayBufferLike>()
    let text = ''
    source.inbound.finish()
    source.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      buffers.add(chunk.buffer)
    })
    await once(source, 'end')
    expect(text).toHaveLength(2_000)
    expect([...buffers].filter(({ byteLength }) => byteLength === 16_384)).toEqual([])
  })

  test('a window of single bytes costs about as much memory as a window', () => {
    // A peer may send its whole window in frames of one byte; the pieces are views of whole chunks, and objects of their own.
    const count = 262_144
    const source = new Source()
    const chunk = new Uint8Array(17 * 1_024)
    collectGarbage()
    const before = process.memoryUsage()
    for (let i = 0; i < count; i += 1) {
      if (i % 1_024 === 0) chunk.fill(i)
      source.inbound.accept(chunk.subarray(17 * (i % 1_024), 17 * (i % 1_024) + 1))
    }
    collectGarbage()
    const after = process.memoryUsage()
    const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
    expect(source.inbound.waitingBytes).toBe(count)
    expect(grown).toBeLessThan(8 * 1_048_576)
  })
})

describe('moved to another channel', () => {
  test('what waits comes first and is credited to nobody, what follows to the new one', async () => {
    const source = new Source()
    source.inbound.accept(Buffer.from('before '))
    const next = new RecordingChannel()
    source.inbound.moveTo(next)
    source.inbound.accept(Buffer.from('after'))
    source.inbound.finish()
    expect(await text(source)).toBe('before after')
    expect(source.credited).toBe(0)
    expect(next.credited[0]).toBe(5)
  })

  test('thrown away, it is credited likewise', () => {
    const source = new Source()
    source.inbound.accept(bytes(100))
    const next = new RecordingChannel()
    source.inbound.moveTo(next)
    source.inbound.accept(bytes(30))
    source.inbound.discard()
    source.inbound.accept(bytes(7))
    expect([source.credited, next.credited[0]]).toEqual([0, 37])
  })
})
