/** How the two ends of a transfer find again what was kept of it. */
import { createHash, createHmac } from 'node:crypto'

/** Bytes of a source from which on it is worth while to keep a part of it and to look for one. */
export const MIN_RESUMABLE_BYTES = 1_048_576

/** The server that a client means, however often it connects. */
export interface ServerIdentity {
  /** Host name, address or socket path, as the caller gave it. */
  readonly host: string
  readonly user: string
}

/** The id of an upload: the same for the same pair of files of the same account here. `localPath` is absolute. 64 hex digits. */
export function uploadId(
  secret: Uint8Array,
  { host, user }: ServerIdentity,
  localPath: string,
  remotePath: string,
): string {
  return createHmac('sha256', secret)
    .update(JSON.stringify([host, user, localPath, remotePath]))
    .digest('hex')
}

/** What the server's parts of an upload are found by: what one user sent under one id to one path, and nothing else. */
export function uploadKey(user: string, id: string, path: string): string {
  return hashOf(['upload', user, id, path])
}

/** What a part of a download is found by, beside its target. */
export function downloadKey({ host, user }: ServerIdentity, remotePath: string): string {
  return hashOf(['download', host, user, remotePath])
}

/** In place of a secret that is only to be compared. */
export function hashOf(values: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex')
}
