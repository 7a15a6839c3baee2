import { expect, test } from 'vitest'
import { credentialFrom } from '../../../src/auth/credential.js'
import { establish } from '../../../src/client/establish.js'
import { type Connect, Link, type LinkEvents } from '../../../src/client/link.js'
import { reconnectPolicy } from '../../../src/client/reconnect-options.js'
import type { Connection } from '../../../src/connection/connection.js'
import { ConnectionError, FakeSshError } from '../../../src/errors.js'
import { memoryPair } from '../../../src/transport/memory-pair.js'
import { served } from '../../helpers/served.js'
import { until } from '../../helpers/until.js'

const QUIET = { disconnect() {}, reconnecting() {}, reconnect() {}, fault() {} }

test('a connection that is established in the turn in which the client is closed is closed too', async () => {
  const all = await served()
  const credential = credentialFrom({ user: 'test', token: all.token }, 'plain')
  const established: Connection[] = []
  let release: () => void = () => {}
  const isHeld = new Promise<void>((resolve) => {
    release = resolve
  })
  const connect: Connect = async (hooks) => {
    const [dialer, listener] = memoryPair()
    all.server.serve(listener)
    const connection = await establish(dialer, credential, {}, hooks)
    established.push(connection)
    if (established.length > 1) await isHeld
    return connection
  }
  const link = new Link(connect, reconnectPolicy({ minDelayMs: 1 }), QUIET)
  await link.start()
  link.connection.destroy(new ConnectionError('ERR_FAKESSH_CONNECTION_LOST', 'cut'))
  await until(() => established.length === 2)
  release()
  await link.close(0)
  expect(established.map(({ isEnded }) => isEnded)).toEqual([true, true])
  await all.finish()
})

test('a server that drops everybody at once is given up in the time that there is for one that is not there', async () => {
  const all = await served()
  const credential = credentialFrom({ user: 'test', token: all.token }, 'plain')
  const cut = new ConnectionError('ERR_FAKESSH_CONNECTION_LOST', 'cut')
  let connections = 0
  const connect: Connect = async (hooks) => {
    const [dialer, listener] = memoryPair()
    all.server.serve(listener)
    const connection = await establish(dialer, credential, {}, hooks)
    connections += 1
    setImmediate(() => connection.destroy(cut))
    return connection
  }
  const policy = reconnectPolicy({ minDelayMs: 50, maxDelayMs: 50, giveUpAfterMs: 1_000 })
  const end = await new Promise((resolve) => {
    const disconnect: LinkEvents['disconnect'] = ({ error, willReconnect }) => willReconnect || resolve(error)
    void new Link(connect, policy, { ...QUIET, disconnect }).start()
  })
  expect(end).toMatchObject({ code: 'ERR_FAKESSH_CONNECT_FAILED' })
  expect(connections).toBeGreaterThan(1)
  await all.finish()
})

test('of what a peer says of an OPEN only that it is leaving is a reason to ask on another connection', () => {
  const connect: Connect = () => Promise.reject(new Error('not now'))
  const link = new Link(connect, reconnectPolicy(true), QUIET)
  const recoverable = (code: string) => [
    link.isRecoverable(new ConnectionError(code, 'ours')),
    link.isRecoverable(new FakeSshError(code, "the peer's")),
  ]
  expect(recoverable('ERR_FAKESSH_CONNECTION_LOST')).toEqual([true, false])
  expect(recoverable('ERR_FAKESSH_NOT_STARTED')).toEqual([true, false])
  expect(recoverable('ERR_FAKESSH_SHUTDOWN')).toEqual([true, true])
  expect(recoverable('ERR_FAKESSH_CLOSED')).toEqual([false, false])
})
