/** Tokens: shared secrets of high entropy, and the pre-shared keys made from them (docs/protocol.md, section 8.1). */
import { hkdfSync, randomBytes } from 'node:crypto'
import { FakeSshError, invalidArgument } from '../errors.js'
import type { Psk } from '../transport/tls-dial.js'

const TOKEN_BYTES = 32
/** Whoever records a handshake can try tokens offline, so they must not be guessable as passwords are. */
const MIN_TOKEN_LENGTH = 32
/** A frame before authentication holds 4,096 bytes. */
const MAX_TOKEN_LENGTH = 1024

/** A new token: 256 random bits as 43 characters that need no quoting in a URL or a shell. @public */
export function generateToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url')
}

/**
 * The token, if it may be used as one. Says how long a refused one is, never what it is.
 *
 * @param where - what to call it in the message.
 * @throws `ERR_FAKESSH_WEAK_TOKEN` when it is shorter than 32 characters; `ERR_FAKESSH_INVALID_ARG` when it is no text of at
 *   most 1,024 characters.
 * @internal
 */
export function checkToken(token: unknown, where: string): string {
  if (typeof token !== 'string') throw invalidArgument(where, 'a token of at least 32 characters', token)
  if (token.length < MIN_TOKEN_LENGTH) {
    const message = `${where}: a token has at least ${MIN_TOKEN_LENGTH} characters, this one has ${token.length}; generateToken() makes one`
    throw new FakeSshError('ERR_FAKESSH_WEAK_TOKEN', message)
  }
  if (token.length > MAX_TOKEN_LENGTH) {
    const message = `${where}: expected a token of at most ${MAX_TOKEN_LENGTH} characters, got ${token.length}`
    throw new FakeSshError('ERR_FAKESSH_INVALID_ARG', message)
  }
  return token
}

/** The pre-shared key of a token, and the identity it goes by, which tells neither user nor token. @internal */
export function pskFromToken(token: string): Psk {
  return {
    identity: Buffer.from(derive(token, 'fakessh/1 psk identity', 16)).toString('hex'),
    key: new Uint8Array(derive(token, 'fakessh/1 psk key', 32)),
  }
}

function derive(token: string, info: string, length: number): ArrayBuffer {
  return hkdfSync('sha256', Buffer.from(token, 'utf8'), Buffer.alloc(0), info, length)
}
