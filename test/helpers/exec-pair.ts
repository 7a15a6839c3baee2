/** A client and a server that serves exec and sessions in a fresh directory, over an in-memory connection. */
import { mkdtemp, realpath, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { onTestFinished } from 'vitest'
import type { IncomingOpen } from '../../src/connection/channel-handler.js'
import { FakeSshError } from '../../src/errors.js'
import { type ClientSession, openSession } from '../../src/exec/client-session.js'
import { type CommandHandler, commandTable } from '../../src/exec/command-context.js'
import { baseEnvironment } from '../../src/exec/environment.js'
import { type ExecArguments, parseExecArguments } from '../../src/exec/exec-arguments.js'
import { ExecChannelProcess } from '../../src/exec/exec-channel-process.js'
import type { ExecEnd, ExecStart } from '../../src/exec/exec-observer.js'
import type { SessionOptions } from '../../src/exec/exec-options.js'
import type { ExecProcess } from '../../src/exec/exec-process.js'
import { type ExecServerDeps, serveExec } from '../../src/exec/exec-server.js'
import { parseExecParams } from '../../src/exec/messages.js'
import { decideExec } from '../../src/exec/permission.js'
import { type RunOptions, type RunResult, run } from '../../src/exec/run.js'
import { SessionRegistry, serveSession } from '../../src/exec/session-server.js'
import type { ExecPermission } from '../../src/options.js'
import { type ConnectionPair, connectionPair } from './connection-pair.js'

export interface ExecPairOptions {
  readonly permission?: ExecPermission
  readonly commands?: { readonly [name: string]: CommandHandler }
  readonly env?: { readonly [name: string]: string }
  readonly deps?: Partial<ExecServerDeps>
  readonly onOpen?: (open: IncomingOpen) => void
}

export interface ExecPair {
  readonly pair: ConnectionPair
  /** The directory that is `/` for the client. */
  readonly root: string
  readonly sessions: SessionRegistry
  readonly started: ExecStart[]
  readonly ended: { readonly start: ExecStart; readonly end: ExecEnd }[]
  readonly failed: unknown[]
  /** Resolves when as many execs have ended at the server. */
  untilEnded(count: number): Promise<void>
  exec(...args: ExecArguments): ExecProcess
  run(...args: ExecArguments<RunOptions>): Promise<RunResult>
  session(options?: SessionOptions): Promise<ClientSession>
}

/** Closed, and its directory removed, when the test has finished. */
export async function execPair(options: ExecPairOptions = {}): Promise<ExecPair> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'exec-')))
  const shell = '/bin/sh'
  const sessions = new SessionRegistry()
  const started: ExecStart[] = []
  const ended: { start: ExecStart; end: ExecEnd }[] = []
  const failed: unknown[] = []
  let onEnded: () => void = () => {}
  const deps: ExecServerDeps = {
    user: 'test',
    shell,
    sessions,
    exec: options.permission ?? 'shell',
    commands: commandTable(options.commands),
    baseEnvironment: baseEnvironment(shell, options.env),
    resolveCwd: (path) => resolveIn(root, path),
    toShownPath: (real) => shownIn(root, real),
    observer: {
      onStarted: (start) => started.push(start),
      onEnded: (start, end) => {
        ended.push({ start, end })
        onEnded()
      },
      onFailed: (_target, error) => failed.push(error),
    },
    ...options.deps,
  }
  const serve = (open: IncomingOpen) => {
    if (open.kind === 'session') return void serveSession(open, deps)
    try {
      const params = parseExecParams(open.params)
      const decision = decideExec(options.permission ?? 'shell', params.target, deps.commands)
      if ('deny' in decision) open.reject('ERR_FAKESSH_DENIED', decision.deny)
      else void serveExec(open, params, decision, deps)
    } catch (error) {
      open.reject((error as FakeSshError).code, (error as FakeSshError).message)
    }
  }
  const pair = await connectionPair({ onOpen: options.onOpen ?? serve })
  onTestFinished(async () => {
    await pair.close()
    await rm(root, { recursive: true, force: true })
  })
  const exec = (...args: ExecArguments) => new ExecChannelProcess(pair.client, parseExecArguments(args))
  return {
    pair,
    root,
    sessions,
    started,
    ended,
    failed,
    exec,
    untilEnded: (count) =>
      new Promise((resolve) => {
        onEnded = () => {
          if (ended.length >= count) resolve()
        }
        onEnded()
      }),
    run: (...args) => run(exec, args) as Promise<RunResult>,
    session: (sessionOptions) => openSession(pair.client, sessionOptions),
  }
}

async function resolveIn(root: string, path: string): Promise<string> {
  try {
    const real = await realpath(join(root, path))
    if (!(await stat(real)).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' })
    return real
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'EIO'
    throw new FakeSshError(code, `the working directory '${path}' cannot be used: ${code}`)
  }
}

function shownIn(root: string, real: string): string | undefined {
  const path = relative(root, real)
  return path.startsWith('..') ? undefined : `/${path}`
}
