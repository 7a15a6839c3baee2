/** What each end of a transfer claims in its COMMIT, and how the claims are compared (docs/protocol.md, sections 7.3 and 7.4). */
import { FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { ChecksumAlgorithm } from '../options.js'
import type { CommitMessage, Failure } from '../protocol/messages.js'

/** Our own claim. */
export interface Proof {
  readonly bytes: number
  readonly algorithm: ChecksumAlgorithm
  /** Lower-case hex. */
  readonly digest: string
}

/** The peer's claim: nothing in it is to be trusted, not even the algorithm. */
export type RemoteProof = Exclude<CommitMessage, { error: unknown }>

/** Longest message of a failure on the wire is 4,096; the rest is room for escapes. */
const MAX_MESSAGE = 4_000

/** Throws `ERR_FAKESSH_LENGTH_MISMATCH` or `ERR_FAKESSH_DIGEST_MISMATCH`, naming both claims. */
export function compareProofs(local: Proof, remote: RemoteProof): void {
  if (remote.algorithm !== local.algorithm) {
    const message = `the peer computed ${escapeText(remote.algorithm)} where ${local.algorithm} was agreed on`
    throw new FakeSshError('ERR_FAKESSH_PROTOCOL', message)
  }
  if (remote.bytes !== local.bytes) {
    const message = `the peer counted ${remote.bytes} bytes, this side ${local.bytes}`
    throw new FakeSshError('ERR_FAKESSH_LENGTH_MISMATCH', message)
  }
  if (remote.digest !== local.digest) {
    const message = `the ${local.algorithm} is ${remote.digest} at the peer and ${local.digest} on this side`
    throw new FakeSshError('ERR_FAKESSH_DIGEST_MISMATCH', message)
  }
}

/** The error a peer reported, as ours. */
export function errorOfFailure(failure: Failure): FakeSshError {
  return new FakeSshError(escapeText(failure.code), escapeText(failure.message))
}

/** What a peer is told of an error of ours. Text that was not written for it stays here. */
export function failureOf(error: unknown): Failure {
  if (!FakeSshError.is(error)) return { code: 'ERR_FAKESSH_INTERNAL', message: 'the transfer failed' }
  // Cut without leaving half of a surrogate pair.
  const message = error.message.slice(0, MAX_MESSAGE).replace(/[\ud800-\udbff]$/, '')
  return { code: error.code, message }
}

/** The peer closed the channel before the operation was proved. */
export function cancelledByPeer(): FakeSshError {
  return new FakeSshError('ERR_FAKESSH_CANCELLED', 'the peer cancelled the transfer')
}

/** The peer claims to be done with a file that has not ended. */
export function commitBeforeEnd(): FakeSshError {
  return new FakeSshError('ERR_FAKESSH_PROTOCOL', 'the peer sent COMMIT before the end of the file')
}
