/**
 * What the workloads need of a client, so that every contender runs through the very same loops. Names of remote files are relative to
 * the directory that is served; local paths are absolute.
 */
export interface RemoteClient {
  /** Runs a command line through the remote shell and throws its output away. Resolves with the exit code. */
  exec(command: string): Promise<number>
  close(): Promise<void>
}

/** A client that moves files. */
export interface FileClient extends RemoteClient {
  get(remote: string, local: string): Promise<void>
  put(local: string, remote: string): Promise<void>
}

/** A transfer that tells how far it is. */
export interface RunningTransfer {
  readonly done: Promise<void>
  transferredBytes(): number
}

/** A client that is a library, and so can be looked into while it works. */
export interface LibraryClient extends FileClient {
  start(direction: Direction, remote: string, local: string): Promise<RunningTransfer>
  /** Runs a command whose stdout goes to `onChunk`, and of whose stderr nothing is ever read. Resolves with the exit code. */
  stdout(command: string, onChunk: (chunk: Uint8Array) => void): Promise<number>
  /** A whole small file. */
  read(remote: string): Promise<Buffer>
  /** Starts reading a file, takes a little, and then no more. */
  stall(remote: string): Promise<void>
}

export type Direction = 'get' | 'put'
