// However a connection ends, it leaves nothing behind: no timer (those that do not keep a process alive are counted too), no socket, no
// listener that grows with use.
import { createHook } from 'node:async_hooks'
import { describe, expect, test } from 'vitest'
import { ConnectionError } from '../../src/errors.js'
import { connectionPair } from '../helpers/connection-pair.js'
import { isWhole, serve, talk } from '../helpers/conversation.js'
import { rawSetup } from '../helpers/raw-peer.js'
import { WIRINGS } from '../helpers/transport-matrix.js'
import { turns, until } from '../helpers/until.js'

/** Counts timers made by the work and not yet cleared or fired when it is over. */
async function timersLeft(work: () => Promise<void>): Promise<number> {
  const alive = new Set<number>()
  const hook = createHook({
    init: (id, type) => void (type === 'Timeout' && alive.add(id)),
    destroy: (id) => void alive.delete(id),
  })
  hook.enable()
  await work()
  await turns(3)
  hook.disable()
  return alive.size
}

const enough = () => new ConnectionError('ERR_FAKESSH_CLOSED', 'enough')

describe.each(WIRINGS)('$name', ({ connect }) => {
  test.each(['close', 'destroy', 'vanish'] as const)('%s', async (how) => {
    const transports = await connect()
    const streams = transports.map(({ stream }) => stream)
    const left = await timersLeft(async () => {
      const pair = await connectionPair({ transports, onOpen: serve })
      expect(isWhole(await talk(pair.client))).toBe(true)
      if (how === 'close') await pair.client.close(1_000)
      else if (how === 'destroy') pair.client.destroy(enough())
      else transports[0].stream.destroy()
      await until(() => streams.every(({ closed }) => closed))
      expect(pair.server.isEnded && pair.client.isEnded).toBe(true)
    })
    expect(left).toBe(0)
    expect(process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')).toEqual([])
  })

  test('a thousand operations add no listener to the stream', async () => {
    const transports = await connect()
    const pair = await connectionPair({ transports, onOpen: serve })
    const count = () =>
      transports.map(({ stream }) =>
        stream.eventNames().reduce((sum, name) => sum + stream.listenerCount(name), 0),
      )
    await talk(pair.client)
    const before = count()
    for (let i = 0; i < 50; i += 1) await Promise.all(Array.from({ length: 20 }, () => talk(pair.client)))
    expect(count()).toEqual(before)
    await pair.close()
  })
})

test('a handshake that runs out of time leaves no timer either', async () => {
  const left = await timersLeft(async () => {
    const { peer, ended, connection } = rawSetup({ options: { handshakeTimeoutMs: 10 } })
    await ended
    peer.end()
    await connection.close(0)
  })
  expect(left).toBe(0)
})

test('a timer that is left would be counted', async () => {
  let timer: NodeJS.Timeout | undefined
  const left = await timersLeft(async () => {
    timer = setTimeout(() => {}, 1_000_000).unref()
  })
  clearTimeout(timer)
  expect(left).toBe(1)
})
