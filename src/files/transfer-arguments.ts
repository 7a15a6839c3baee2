/** Checks what a caller of `get`, `put`, `download` and `upload` passed. Throws `ERR_FAKESSH_INVALID_ARG` or `ERR_FAKESSH_INVALID_PATH`. */
import { invalidArgument } from '../errors.js'
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from '../options.js'
import { isChecksumAlgorithm } from './digest.js'
import { checkPath } from './path-text.js'
import { checkStopOptions } from './stop-conditions.js'
import type {
  GetOptions,
  PathTransferOptions,
  PutOptions,
  TransferInfo,
  TransferOptions,
} from './transfer.js'

/** File type and permission bits, as in `fs.Stats.mode`. */
const MAX_MODE = 0o177777
const PERMISSION_BITS = 0o777

/** The range of `Date`, in milliseconds. */
const MAX_TIME = 8.64e15

export function checkTransferPath(where: string, path: unknown): void {
  if (typeof path !== 'string') throw invalidArgument(where, 'a string', path)
  checkPath(path)
}

/** What every transfer takes. Returns the algorithm. */
export function checkTransferOptions(op: TransferInfo['op'], options: TransferOptions): ChecksumAlgorithm {
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument(`${op}: options`, 'an object', options)
  }
  checkStopOptions(op, options)
  const { algorithm = 'sha256' } = options
  if (!isChecksumAlgorithm(algorithm)) {
    throw invalidArgument(`${op}: algorithm`, `one of ${CHECKSUM_ALGORITHMS.join(', ')}`, algorithm)
  }
  return algorithm
}

/** What a written file gets. Returns the permission bits of `mode`. */
export function checkWriteOptions(
  op: TransferInfo['op'],
  options: Pick<
    PutOptions & PathTransferOptions,
    'mode' | 'mtimeMs' | 'size' | 'overwrite' | 'preserve' | 'fsync' | 'resume' | 'onProgress'
  >,
): number | undefined {
  const { mode, mtimeMs, size, overwrite, preserve, fsync, resume, onProgress } = options
  requireInteger(`${op}: mode`, mode, 0, MAX_MODE)
  requireInteger(`${op}: mtimeMs`, mtimeMs, -MAX_TIME, MAX_TIME)
  requireInteger(`${op}: size`, size, 0, Number.MAX_SAFE_INTEGER)
  for (const [name, value] of Object.entries({ overwrite, preserve, fsync, resume })) {
    if (value !== undefined && typeof value !== 'boolean') {
      throw invalidArgument(`${op}: ${name}`, 'a boolean', value)
    }
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalidArgument(`${op}: onProgress`, 'a function', onProgress)
  }
  return mode === undefined ? undefined : mode & PERMISSION_BITS
}

/** Which bytes of the file are asked for. */
export function checkPart({ offset, length }: GetOptions): void {
  requireInteger('get: offset', offset, 0, Number.MAX_SAFE_INTEGER)
  requireInteger('get: length', length, 0, Number.MAX_SAFE_INTEGER)
}

function requireInteger(where: string, value: unknown, min: number, max: number): void {
  if (value === undefined || (Number.isInteger(value) && Number(value) >= min && Number(value) <= max)) return
  throw invalidArgument(where, `an integer from ${min} to ${max}`, value)
}
