import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { FrameHeader } from '../../../src/protocol/frame.js'
import { FrameDecoder, type FrameSink } from '../../../src/protocol/frame-decoder.js'
import { frames, rawFrame, utf8 } from '../../helpers/frames.js'
import { concat, toHex } from '../../helpers/hex.js'

class Recorder implements FrameSink {
  readonly seen: string[] = []
  onHeader(header: FrameHeader): void {
    this.seen.push(`${header.name} ${header.channel}/${header.stream} of ${header.length}`)
  }
  onData(_header: FrameHeader, piece: Uint8Array): void {
    this.seen.push(`data ${toHex(piece)}`)
  }
  onFrame(header: FrameHeader, payload: Uint8Array): void {
    this.seen.push(`${header.name} payload ${toHex(payload)}`)
  }
}

function decoderWith(maxDataBytes = 262_144) {
  const recorder = new Recorder()
  const decoder = new FrameDecoder(crc32, maxDataBytes)
  decoder.allowLargeFrames()
  return { seen: recorder.seen, push: (bytes: Uint8Array) => decoder.push(bytes, recorder) }
}

describe('whole frames', () => {
  test('in one chunk', () => {
    const { push, seen } = decoderWith()
    push(concat(frames.ping(), frames.uncheckedData(1, utf8('ab'), 2), frames.close(1)))
    expect(seen).toEqual([
      'PING 0/0 of 8',
      'PING payload 0000000000000000',
      'DATA 1/2 of 2',
      'data 6162',
      'CLOSE 1/0 of 0',
      'CLOSE payload ',
    ])
  })

  test('a chunk that is a window into a larger buffer', () => {
    const { push, seen } = decoderWith()
    const larger = concat(new Uint8Array(5).fill(9), frames.pong(utf8('12345678')), new Uint8Array(3).fill(9))
    push(larger.subarray(5, larger.length - 3))
    expect(seen).toEqual(['PONG 0/0 of 8', 'PONG payload 3132333435363738'])
  })

  test('an empty chunk is nothing', () => {
    const { push, seen } = decoderWith()
    push(new Uint8Array(0))
    expect(seen).toEqual([])
  })
})

describe('frames in pieces', () => {
  test('one byte at a time; DATA comes in pieces, everything else whole', () => {
    const { push, seen } = decoderWith()
    for (const byte of concat(frames.uncheckedData(1, utf8('abc')), frames.eof(1, 3, 0), frames.close(1))) {
      push(Uint8Array.of(byte))
    }
    expect(seen).toEqual([
      'DATA 1/0 of 3',
      'data 61',
      'data 62',
      'data 63',
      'EOF 1/0 of 12',
      'EOF payload 000000000000000300000000',
      'CLOSE 1/0 of 0',
      'CLOSE payload ',
    ])
  })

  test('a header is looked at as soon as it is there, before its payload', () => {
    const { push, seen } = decoderWith()
    push(frames.open(1).subarray(0, 16))
    expect(seen).toHaveLength(1)
  })

  test('a payload is kept in a buffer of its own while it is incomplete', () => {
    const { push, seen } = decoderWith()
    const frame = frames.ping(utf8('12345678'))
    const chunk = frame.slice(0, 20)
    push(chunk)
    chunk.fill(0)
    push(frame.subarray(20))
    expect(seen.at(-1)).toBe('PING payload 3132333435363738')
  })

  test('the header of the next frame in the same chunk as the end of the last', () => {
    const { push, seen } = decoderWith()
    const bytes = concat(frames.uncheckedData(1, utf8('xyz')), frames.uncheckedData(1, utf8('w')))
    push(bytes.subarray(0, 18))
    push(bytes.subarray(18, 25))
    push(bytes.subarray(25))
    expect(seen).toEqual(['DATA 1/0 of 3', 'data 7879', 'data 7a', 'DATA 1/0 of 1', 'data 77'])
  })
})

describe('limits', () => {
  test('4,096 bytes before authentication, in every frame', () => {
    const decoder = new FrameDecoder(crc32, 262_144)
    const recorder = new Recorder()
    decoder.push(rawFrame('HELLO', 0, new Uint8Array(4096)), recorder)
    expect(recorder.seen).toHaveLength(2)
    for (const name of ['HELLO', 'AUTH', 'OPEN', 'DATA'] as const) {
      const fresh = new FrameDecoder(crc32, 262_144)
      const header = rawFrame(name, 0, new Uint8Array(4097)).subarray(0, 16)
      expect(() => fresh.push(header, recorder)).toThrow(
        `a ${name} frame has at most 4096 payload bytes, got 4097`,
      )
    }
  })

  test('262,144 bytes of control payload afterwards', () => {
    const { push, seen } = decoderWith(1024)
    push(rawFrame('OPEN', 1, new Uint8Array(262_144)))
    expect(seen[0]).toBe('OPEN 1/0 of 262144')
    expect(() => push(rawFrame('OPEN', 3, new Uint8Array(262_145)))).toThrow('at most 262144')
  })

  test.each([1024, 262_144, 1_048_576])('DATA up to our own maxFrameBytes of %i', (limit) => {
    const { push, seen } = decoderWith(limit)
    push(rawFrame('DATA', 1, new Uint8Array(limit)).subarray(0, 17))
    expect(seen).toEqual([`DATA 1/0 of ${limit}`, 'data 00'])
    const { push: again } = decoderWith(limit)
    const header = rawFrame('DATA', 1, new Uint8Array(0), 0, { length: limit + 1 })
    expect(() => again(header)).toThrow(`at most ${limit} payload bytes, got ${limit + 1}`)
  })

  test('a length is refused before anything is allocated for it', () => {
    const { push } = decoderWith()
    const before = process.memoryUsage().arrayBuffers
    const header = rawFrame('OPEN', 1, new Uint8Array(0), 0, { length: 0xffff_ffff })
    expect(() => push(header)).toThrow('got 4294967295')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_048_576)
  })
})

describe('damage', () => {
  const whole = concat(frames.request(1, 1), frames.uncheckedData(1, utf8('abcd')), frames.eof(1, 4, 0))
  const lengthOfRequest = frames.request(1, 1).length

  test('any flipped bit of a header or a control payload is noticed in that frame', () => {
    for (let at = 0; at < whole.length; at += 1) {
      const isData = at >= lengthOfRequest + 16 && at < lengthOfRequest + 20
      for (let bit = 0; bit < 8; bit += 1) {
        const { push } = decoderWith()
        const damaged = whole.slice()
        damaged[at] = (damaged[at] as number) ^ (1 << bit)
        if (isData) expect(() => push(damaged)).not.toThrow()
        else expect(() => push(damaged)).toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_PROTOCOL' }))
      }
    }
  })

  test('what came before the damage has been passed on', () => {
    const { push, seen } = decoderWith()
    const damaged = whole.slice()
    damaged[lengthOfRequest] = 0xff
    expect(() => push(damaged)).toThrow('damaged frame header')
    expect(seen).toHaveLength(2)
  })

  test('a sink that refuses a header stops the decoder there', () => {
    const decoder = new FrameDecoder(crc32, 1024)
    const sink = new Recorder()
    sink.onHeader = () => {
      throw new Error('refused')
    }
    expect(() => decoder.push(frames.ping(), sink)).toThrow('refused')
    expect(sink.seen).toEqual([])
  })
})
