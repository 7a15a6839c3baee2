/** What `get` and `put` say in OPEN and OPEN_OK (docs/protocol.md, sections 7.3 and 7.4). */
import * as v from 'valibot'
import { type Attempt, attemptFields } from '../connection/attempt.js'
import { FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { ChecksumAlgorithm } from '../options.js'
import type { JsonObject } from '../protocol/messages.js'
import { isChecksumAlgorithm } from './digest.js'
import { checkPath } from './path-text.js'
import type { FileMetadata } from './transfer.js'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const permissionBits = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o777))
/** The range of `Date`. */
const time = v.pipe(v.number(), v.integer(), v.minValue(-8.64e15), v.maxValue(8.64e15))

const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{32,256}$/))

const pathOnly = v.object({ path: v.string() })

const getParams = v.object({
  path: v.string(),
  algorithm: v.optional(v.string(), 'sha256'),
  offset: v.optional(count),
  length: v.optional(count),
  have: v.optional(v.object({ bytes: count, digest })),
})

const putParams = v.object({
  path: v.string(),
  algorithm: v.optional(v.string(), 'sha256'),
  size: v.optional(count),
  mode: v.optional(permissionBits),
  mtimeMs: v.optional(time),
  overwrite: v.optional(v.boolean(), true),
  fsync: v.optional(v.boolean(), false),
  resume: v.optional(
    v.object({
      id: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
      ...attemptFields,
    }),
  ),
})

const getInfo = v.object({
  size: count,
  mode: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o7777)),
  mtimeMs: time,
  start: v.optional(count, 0),
})

const putInfo = v.object({ start: v.optional(count, 0), digest: v.optional(digest) })

/** The first bytes of what is transferred, as one end holds them. */
export interface HeldPrefix {
  readonly bytes: number
  /** Lower-case hex. */
  readonly digest: string
}

interface TransferParams {
  readonly path: string
  readonly algorithm: ChecksumAlgorithm
}

export interface GetParams extends TransferParams {
  readonly offset?: number | undefined
  readonly length?: number | undefined
  readonly have?: HeldPrefix | undefined
}

/** Under what an upload is found again, and by whom it is made. */
export interface ResumeParams extends Attempt {
  readonly id: string
}

export interface PutParams extends TransferParams {
  readonly size?: number | undefined
  readonly mode?: number | undefined
  readonly mtimeMs?: number | undefined
  readonly overwrite: boolean
  readonly fsync: boolean
  readonly resume?: ResumeParams | undefined
}

/** What the server of a `get` answers. */
export interface GetAnswer {
  readonly metadata: FileMetadata
  /** Bytes of what was asked for that it does not send, because the opener has them. */
  readonly start: number
}

/** The path of a `get` or `put`, for a decision about it. Throws `ERR_FAKESSH_INVALID_ARG` or `ERR_FAKESSH_INVALID_PATH`. */
export function parseTransferPath(params: JsonObject): string {
  const { path } = read(pathOnly, params, 'params', 'ERR_FAKESSH_INVALID_ARG')
  checkPath(path)
  return path
}

/** Throws `ERR_FAKESSH_INVALID_ARG` naming the field, or `ERR_FAKESSH_UNSUPPORTED`. */
export function parseGetParams(params: JsonObject): GetParams {
  const { algorithm, ...rest } = read(getParams, params, 'get', 'ERR_FAKESSH_INVALID_ARG')
  return { ...rest, algorithm: supported('get', algorithm) }
}

/** Throws as {@link parseGetParams} does. */
export function parsePutParams(params: JsonObject): PutParams {
  const { algorithm, ...rest } = read(putParams, params, 'put', 'ERR_FAKESSH_INVALID_ARG')
  return { ...rest, algorithm: supported('put', algorithm) }
}

/** `haveBytes`: what the opener said it has. Throws `ERR_FAKESSH_PROTOCOL`. */
export function parseGetAnswer(info: JsonObject, haveBytes: number): GetAnswer {
  const { start, ...metadata } = read(getInfo, info, 'the answer to get', 'ERR_FAKESSH_PROTOCOL')
  if (start !== 0 && start !== haveBytes) {
    const message = `the answer to get: start: expected 0 or ${haveBytes}, got ${start}`
    throw new FakeSshError('ERR_FAKESSH_PROTOCOL', message)
  }
  return { metadata, start }
}

/** What the server of a `put` holds already; undefined for nothing. Throws `ERR_FAKESSH_PROTOCOL`. */
export function parsePutAnswer(info: JsonObject): HeldPrefix | undefined {
  const { start, digest } = read(putInfo, info, 'the answer to put', 'ERR_FAKESSH_PROTOCOL')
  if (start === 0) return undefined
  if (digest !== undefined) return { bytes: start, digest }
  throw new FakeSshError('ERR_FAKESSH_PROTOCOL', 'the answer to put: digest is missing')
}

function read<T extends v.GenericSchema>(
  schema: T,
  value: unknown,
  where: string,
  code: string,
): v.InferOutput<T> {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  const field = v.getDotPath(issue) ?? 'params'
  // Valibot says then that it expected the name of the field.
  if (issue.received === 'undefined') throw new FakeSshError(code, `${where}: ${field} is missing`)
  const got = escapeText(issue.received)
  throw new FakeSshError(
    code,
    `${where}: ${field}: expected ${issue.expected ?? 'another value'}, got ${got}`,
  )
}

function supported(where: string, algorithm: string): ChecksumAlgorithm {
  if (isChecksumAlgorithm(algorithm)) return algorithm
  throw unsupported(`${where}: the algorithm '${escapeText(algorithm)}' is not supported`)
}

function unsupported(message: string): FakeSshError {
  return new FakeSshError('ERR_FAKESSH_UNSUPPORTED', message)
}
