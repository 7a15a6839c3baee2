/** Golden frames in test/vectors/*.json: what each entry says, and how its bytes are spelled. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Overrides, type SpelledFrame, spell, type TypeName, utf8 } from './frames.js'
import { fromHex, toHex } from './hex.js'
import { naiveCrc32 } from './naive-crc32.js'

/** What a payload is, in one of these forms; without any it is empty. */
export interface PayloadText {
  readonly json?: unknown
  readonly text?: string
  readonly hex?: string
  readonly consumed?: number
  readonly limit?: number
  readonly bytes?: number
  readonly crc?: number
}

/** One frame and its bytes, by field. */
export interface Vector extends PayloadText {
  readonly name: string
  readonly frame: TypeName
  readonly channel: number
  readonly stream?: number
  readonly schema?: string
  /** DATA with `stream-crc32`: what the stream carried before it. */
  readonly before?: { readonly hex: string }
  readonly spelled: { readonly [field in keyof SpelledFrame]: string }
}

/** One frame that a core in `state` must refuse, saying `error`. */
export interface Malformed extends PayloadText {
  readonly name: string
  readonly state: string
  readonly frame: TypeName
  readonly channel: number
  readonly stream?: number
  /** Header fields that are not what they should be. */
  readonly wrong?: Overrides
  readonly error: string
  readonly code?: string
  readonly wire: string
}

const pathOf = (file: string) => fileURLToPath(new URL(`../vectors/${file}.json`, import.meta.url))

export function readVectors<Entry>(file: string): Entry[] {
  return JSON.parse(readFileSync(pathOf(file), 'utf8')) as Entry[]
}

export function payloadOf(entry: PayloadText): Uint8Array {
  if (entry.json !== undefined) return utf8(JSON.stringify(entry.json))
  if (entry.text !== undefined) return utf8(entry.text)
  if (entry.hex !== undefined) return fromHex(entry.hex)
  if (entry.limit !== undefined) return fromHex(digits(entry.consumed ?? 0, 16) + digits(entry.limit, 16))
  if (entry.bytes !== undefined) return fromHex(digits(entry.bytes, 16) + digits(entry.crc ?? 0, 8))
  return new Uint8Array(0)
}

const digits = (value: number, width: number) => value.toString(16).padStart(width, '0')

type Unspelled = Omit<Vector, 'spelled' | 'name'>

/** The payload check where it is not that of the payload alone. */
export function checkOf(entry: Unspelled): number | undefined {
  const { before } = entry
  return before === undefined ? undefined : naiveCrc32(payloadOf(entry), naiveCrc32(fromHex(before.hex)))
}

export function spelledOf(entry: Unspelled, wrong: Overrides = {}): SpelledFrame {
  return spell(entry.frame, entry.channel, payloadOf(entry), entry.stream ?? 0, {
    payloadCheck: checkOf(entry),
    ...wrong,
  })
}

/**
 * Writes the bytes of every entry again with the independent encoder of frames.ts, never with src/. Only on request
 * (UPDATE_VECTORS=1), never in CI; the difference is then to be read before it is committed.
 */
export function updateVectors(): void {
  if (process.env.CI !== undefined) throw new Error('UPDATE_VECTORS is not for CI')
  for (const file of ['connection', 'channel']) {
    const entries = readVectors<Vector>(file).map((entry) => ({
      ...entry,
      spelled: Object.fromEntries(
        Object.entries(spelledOf(entry)).map(([field, bytes]) => [field, toHex(bytes as Uint8Array)]),
      ),
    }))
    writeFileSync(pathOf(file), `${JSON.stringify(entries, null, 2)}\n`)
  }
  const malformed = readVectors<Malformed>('malformed').map((entry) => ({
    ...entry,
    wire: Object.values(spelledOf(entry, entry.wrong)).map(toHex).join(' ').trim(),
  }))
  writeFileSync(pathOf('malformed'), `${JSON.stringify(malformed, null, 2)}\n`)
}
