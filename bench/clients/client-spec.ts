/** How a client process is told whom to be, in what IPC can carry, and the client that comes of it. */
import type { FileClient, LibraryClient } from './remote-client.js'

export interface FakeSshSpec {
  readonly kind: 'fake-ssh'
  readonly port: number
  readonly user: string
  readonly token: string
  /** Use `download()` and `upload()` instead of piping `get()` and `put()` to files. */
  readonly usesPaths?: boolean
}

export interface Ssh2Spec {
  readonly kind: 'ssh2'
  readonly port: number
  readonly user: string
  /** File of the private key. Without it, anything is taken for a password. */
  readonly keyFile?: string
  /** Absolute path that names of remote files are relative to. */
  readonly root: string
  /** `setNoDelay(true)`, which ssh2 leaves out. Default false. */
  readonly hasNoDelay?: boolean
}

/** Argument vectors. `{local}` and `{remote}` stand for the paths; the command line is the last argument of `exec`. */
export interface CommandSpec {
  readonly kind: 'command'
  readonly exec?: readonly string[]
  readonly get?: readonly string[]
  readonly put?: readonly string[]
}

export type ClientSpec = FakeSshSpec | Ssh2Spec | CommandSpec

export async function connectLibrary(spec: FakeSshSpec | Ssh2Spec): Promise<LibraryClient> {
  // Only what is used is loaded: the libraries' own memory is part of what is measured.
  if (spec.kind === 'fake-ssh') {
    const { FakeSshRemote } = await import('./fake-ssh-remote.js')
    return FakeSshRemote.connect(spec)
  }
  const { Ssh2Remote } = await import('./ssh2-remote.js')
  return Ssh2Remote.connect(spec)
}

export async function connectClient(spec: ClientSpec): Promise<FileClient | LibraryClient> {
  if (spec.kind !== 'command') return connectLibrary(spec)
  const { CommandRemote } = await import('./command-remote.js')
  return new CommandRemote(spec)
}
