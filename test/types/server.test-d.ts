// A server's options: users and what they may do, hooks, in-process commands, limits; and what it gives.
import type { Readable, Writable } from 'node:stream'
import {
  type AuthAttempt,
  type AuthorizeHook,
  type AuthorizeRequest,
  type CommandContext,
  type CommandHandler,
  type ExecPermission,
  FakeSshServer,
  type FakeSshServerOptions,
  generateToken,
  hashPassword,
  type ListenResult,
  type ServerLimits,
  type UploadInfo,
  type UserOptions,
} from 'fake-ssh'
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd'

const token = generateToken()
expectType<string>(token)
expectType<Promise<string>>(hashPassword('secret'))
expectError(generateToken(32))
expectError(hashPassword(Buffer.from('secret')))

// Users
expectAssignable<UserOptions>({ token, root: '/srv', exec: 'shell', readOnly: true, allowEnv: ['PATH'] })
expectAssignable<UserOptions>({ passwordHash: await hashPassword('secret') })
expectNotAssignable<UserOptions>({ token: 1 })
expectError(new FakeSshServer())
expectError(new FakeSshServer({ users: { a: { tokn: token } } }))
expectError(new FakeSshServer({ users: { a: { token, readonly: true } } }))
expectError(new FakeSshServer({ users: { a: { token, password: 'plain' } } }))
expectError(new FakeSshServer({ users: { a: token } }))
expectError(new FakeSshServer({ users: [{ name: 'a', token }] }))

// What a user may run
expectAssignable<ExecPermission>(false)
expectAssignable<ExecPermission>('shell')
expectAssignable<ExecPermission>('argv')
expectAssignable<ExecPermission>({ allow: ['git'] } as const)
expectNotAssignable<ExecPermission>(true)
expectNotAssignable<ExecPermission>('bash')
expectNotAssignable<ExecPermission>(['git'])
expectNotAssignable<ExecPermission>({ deny: ['rm'] })
expectNotAssignable<ExecPermission>({ allow: 'git' })

// authenticate
new FakeSshServer({
  authenticate: (attempt) => {
    expectType<AuthAttempt>(attempt)
    expectType<string | undefined>(attempt.token)
    return attempt.method === 'token' ? { root: '/', exec: { allow: ['app:status'] } } : undefined
  },
})
new FakeSshServer({ authenticate: async () => null })
expectError(new FakeSshServer({ authenticate: () => true }))
expectError(new FakeSshServer({ authenticate: () => ({ exec: 'everything' }) }))

// authorize: narrowed by `op`
const hook: AuthorizeHook = (request) => {
  expectType<AuthorizeRequest>(request)
  if (request.op === 'exec') {
    expectType<string | undefined>(request.command)
    expectType<readonly string[] | undefined>(request.args)
    expectType<readonly string[]>(request.envNames)
    expectType<boolean | undefined>(request.durable)
    expectError(request.path)
    // @ts-expect-error read-only
    request.user.exec = 'shell'
  } else if (request.op === 'session') {
    expectError(request.command)
  } else if (request.op === 'job') {
    expectType<'attach' | 'signal' | 'forget' | 'list'>(request.action)
    expectType<string | undefined>(request.command)
    expectError(request.path)
  } else {
    expectType<'get' | 'put'>(request.op)
    expectType<string>(request.path)
    return { deny: 'no files today' }
  }
  return request.user.name === 'root'
}
expectAssignable<FakeSshServerOptions>({ authorize: hook })
expectAssignable<AuthorizeHook>(async () => true)
expectError(new FakeSshServer({ authorize: () => 'yes' }))
expectError(new FakeSshServer({ authorize: () => {} }))
expectError(new FakeSshServer({ authorize: () => ({ reason: 'no' }) }))
// @ts-expect-error there is no such operation
new FakeSshServer({ authorize: ({ op }) => op === 'delete' })

// In-process commands
expectAssignable<CommandHandler>(() => 0)
expectAssignable<CommandHandler>(async () => {})
expectAssignable<CommandHandler>(({ stdout }) => void stdout.write('text'))
expectNotAssignable<CommandHandler>(() => 'text')
expectNotAssignable<CommandHandler>((_: string) => 0)
new FakeSshServer({
  commands: {
    'app:status': (context) => {
      expectType<CommandContext>(context)
      expectType<Readable>(context.stdin)
      expectType<Writable>(context.stdout)
      expectType<AbortSignal>(context.signal)
      expectType<readonly string[]>(context.args)
      expectType<string>(context.user)
      // @ts-expect-error read-only
      context.env.PATH = '/'
      expectError(context.args.push('x'))
    },
  },
})

// Limits and the rest
expectAssignable<ServerLimits>({
  maxChannels: 1,
  maxConnections: 1,
  maxUnauthenticated: 1,
  maxFrameBytes: 1024,
})
expectError(new FakeSshServer({ limits: { maxChannel: 1 } }))
expectAssignable<FakeSshServerOptions>({ limits: { uploadExpiryMs: 1_000 } })
expectError(new FakeSshServer({ limits: { handshakeTimeoutMs: '10s' } }))
expectError(new FakeSshServer({ port: 7022 }))
expectError(new FakeSshServer({ tls: { key: 'pem' } }))
expectError(new FakeSshServer({ env: { A: undefined } }))
expectAssignable<FakeSshServerOptions>({ tls: { key: 'pem', cert: Buffer.from('pem') }, shell: '/bin/bash' })

// What it gives
declare const server: FakeSshServer
expectType<Promise<ListenResult>>(server.listen())
expectType<Promise<ListenResult>>(server.listen({ port: 0, host: '127.0.0.1' }))
expectType<Promise<ListenResult>>(server.listen({ path: '/run/app.sock' }))
expectError(server.listen(7022))
expectError(server.listen({ prot: 7022 }))
expectError(server.listen({ port: '7022' }))
const listening = await server.listen()
expectType<string>(listening.host)
expectType<number>(listening.port)
expectType<string | undefined>(listening.fingerprint)
// @ts-expect-error read-only
listening.port = 1
expectType<string>(server.connectionString('deploy'))
expectType<string>(server.connectionString('deploy', { host: 'app.example' }))
expectError(server.connectionString())
expectError(server.connectionString('deploy', { port: 1 }))
expectType<Promise<void>>(server.close())
expectType<Promise<void>>(server.close({ drainMs: 0 }))
expectError(server.close({ timeoutMs: 0 }))
expectAssignable<AsyncDisposable>(server)
// @ts-expect-error serving a transport is for this package's own testing entry
server.serve

// Uploads that can be resumed
declare const listing: FakeSshServer
expectType<Promise<UploadInfo[]>>(listing.uploads())
expectType<string | undefined>((await listing.uploads())[0]?.user)

// Limits of durable execs
new FakeSshServer({ limits: { maxJobs: 1, jobMemoryBytes: 4096, jobSpillBytes: 0, jobExpiryMs: 1 } })
expectError(new FakeSshServer({ limits: { maxJobs: '1' } }))
