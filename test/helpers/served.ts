/**
 * A whole server with a directory of its own, and clients of it over memory, TLS or a unix socket, as an application would use
 * them. Whatever a test did with it: at its end no process, no temporary file and no unexplained fault is left.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { credentialFrom } from '../../src/auth/credential.js'
import {
  type ConnectStringOptions,
  FakeSshClient,
  FakeSshServer,
  type FakeSshServerEvents,
  type FakeSshServerOptions,
  generateToken,
  type UserOptions,
} from '../../src/index.js'
import { memoryPair } from '../../src/transport/memory-pair.js'
import type { Transport } from '../../src/transport/transport.js'
import { MARK, markedProcesses } from './marked-processes.js'
import { until } from './processes.js'

export const TRANSPORTS = ['memory', 'tls', 'unix'] as const
type TransportKind = (typeof TRANSPORTS)[number]

export interface ServedOptions extends Omit<FakeSshServerOptions, 'users'> {
  /** Permissions of the user `test`; default: everything in a fresh root. */
  readonly user?: Partial<UserOptions> | undefined
  readonly users?: FakeSshServerOptions['users']
  readonly transport?: TransportKind | undefined
  /** The test looks at the faults itself. */
  readonly expectsFaults?: boolean | undefined
  /** Parts of transfers are left at the end, to be resumed. */
  readonly keepsParts?: boolean | undefined
}

type ServerEventName = keyof FakeSshServerEvents
type EventOf<Name extends ServerEventName> = Parameters<FakeSshServerEvents[Name]>[0]

const EVENT_NAMES = [
  'connection',
  'authenticated',
  'exec',
  'transfer',
  'progress',
  'checksum',
  'disconnect',
  'denied',
  'fault',
] as const satisfies readonly ServerEventName[]

export interface Served {
  readonly server: FakeSshServer
  readonly token: string
  /** The root of the user `test`; its real path. */
  readonly root: string
  /** A directory beside it, for local paths. */
  readonly local: string
  /** Everything the server emitted, by name, in order. */
  events<Name extends ServerEventName>(name: Name): EventOf<Name>[]
  /** The names of everything the server emitted, in order. */
  readonly eventNames: readonly ServerEventName[]
  /** A client of the user `test`. Closed when the test has finished. */
  connect(options?: ConnectStringOptions): Promise<FakeSshClient>
  /** A client over a transport of the test's own, whose other end the server is to serve. */
  connectOver(
    transports: readonly [dialer: Transport, listener: Transport],
    options?: ConnectOverOptions,
  ): Promise<FakeSshClient>
  /** Processes that the server's commands started and that still run. */
  running(): number[]
  /** Temporary files of transfers, in the root and in the local directory. */
  leftovers(): string[]
  /** Closes everything, and checks that nothing is left. Done at the end of the test in any case. */
  finish(): Promise<void>
}

export interface ConnectOverOptions {
  readonly keepaliveIntervalMs?: number
  readonly connectTimeoutMs?: number
  readonly token?: string
}

export async function served(options: ServedOptions = {}): Promise<Served> {
  const {
    user,
    users,
    transport = 'memory',
    expectsFaults = false,
    keepsParts = false,
    ...serverOptions
  } = options
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'served-')))
  const [root, local] = [join(base, 'root'), join(base, 'local')]
  mkdirSync(root)
  mkdirSync(local)
  const token = generateToken()
  const mark = randomUUID()
  const server = new FakeSshServer({
    ...serverOptions,
    users: { test: { token, root, exec: 'shell', ...user }, ...users },
    env: { ...serverOptions.env, [MARK]: mark },
  })
  const seen: { readonly name: ServerEventName; readonly event: unknown }[] = []
  for (const name of EVENT_NAMES) server.on(name, (event: unknown) => seen.push({ name, event }))
  if (transport === 'tls') await server.listen()
  if (transport === 'unix') await server.listen({ path: join(base, 'socket') })

  const clients: FakeSshClient[] = []
  const connectOver: Served['connectOver'] = async ([dialer, listener], more = {}) => {
    server.serve(listener)
    const credential = credentialFrom({ user: 'test', token: more.token ?? token }, 'plain')
    const client = await FakeSshClient.connectOver(dialer, credential, more)
    clients.push(client)
    return client
  }
  const leftovers = () =>
    // By entries: only so are links not followed.
    readdirSync(base, { recursive: true, encoding: 'utf8', withFileTypes: true })
      .map(({ name }) => name)
      .filter((name) => name.endsWith('.part'))
  let finishing: Promise<void> | undefined
  const finish = async () => {
    await Promise.all([
      ...clients.map((client) => client.close({ drainMs: 0 })),
      server.close({ drainMs: 0 }),
    ])
    await until(() => markedProcesses(mark).length === 0 && (keepsParts || leftovers().length === 0))
    rmSync(base, { recursive: true, force: true })
    const faults = seen.filter(({ name }) => name === 'fault').map(({ event }) => event)
    if (!expectsFaults) expect(faults).toEqual([])
  }
  const self: Served = {
    server,
    token,
    root,
    local,
    events: <Name extends ServerEventName>(name: Name) =>
      seen.filter((one) => one.name === name).map(({ event }) => event as EventOf<Name>),
    get eventNames() {
      return seen.map(({ name }) => name)
    },
    connect: async (more) => {
      if (transport === 'memory') return connectOver(memoryPair(), more as ConnectOverOptions)
      const client = await FakeSshClient.connect(server.connectionString('test'), more)
      clients.push(client)
      return client
    },
    connectOver,
    running: () => markedProcesses(mark),
    leftovers,
    finish: () => {
      finishing ??= finish()
      return finishing
    },
  }
  onTestFinished(() => self.finish())
  return self
}
