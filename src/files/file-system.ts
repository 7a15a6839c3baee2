/** What `files/` asks of storage. One implementation serves a local disk; another could serve memory or a bucket. */

/** What is known of a file. Times in milliseconds since 1970 are whole and may be negative. */
export interface FileFacts {
  /** Bytes, as the storage says. Virtual files lie: read to the end, never to this size. */
  readonly size: number
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number
  readonly mtimeMs: number
  readonly mtimeNs: bigint
  readonly ino: bigint
}

/** {@link FileFacts} of anything a path can name. */
export interface PathFacts extends FileFacts {
  readonly kind: 'file' | 'directory' | 'other'
}

/** Which bytes of a file are read. */
export interface FilePart {
  /** Bytes that come before it. Default 0. */
  readonly offset?: number | undefined
  /** Its bytes, where the file has as many. Default: all to the end of the file. */
  readonly length?: number | undefined
}

/** A regular file, or a part of one, being read from start to end. Calls do not overlap, except that `close` may come at any time. */
export interface SourceFile {
  /** As they were when the file was opened; of the whole file. */
  readonly facts: FileFacts
  /** The next bytes, at most `into.length`; 0 at the end and from then on. */
  read(into: Uint8Array): Promise<number>
  /** The next read gives the first bytes again. */
  rewind(): void
  /**
   * Proves that what `read` gave is one state of the file. Throws `ERR_FAKESSH_SOURCE_CHANGED` when size, mtime or inode are
   * not those at opening, or when the bytes read are not as many as an honest size promised.
   */
  verifyUnchanged(): Promise<void>
  /** Waits for a running read. Idempotent; never rejects. */
  close(): Promise<void>
}

/** How a staged file is created. */
export interface StageOptions {
  /** Permission bits, 0 to 0o777. Default: those of the file that is replaced, else 0o666 less the umask. */
  readonly mode?: number | undefined
  /** False: `EEXIST` when the target exists, at the start or at the commit. Default true. */
  readonly overwrite?: boolean | undefined
  /** What `claimStaged` finds the file by, with its target, once it has been kept or its process has died. Default: nothing does. */
  readonly resumeKey?: string | undefined
}

/** How a staged file of an earlier attempt is taken over. */
export interface ClaimOptions extends StageOptions {
  readonly resumeKey: string
  /** Milliseconds after which what dead processes left in the directory of the target is removed on the way. Default: it stays. */
  readonly staleMs?: number | undefined
}

/** What is applied when a staged file becomes the target. */
export interface CommitOptions {
  /** Permission bits, 0 to 0o777. Default: as created. */
  readonly mode?: number | undefined
  readonly mtimeMs?: number | undefined
  /** Waits until the file and its directory entry are on the medium. Default false. */
  readonly fsync?: boolean | undefined
}

/** A file that is invisible under its name until `commit`. */
export interface StagedFile {
  /** Where it is: below the root, without a leading `/`; the root itself is empty. */
  readonly directory: string
  /** Bytes in it: what was found in it when it was claimed, and what was written since. */
  readonly bytes: number
  /** The bytes from a position on, at most `into.length`; 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Appends all the bytes. They must not change before it settles. Calls do not overlap. */
  write(bytes: Uint8Array): Promise<void>
  /** Throws away all that is in it. Does not overlap with `write`. Rejects with `ERR_FAKESSH_CLOSED` once it is being committed, kept or discarded. */
  restart(): Promise<void>
  /**
   * Puts the file in the place of the target, at once and whole. When it rejects, the staged file is gone and the target is untouched,
   * unless all that failed was the last step of `fsync`. To be called once.
   */
  commit(options?: CommitOptions): Promise<void>
  /** Removes the file, after whatever is running; does nothing once committed. Idempotent; never rejects. */
  discard(): Promise<void>
  /**
   * Leaves it for `claimStaged`, after whatever is running. Without a `resumeKey`, or when it is empty, it is discarded: undefined. Does
   * nothing once committed or discarded. Never rejects.
   */
  keep(): Promise<KeptFile | undefined>
}

/** A staged file that nobody works on. */
export interface KeptFile {
  /** Names it on this machine, whatever root it was found below. Not to be told to a peer. */
  readonly id: string
  /** Where it is: below the root, without a leading `/`; the root itself is empty. */
  readonly directory: string
  /** What there is of it; undefined once it was claimed or removed. Never rejects. */
  look(): Promise<{ readonly bytes: number; readonly updatedAtMs: number } | undefined>
  /** Removes it, unless it was claimed. Never rejects. */
  remove(): Promise<void>
}

/**
 * Storage addressed by paths as a peer or caller wrote them. Errors are `FakeSshError`s with the POSIX code, or
 * `ERR_FAKESSH_INVALID_PATH`, `ERR_FAKESSH_OUTSIDE_ROOT`, `ERR_FAKESSH_NOT_A_FILE`; their text names only that path.
 */
export interface FileSystem {
  stat(path: string): Promise<PathFacts>
  openSource(path: string, part?: FilePart): Promise<SourceFile>
  createStaged(path: string, options?: StageOptions): Promise<StagedFile>
  /**
   * Takes over what an earlier attempt at the same target with the same `resumeKey` left, if nobody else works on it; for one caller only.
   * Undefined when there is nothing. Looks through the directory of the target.
   */
  claimStaged(path: string, options: ClaimOptions): Promise<StagedFile | undefined>
  /**
   * Every staged file whose process has died or has kept it, one directory after the other, as far as a bounded search gets. Throws at its
   * end with `ERR_FAKESSH_LIMIT` when that was not all.
   */
  leftovers(signal: AbortSignal): AsyncIterable<KeptFile>
}
