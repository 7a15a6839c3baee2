/** JSON payloads: strict UTF-8, one object, validated by its schema; unknown fields are ignored unless they start with `!`. */
import * as v from 'valibot'
import { ProtocolError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { FrameName } from './constants.js'
import { type JsonObject, SCHEMAS } from './messages.js'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The JSON object in a payload. Throws ProtocolError, naming the frame. */
export function parseObject(frame: FrameName, payload: Uint8Array): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(payload))
  } catch {
    throw new ProtocolError(`a ${frame} frame carries one JSON object in UTF-8, got something else`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProtocolError(
      `a ${frame} frame carries one JSON object, got ${Array.isArray(value) ? 'an array' : typeof value}`,
    )
  }
  const required = Object.keys(value).find((key) => key.startsWith('!'))
  if (required !== undefined) {
    throw new ProtocolError(
      `a ${frame} frame requires the field "${escapeText(required)}", which version 1 does not know`,
    )
  }
  return value as JsonObject
}

/** Validates an object against one of the schemas. Throws ProtocolError, naming the frame and the field. */
export function validate<Name extends keyof typeof SCHEMAS>(
  frame: FrameName,
  schema: Name,
  value: JsonObject,
): v.InferOutput<(typeof SCHEMAS)[Name]> {
  const result = v.safeParse(SCHEMAS[schema] as v.GenericSchema, value, { abortEarly: true })
  if (result.success) return result.output as v.InferOutput<(typeof SCHEMAS)[Name]>
  const [issue] = result.issues
  const where = v.getDotPath(issue) ?? 'payload'
  throw new ProtocolError(
    `${frame} ${escapeText(where)}: expected ${escapeText(issue.expected ?? 'a valid value')}, got ${escapeText(issue.received)}`,
  )
}
