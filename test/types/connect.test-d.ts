// What connect() takes, and what a client is before it does anything.
import { type ConnectOptions, type ConnectStringOptions, FakeSshClient } from 'fake-ssh'
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd'

const token = 'x'.repeat(43)

// By options
expectType<Promise<FakeSshClient>>(FakeSshClient.connect({ host: 'h', port: 7022, user: 'u', token }))
expectType<Promise<FakeSshClient>>(FakeSshClient.connect({ path: '/run/app.sock', user: 'u', token }))
expectType<Promise<FakeSshClient>>(
  FakeSshClient.connect({ port: 1, user: 'u', password: 'p', fingerprint: 'SHA256:…' }),
)
expectAssignable<ConnectOptions>({ port: 1, user: 'u', ca: ['pem', Buffer.from('pem')], servername: 'name' })
expectAssignable<ConnectOptions>({ port: 1, user: 'u', connectTimeoutMs: 1, keepaliveIntervalMs: 1 })
expectAssignable<ConnectOptions>({ port: 1, user: 'u', signal: AbortSignal.timeout(1) })
expectAssignable<ConnectOptions>({ port: 1, user: 'u', reconnect: true })
expectAssignable<ConnectStringOptions>({
  reconnect: { minDelayMs: 1, maxDelayMs: 2, giveUpAfterMs: undefined },
})
expectNotAssignable<ConnectOptions>({ port: 1, user: 'u', reconnect: { retries: 3 } })

// By a connection string, which says where and who
expectType<Promise<FakeSshClient>>(FakeSshClient.connect('fakessh://u:t@h:1'))
expectType<Promise<FakeSshClient>>(FakeSshClient.connect('fakessh://u:t@h:1', { connectTimeoutMs: 1 }))
expectNotAssignable<ConnectStringOptions>({ host: 'other' })
expectError(FakeSshClient.connect('fakessh://u:t@h:1', { port: 1 }))
expectError(FakeSshClient.connect('fakessh://u:t@h:1', { token }))

// A missing user, wrong types and mistyped names do not compile
expectError(FakeSshClient.connect({ host: 'h', port: 1, token }))
expectError(FakeSshClient.connect({ port: '7022', user: 'u', token }))
expectError(FakeSshClient.connect({ port: 1, user: 'u', tokn: token }))
expectError(FakeSshClient.connect({ port: 1, user: 'u', timeout: 1 }))
expectError(FakeSshClient.connect({ port: 1, user: 'u', rejectUnauthorized: false }))
expectError(FakeSshClient.connect())

// What may be undefined may be given as undefined, also under exactOptionalPropertyTypes
expectAssignable<ConnectOptions>({
  port: 1,
  user: 'u',
  token: undefined,
  fingerprint: undefined,
  ca: undefined,
})

// A client is made by connecting, and only so
// @ts-expect-error the constructor is private
new FakeSshClient()
// @ts-expect-error connecting over a transport is for this package's own testing entry
FakeSshClient.connectOver

declare const client: FakeSshClient
expectType<string>(client.host)
expectType<boolean>(client.isConnected)
expectType<number>(client.pendingOperations)
expectType<Promise<void>>(client.close())
expectType<Promise<void>>(client.close({ drainMs: 0 }))
expectError(client.close(5_000))
expectError(client.close({ drain: 0 }))
expectAssignable<AsyncDisposable>(client)

// Nothing of it can be assigned
// @ts-expect-error read-only
client.isConnected = false
// @ts-expect-error read-only
client.host = 'other'
// @ts-expect-error read-only
client.pendingOperations = 0
