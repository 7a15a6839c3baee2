/** One client of a server: lets it in, decides about each operation it opens, and tells the server what happens. */
import { posix } from 'node:path'
import { attemptFrom } from '../auth/auth-attempt.js'
import type { UserDirectory } from '../auth/users.js'
import type { IncomingOpen } from '../connection/channel-handler.js'
import { Connection } from '../connection/connection.js'
import { ConnectionError, ERROR_CODES, FakeSshError } from '../errors.js'
import { escapeText } from '../escape.js'
import type { CommandTable } from '../exec/command-context.js'
import type { Environment } from '../exec/environment.js'
import { serveExec } from '../exec/exec-server.js'
import { serveDurableExec } from '../exec/jobs/durable-exec-server.js'
import { parseAttachParams } from '../exec/jobs/job-messages.js'
import { type JobRequest, type JobServerDeps, serveAttach, serveJobs } from '../exec/jobs/job-server.js'
import type { JobTable } from '../exec/jobs/job-table.js'
import { type ExecTarget, parseExecParams, parseSessionParams } from '../exec/messages.js'
import { decideExec } from '../exec/permission.js'
import { SessionRegistry, serveSession } from '../exec/session-server.js'
import type { DigestTurns } from '../files/digest-turns.js'
import { serveGet } from '../files/get-server.js'
import { LocalDisk } from '../files/local-disk.js'
import { PathResolver } from '../files/local-disk-resolve.js'
import { parseTransferPath } from '../files/messages.js'
import { servePut } from '../files/put-server.js'
import type { UploadTable } from '../files/upload-table.js'
import type { AuthenticatedUser } from '../options.js'
import type { AuthRequest } from '../protocol/messages.js'
import type { Transport } from '../transport/transport.js'
import { type AuthorizeHook, requireAuthorized } from './authorization.js'
import { execObserver, transferObserver } from './observers.js'
import { RunningWork } from './running-work.js'
import type { EmitServerEvent, ServerEventContext } from './server-events.js'
import type { CheckedLimits } from './server-options.js'

/** What a served connection needs of its server. */
export interface ServedConnectionDeps {
  readonly directory: UserDirectory
  readonly authorize: AuthorizeHook | undefined
  readonly commands: CommandTable
  readonly baseEnvironment: Environment
  readonly shell: string
  readonly limits: CheckedLimits
  readonly uploads: UploadTable
  readonly jobs: JobTable
  readonly digests: DigestTurns
  readonly keepaliveIntervalMs: number
  readonly agent: string
  readonly instance: string
  readonly emit: EmitServerEvent
  /** It no longer counts as a stranger. */
  onAuthenticated(): void
  onEnded(): void
}

/** What a user may touch: made once, when the user is let in. */
interface Admitted {
  readonly user: AuthenticatedUser
  /** Undefined when the user has no root: no file operations. */
  readonly disk: LocalDisk | undefined
  /** Directories commands can start in; without a root, those below the server's own working directory. */
  readonly directories: PathResolver
}

export class ServedConnection {
  readonly connection: Connection
  readonly #deps: ServedConnectionDeps
  readonly #transport: Transport
  readonly #connectionId: number
  readonly #sessions = new SessionRegistry()
  readonly #work = new RunningWork()
  #admitted: Admitted | undefined

  constructor(transport: Transport, connectionId: number, deps: ServedConnectionDeps) {
    this.#deps = deps
    this.#transport = transport
    this.#connectionId = connectionId
    const { limits, keepaliveIntervalMs, agent, instance } = deps
    this.connection = new Connection(
      transport,
      { role: 'server', agent, instance, keepaliveIntervalMs, ...limits },
      {
        onAuthenticate: (request) => this.#authenticate(request),
        onOpened: () => {
          deps.onAuthenticated()
          deps.emit('authenticated', this.#context)
        },
        onOpen: (open) => void this.#work.during(this.#serve(open)),
        onEnded: (error) => {
          deps.onEnded()
          deps.emit('disconnect', { ...this.#context, error })
        },
        onInternalError: (error) => deps.emit('fault', { error, context: this.#context }),
      },
    )
    deps.emit('connection', this.#context)
  }

  /** Settles when nothing of what this client started is left, or the time is over. */
  idle(limitMs: number): Promise<void> {
    return this.#work.idle(limitMs)
  }

  get #context(): ServerEventContext {
    return { connectionId: this.#connectionId, peer: this.#transport.peer, user: this.#admitted?.user.name }
  }

  async #authenticate(request: AuthRequest): Promise<boolean> {
    const user = await this.#deps.directory.verify(attemptFrom(request, this.#transport))
    if (user === undefined) {
      const error = new ConnectionError('ERR_FAKESSH_AUTH_FAILED', 'the user or the credential was refused')
      this.#deny('authenticate', request.user, error)
      return false
    }
    const { root, readOnly } = user
    if (root !== undefined && readOnly !== true) this.#deps.uploads.sweep(root, new LocalDisk(root))
    this.#admitted = {
      user,
      disk: user.root === undefined ? undefined : new LocalDisk(user.root),
      directories: new PathResolver(user.root ?? process.cwd()),
    }
    return true
  }

  /** Every operation passes here: permission, then the authorize hook, then the work. Never rejects. */
  async #serve(open: IncomingOpen): Promise<void> {
    const admitted = this.#admitted
    try {
      if (admitted === undefined) throw new FakeSshError('ERR_FAKESSH_DENIED', 'not authenticated')
      if (open.kind === 'exec') await this.#exec(open, admitted)
      else if (open.kind === 'attach') await this.#attach(open, admitted)
      else if (open.kind === 'jobs') serveJobs(open, this.#jobDeps(admitted))
      else if (open.kind === 'session') await this.#session(open, admitted)
      else if (open.kind === 'get' || open.kind === 'put') await this.#transfer(open, open.kind, admitted)
      else
        throw new FakeSshError('ERR_FAKESSH_UNSUPPORTED', `this server knows no '${escapeText(open.kind)}'`)
    } catch (error) {
      this.#refuse(open, error)
    }
  }

  async #exec(open: IncomingOpen, admitted: Admitted): Promise<void> {
    const { user, directories } = admitted
    const params = parseExecParams(open.params)
    const { target, cwd } = params
    const job = params.job && { ...params.job, arrival: this.#deps.jobs.nextArrival() }
    const isRunning = job !== undefined && this.#deps.jobs.has(user.name, job.id)
    if (isRunning) return await serveAttach(open, job.id, job, this.#jobDeps(admitted))
    const decision = decideExec(user.exec, target, this.#deps.commands)
    if ('deny' in decision) throw new FakeSshError('ERR_FAKESSH_DENIED', decision.deny)
    const envNames = params.env.map(([name]) => name)
    const at = cwd === undefined ? undefined : await placeOf(directories, 'get', cwd)
    await this.#authorize({ op: 'exec', ...target, durable: job && true, cwd: at, envNames }, user)
    const observer = execObserver(this.#deps.emit, this.#context)
    const { shell, commands, jobs } = this.#deps
    const deps = { ...this.#sessionDeps(user, directories), user: user.name, shell, commands }
    if (job === undefined)
      await serveExec(open, params, decision, { ...deps, observer: this.#work.counting(observer) })
    else {
      const onFault = (error: unknown) => this.#deps.emit('fault', { error, context: this.#context })
      await serveDurableExec(open, { ...params, job }, decision, { ...deps, jobs, observer, onFault })
    }
  }

  async #attach(open: IncomingOpen, admitted: Admitted): Promise<void> {
    const params = parseAttachParams(open.params)
    const request = { ...params, arrival: this.#deps.jobs.nextArrival() }
    await serveAttach(open, params.job, request, this.#jobDeps(admitted))
  }

  /** Throws `ERR_FAKESSH_DENIED` for a user who may not run commands. */
  #jobDeps({ user }: Admitted): JobServerDeps {
    requireSomeExec(user)
    return {
      jobs: this.#deps.jobs,
      user: user.name,
      authorize: (request) => this.#authorize(asAuthorizeRequest(request), user),
    }
  }

  async #session(open: IncomingOpen, { user, directories }: Admitted): Promise<void> {
    requireSomeExec(user)
    const { cwd, env } = parseSessionParams(open.params)
    const at = cwd === undefined ? undefined : await placeOf(directories, 'get', cwd)
    await this.#authorize({ op: 'session', cwd: at, envNames: env.map(([name]) => name) }, user)
    await serveSession(open, this.#sessionDeps(user, directories))
  }

  async #transfer(
    open: IncomingOpen,
    op: 'get' | 'put',
    { user, disk, directories }: Admitted,
  ): Promise<void> {
    const requestedPath = parseTransferPath(open.params)
    if (disk === undefined)
      throw new FakeSshError('ERR_FAKESSH_DENIED', 'this user has no root and so no files')
    if (op === 'put' && user.readOnly === true)
      throw new FakeSshError('ERR_FAKESSH_DENIED', 'this user may only read')
    const path = await placeOf(directories, op, requestedPath)
    await this.#authorize({ op, path, requestedPath }, user)
    const observe = transferObserver(this.#deps.emit, this.#context)
    const { uploads, digests } = this.#deps
    const deps = { fileSystem: disk, observe, user: user.name, uploads, digests }
    await (op === 'get' ? serveGet : servePut)(open, deps)
  }

  #authorize(request: UnattributedRequest, user: AuthenticatedUser): Promise<void> {
    return requireAuthorized(this.#deps.authorize, { ...request, user, peer: this.#transport.peer })
  }

  #sessionDeps(user: AuthenticatedUser, directories: PathResolver) {
    return {
      sessions: this.#sessions,
      baseEnvironment: this.#deps.baseEnvironment,
      allowEnv: user.allowEnv,
      exec: user.exec,
      resolveCwd: (path: string) => directories.existing(path),
      toShownPath: (real: string) => directories.shown(real),
    }
  }

  #refuse(open: IncomingOpen, error: unknown): void {
    if (!FakeSshError.is(error)) {
      this.#deps.emit('fault', { error, context: this.#context })
      open.reject('ERR_FAKESSH_INTERNAL', 'the server failed to start the operation')
      return
    }
    // A POSIX code is the answer to what was asked for, and the client is told all of it. A cause of a code of ours stays here.
    const isOurs = Object.hasOwn(ERROR_CODES, error.code)
    if (isOurs && error.cause !== undefined) {
      this.#deps.emit('fault', { error: error.cause, context: this.#context })
    }
    open.reject(error.code, error.message)
    if (error.code === 'ERR_FAKESSH_DENIED') this.#deny(open.kind, subjectOf(open), error)
  }

  #deny(op: string, subject: string | undefined, error: FakeSshError): void {
    this.#deps.emit('denied', { ...this.#context, op, subject: subject && escapeText(subject), error })
  }
}

type UnattributedRequest =
  | ({
      readonly op: 'exec'
      readonly durable: true | undefined
      readonly cwd: string | undefined
      readonly envNames: readonly string[]
    } & ExecTarget)
  | ({ readonly op: 'job'; readonly action: JobRequest['action'] } & Partial<ExecTarget>)
  | { readonly op: 'session'; readonly cwd: string | undefined; readonly envNames: readonly string[] }
  | { readonly op: 'get' | 'put'; readonly path: string; readonly requestedPath: string }

function asAuthorizeRequest(request: JobRequest): UnattributedRequest {
  return { op: 'job', action: request.action, ...('job' in request ? request.job.start.target : {}) }
}

function requireSomeExec({ exec }: AuthenticatedUser): void {
  if (exec === false || exec === undefined)
    throw new FakeSshError('ERR_FAKESSH_DENIED', 'this user may not run commands')
}

/** Where a path leads, for the authorize hook. Throws `ERR_FAKESSH_OUTSIDE_ROOT`; a path that leads nowhere stays as it reads. */
async function placeOf(directories: PathResolver, op: 'get' | 'put', path: string): Promise<string> {
  try {
    return (await directories.shownPlace(path, op === 'put')).slice(1)
  } catch (error) {
    if (FakeSshError.is(error) && error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
    return posix.normalize(`/${path}`).slice(1)
  }
}

/** What the operation was about, for the `denied` event. */
function subjectOf({ params }: IncomingOpen): string | undefined {
  const subject = params.path ?? params.command ?? params.file
  return typeof subject === 'string' ? subject : undefined
}
