/** Schemas of the JSON payloads (docs/protocol.md, sections 5 to 7), and the types derived from them. */
import * as v from 'valibot'

/** Longest message text, in UTF-16 units. */
const TEXT_CHARACTERS = 4_096

/** A JSON object as it came off the wire: nothing in it is to be trusted before a schema has seen it. */
export type JsonObject = { readonly [key: string]: unknown }

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const positive = v.pipe(v.number(), v.safeInteger(), v.minValue(1))
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(256))
const text = v.pipe(v.string(), v.maxLength(TEXT_CHARACTERS))
const object = v.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'Expected an object',
)
/** `windows[i]` bytes may be sent on stream `i`; at most 8 streams. */
const windows = v.pipe(v.array(count), v.maxLength(8))
const failure = v.object({ code: name, message: text })

const hello = v.object({
  protocol: v.literal('fakessh'),
  version: positive,
  minVersion: positive,
  role: v.picklist(['client', 'server']),
  agent: v.pipe(v.string(), v.maxLength(128)),
  features: v.pipe(v.array(name), v.maxLength(64)),
  limits: v.object({
    maxFrameBytes: v.pipe(count, v.minValue(1024), v.maxValue(1_048_576)),
    maxChannels: v.pipe(count, v.minValue(1), v.maxValue(65_535)),
  }),
  instance: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/))),
})

const authRequest = v.object({ method: name, user: name })
const authReply = v.variant('status', [
  v.object({ status: v.literal('success'), user: name }),
  v.object({ status: v.literal('failure'), code: name, message: text, attemptsLeft: count }),
])

const goodbye = v.object({ code: name, message: text })
const open = v.object({ kind: name, params: object, windows })
const openOk = v.object({ info: object, windows })
const openFail = failure
const request = v.object({ id: positive, type: name, params: object })
const reply = v.variant('ok', [
  v.object({ id: positive, ok: v.literal(true), info: object }),
  v.object({ id: positive, ok: v.literal(false), code: name, message: text }),
])

const exit = v.union([
  v.object({ error: failure }),
  v.object({
    exitCode: v.nullable(v.pipe(count, v.maxValue(0xffff_ffff))),
    signal: v.nullable(name),
    stdioLeaked: v.boolean(),
    stdinBytes: count,
    cwd: v.optional(v.string()),
  }),
])

const commit = v.union([
  v.object({ error: failure }),
  v.object({ bytes: count, algorithm: name, digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{32,256}$/)) }),
])

export type Hello = v.InferOutput<typeof hello>
/** AUTH from a client; the fields beyond these two belong to the method. */
export type AuthRequest = v.InferOutput<typeof authRequest> & JsonObject
export type AuthReply = v.InferOutput<typeof authReply>
export type ReplyMessage = v.InferOutput<typeof reply>
export type ExitMessage = v.InferOutput<typeof exit>
export type CommitMessage = v.InferOutput<typeof commit>
export type Failure = v.InferOutput<typeof failure>

export const SCHEMAS = {
  hello,
  authRequest,
  authReply,
  goodbye,
  open,
  openOk,
  openFail,
  request,
  reply,
  exit,
  commit,
}

/** A text of ours, cut to what a peer takes, without leaving half of a surrogate pair. */
export function fitText(text: string, characters = TEXT_CHARACTERS): string {
  return text.length <= characters ? text : text.slice(0, characters).replace(/[\ud800-\udbff]$/, '')
}

/** A failure of ours, with its message cut to what a peer takes. */
export function fitFailure({ code, message }: Failure): Failure {
  return { code, message: fitText(message) }
}
