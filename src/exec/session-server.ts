/** The server half of sessions (docs/protocol.md, 7.2): which are open on a connection, and what each holds. */
import type { ChannelHandler, IncomingOpen } from '../connection/channel-handler.js'
import type { ExecPermission } from '../options.js'
import { type Environment, mergeEnvironment } from './environment.js'
import { parseSessionParams } from './messages.js'
import { rejectOpen } from './reject-open.js'
import type { SessionState } from './session-shell.js'

/** The open sessions of one connection, by channel id. Ids are never used twice on a connection. */
export class SessionRegistry {
  readonly #sessions = new Map<number, SessionState>()

  get size(): number {
    return this.#sessions.size
  }

  get(id: number): SessionState | undefined {
    return this.#sessions.get(id)
  }

  /** Opens a session, or moves it to another state. */
  set(id: number, state: SessionState): void {
    this.#sessions.set(id, state)
  }

  /** As `set`, unless the session has been closed meanwhile. */
  update(id: number, state: SessionState): void {
    if (this.#sessions.has(id)) this.#sessions.set(id, state)
  }

  delete(id: number): void {
    this.#sessions.delete(id)
  }
}

/** What {@link serveSession} needs of its connection. */
export interface SessionServerDeps {
  readonly sessions: SessionRegistry
  readonly baseEnvironment: Environment
  readonly allowEnv?: readonly string[] | undefined
  /** What the user may run: with `{ allow }` the client may set few variables (environment-refusals.ts). */
  readonly exec?: ExecPermission | undefined
  /** The directory for a path as a client writes it. Rejects with a FakeSshError (ENOENT, ENOTDIR, …). */
  resolveCwd(path: string): Promise<string>
  /** The path a client would write for a directory; undefined when it is outside the client's root. */
  toShownPath(real: string): string | undefined
}

/** Answers the OPEN of a session. The caller has checked that the user may run commands. Never rejects. */
export async function serveSession(open: IncomingOpen, deps: SessionServerDeps): Promise<void> {
  const { channel } = open
  try {
    const params = parseSessionParams(open.params)
    const cwd = await deps.resolveCwd(params.cwd ?? '/')
    const { env, refused } = mergeEnvironment(deps.baseEnvironment, params.env, deps.allowEnv, deps.exec)
    const handler: ChannelHandler = {
      onData() {},
      onEof() {},
      // It only holds something for execs, and the connection waits for its channels before it closes.
      onDraining() {
        channel.close()
      },
      onClosed() {
        deps.sessions.delete(channel.id)
        channel.close()
      },
    }
    if (open.signal.aborted) return rejectOpen(open)
    deps.sessions.set(channel.id, { cwd, env })
    open.accept({ cwd: deps.toShownPath(cwd) ?? cwd, refusedEnv: refused }, [], handler)
  } catch (error) {
    deps.sessions.delete(channel.id)
    rejectOpen(open, error)
  }
}
