// However a byte stream is cut into chunks, the same comes out of it; and a second parser, which never sees a chunk, agrees.
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CoreEvent } from '../../src/protocol/core-events.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import { cuts, decodableFrame, meaningfulFrame, pieces } from '../helpers/arbitrary-frames.js'
import { acceptFrom, drainBytes, feed, openCore, openTo } from '../helpers/cores.js'
import { frames } from '../helpers/frames.js'
import { concat, toHex } from '../helpers/hex.js'
import { wholeFrames } from '../helpers/naive-frames.js'

const streams = (frame: fc.Arbitrary<Uint8Array>) =>
  fc
    .array(frame, { minLength: 1, maxLength: 12 })
    .map((list) => concat(...list))
    .chain((bytes) => fc.tuple(fc.constant(bytes), cuts(bytes.length)))

/** What the decoder makes of the chunks: DATA joined again, so that it can be compared. */
function decoded(chunks: readonly Uint8Array[], isHoldingData: boolean): string[] {
  const seen: string[] = []
  const decoder = new FrameDecoder(crc32, 262_144)
  decoder.allowLargeFrames()
  if (isHoldingData) decoder.holdData()
  for (const chunk of chunks) {
    decoder.push(chunk, {
      onHeader: ({ name, channel, stream }) => void seen.push(`${name} ${channel}/${stream} `),
      onData: (_header, piece) => void seen.push(`${seen.pop()}${toHex(piece)}`),
      onFrame: (_header, payload) => void seen.push(`${seen.pop()}${toHex(payload)}`),
    })
  }
  return seen
}

test('the decoder, for any frames and any cuts, agrees with the naive parser', () => {
  fc.assert(
    fc.property(streams(decodableFrame), ([bytes, at]) => {
      const naive = wholeFrames(bytes).map(
        ({ name, channel, stream, payload }) => `${name} ${channel}/${stream} ${toHex(payload)}`,
      )
      expect(decoded(pieces(bytes, at), false)).toEqual(naive)
      expect(decoded(pieces(bytes, at), true)).toEqual(naive)
    }),
    { numRuns: 300 },
  )
})

/** Events with neighbouring pieces of a stream joined. */
function joined(events: readonly CoreEvent[]): string[] {
  const texts: string[] = []
  let last: CoreEvent | undefined
  for (const event of events) {
    if (event.type === 'data') {
      const isMore = last?.type === 'data' && last.channel === event.channel && last.stream === event.stream
      texts.push(
        isMore
          ? `${texts.pop()}${toHex(event.bytes)}`
          : `data ${event.channel}/${event.stream} ${toHex(event.bytes)}`,
      )
    } else
      texts.push(JSON.stringify(event, (_key, value) => (value instanceof Error ? value.message : value)))
    last = event
  }
  return texts
}

/** An open core with channel 1 of the peer's and channel 2 of ours, both ways open, and what it makes of the chunks. */
function received(chunks: readonly Uint8Array[], isPlain: boolean) {
  const core = openCore({ isPlain })
  acceptFrom(core, 1, [50], [1000, 10])
  openTo(core, [50], [1000, 10])
  core.sendRequest(1, 'test', {})
  drainBytes(core)
  const events = chunks.flatMap((chunk) => feed(core, chunk))
  return { events: joined(events), state: core.state, open: core.openChannels, said: toHex(drainBytes(core)) }
}

test('the core, for any frames and any cuts, reports the same, ends the same, and answers the same', () => {
  fc.assert(
    fc.property(streams(meaningfulFrame), fc.boolean(), ([bytes, at], isPlain) => {
      const whole = received([bytes], isPlain)
      const cut = received(pieces(bytes, at), isPlain)
      expect(cut).toEqual(whole)
    }),
    { numRuns: 500 },
  )
})

test('a whole conversation one byte at a time', () => {
  const bytes = concat(
    frames.open(3, [], 'exec', { file: 'ls' }),
    frames.request(1, 1),
    frames.data(1, new Uint8Array(1000).fill(7)),
    frames.eof(1, 1000, crc32(new Uint8Array(1000).fill(7))),
    frames.exit(1),
    frames.ping(),
    frames.close(1),
    frames.goodbye('shutdown'),
  )
  const whole = received([bytes], true)
  expect(
    received(
      [...bytes].map((byte) => Uint8Array.of(byte)),
      true,
    ),
  ).toEqual(whole)
  expect(whole).toMatchObject({ state: 'draining' })
  expect(whole.events).toHaveLength(7)
})
