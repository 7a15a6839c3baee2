// The fake-ssh/testing entry.
import type { FakeSshClient, FakeSshServer } from 'fake-ssh'
import { type ConnectedPair, type ConnectedPairOptions, connectedPair } from 'fake-ssh/testing'
import { expectAssignable, expectError, expectType } from 'tsd'

expectType<Promise<ConnectedPair>>(connectedPair())
expectAssignable<ConnectedPairOptions>({
  user: { root: '/', exec: 'shell', readOnly: true },
  userName: 'tester',
  commands: { greet: () => 0 },
  authorize: () => true,
  limits: { maxChannels: 1 },
})
const pair = await connectedPair()
expectType<FakeSshClient>(pair.client)
expectType<FakeSshServer>(pair.server)
expectType<Promise<void>>(pair.close())
expectAssignable<AsyncDisposable>(pair)
declare const other: FakeSshClient
// @ts-expect-error read-only
pair.client = other

// The user is one, and its credential is made
expectError(connectedPair({ users: {} }))
expectError(connectedPair({ user: { token: 'x' } }))
expectError(connectedPair({ authenticate: () => undefined }))
expectError(connectedPair({ tls: { key: '', cert: '' } }))
expectError(connectedPair({ user: { exec: true } }))
expectError(connectedPair('shell'))
