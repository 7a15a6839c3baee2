/** Random frames and ways to cut a byte stream, for fast-check. */
import fc from 'fast-check'
import { frames, rawFrame, TYPE_NAMES } from './frames.js'

const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const count = fc.nat({ max: 1_000_000 })
const channel = fc.integer({ min: 0, max: 0xffff_ffff })
const stream = fc.integer({ min: 0, max: 7 })
const bytes = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength })

/** Any frame that a decoder takes, on any channel, whether or not it makes sense there. */
export const decodableFrame: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.tuple(channel, bytes(300), stream).map(([id, payload, number]) => frames.data(id, payload, number)),
  fc.tuple(channel, count, count, stream).map(([id, a, b, number]) => frames.window(id, a, b, number)),
  fc.tuple(channel, count, count, stream).map(([id, a, b, number]) => frames.eof(id, a, b, number)),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((payload) => frames.ping(payload)),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((payload) => frames.pong(payload)),
  channel.map((id) => frames.close(id)),
  fc
    .tuple(
      fc.constantFrom('HELLO' as const, 'AUTH', 'GOODBYE', 'OPEN', 'REQUEST', 'EXIT', 'COMMIT'),
      channel,
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        text.map((value) => Buffer.from(JSON.stringify({ value }))),
      ),
    )
    .map(([name, id, payload]) => rawFrame(name, id, payload)),
)

/** A frame that is meant for one of a few channels, so that some of it makes sense in an open connection. */
export const meaningfulFrame: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.constantFrom(...TYPE_NAMES), fc.integer({ min: 1, max: 4 }), fc.nat(20), stream, text)
  .map(([name, id, number, onStream, words]) => {
    switch (name) {
      case 'HELLO':
        return frames.hello('client')
      case 'AUTH':
        return frames.auth()
      case 'GOODBYE':
        return frames.goodbye(number % 3 === 0 ? 'shutdown' : words.slice(0, 9) || 'limit', words)
      case 'PING':
        return frames.ping()
      case 'PONG':
        return frames.pong()
      case 'OPEN':
        return frames.open(id, [number, 0, 100].slice(0, onStream % 4), words || 'kind', { words })
      case 'OPEN_OK':
        return frames.openOk(id, [number], { words })
      case 'OPEN_FAIL':
        return frames.openFail(id, 'ENOENT', words)
      case 'REQUEST':
        return frames.request(id, number, words || 'type')
      case 'REPLY':
        return number % 2 === 0 ? frames.replyOk(id, number) : frames.replyFail(id, number)
      case 'EXIT':
        return frames.exit(id, number)
      case 'COMMIT':
        return frames.commit(id, number)
      case 'DATA':
        return (onStream < 4 ? frames.data : frames.uncheckedData)(
          id,
          new Uint8Array(number + 1),
          onStream % 2,
        )
      case 'WINDOW':
        return frames.window(id, number, number + 50, onStream % 2)
      case 'EOF':
        return frames.eof(id, number, 0, onStream % 2)
      default:
        return frames.close(id)
    }
  })

/** Where to cut `length` bytes: a few random places, every byte, or nowhere. */
export const cuts = (length: number): fc.Arbitrary<number[]> =>
  fc.oneof(
    fc.uniqueArray(fc.integer({ min: 1, max: Math.max(1, length - 1) }), { maxLength: 20 }),
    fc.constant(Array.from({ length: Math.max(0, length - 1) }, (_, at) => at + 1)),
    fc.constant<number[]>([]),
  )

/** The pieces between the cuts, each in a buffer of its own. */
export function pieces(bytesToCut: Uint8Array, at: readonly number[]): Uint8Array[] {
  const sorted = [...at].sort((a, b) => a - b)
  return [0, ...sorted].map((start, i) => bytesToCut.slice(start, sorted[i] ?? bytesToCut.length))
}
