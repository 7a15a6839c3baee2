/** What `get` and `put` say in OPEN and OPEN_OK (docs/protocol.md, sections 7.3 and 7.4). */
import * as v from 'valibot'
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

const pathOnly = v.object({ path: v.string() })

const getParams = v.object({
  path: v.string(),
  algorithm: v.optional(v.string(), 'sha256'),
})

const putParams = v.object({
  path: v.string(),
  algorithm: v.optional(v.string(), 'sha256'),
  size: v.optional(count),
  mode: v.optional(permissionBits),
  mtimeMs: v.optional(time),
  overwrite: v.optional(v.boolean(), true),
})

const getInfo = v.object({
  size: count,
  mode: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o7777)),
  mtimeMs: time,
})

export interface GetParams {
  readonly path: string
  readonly algorithm: ChecksumAlgorithm
}

export interface PutParams extends GetParams {
  readonly size?: number | undefined
  readonly mode?: number | undefined
  readonly mtimeMs?: number | undefined
  readonly overwrite: boolean
}

/** The path of a `get` or `put`, for a decision about it. Throws `ERR_FAKESSH_INVALID_ARG` or `ERR_FAKESSH_INVALID_PATH`. */
export function parseTransferPath(params: JsonObject): string {
  const { path } = read(pathOnly, params, 'params', 'ERR_FAKESSH_INVALID_ARG')
  checkPath(path)
  return path
}

/** Throws `ERR_FAKESSH_INVALID_ARG` naming the field, or `ERR_FAKESSH_UNSUPPORTED`. */
export function parseGetParams(params: JsonObject): GetParams {
  for (const reserved of ['offset', 'length']) {
    // To ignore it would be to send something else than was asked for.
    if (params[reserved] !== undefined) throw unsupported(`get: '${reserved}' is not supported`)
  }
  const { path, algorithm } = read(getParams, params, 'get', 'ERR_FAKESSH_INVALID_ARG')
  return { path, algorithm: supported('get', algorithm) }
}

/** Throws as {@link parseGetParams} does. */
export function parsePutParams(params: JsonObject): PutParams {
  const { algorithm, ...rest } = read(putParams, params, 'put', 'ERR_FAKESSH_INVALID_ARG')
  return { ...rest, algorithm: supported('put', algorithm) }
}

/** What the server of a `get` says of the file. Throws `ERR_FAKESSH_PROTOCOL`. */
export function parseFileMetadata(info: JsonObject): FileMetadata {
  return read(getInfo, info, 'the answer to get', 'ERR_FAKESSH_PROTOCOL')
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
