import { expect, test } from 'vitest'
import { credentialFrom } from '../../../src/auth/credential.js'
import { establish } from '../../../src/client/establish.js'
import { type Connect, Link } from '../../../src/client/link.js'
import { reconnectPolicy } from '../../../src/client/reconnect-options.js'
import type { Connection } from '../../../src/connection/connection.js'
import { ConnectionError } from '../../../src/errors.js'
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
