// The rules are tested in protocol/keepalive.test.ts without time; here only that a real timer drives them.
import { afterEach, expect, test } from 'vitest'
import { KeepaliveTimer } from '../../../src/connection/keepalive-timer.js'
import { gate } from '../../helpers/gate.js'

let timer: KeepaliveTimer | undefined
afterEach(() => timer?.stop())

test('a silent peer is asked twice, then given up, once', async () => {
  const dead = gate<void>()
  const log: string[] = []
  timer = new KeepaliveTimer(5, {
    ping: () => log.push('ping'),
    dead: () => {
      log.push('dead')
      dead.open()
    },
  })
  await dead.promise
  expect(log).toEqual(['ping', 'ping', 'dead'])
})

test('whoever answers every PING is never given up', async () => {
  const enough = gate<void>()
  let pings = 0
  let isDead = false
  timer = new KeepaliveTimer(3, {
    ping: () => {
      pings += 1
      timer?.onReceived()
      if (pings === 5) enough.open()
    },
    dead: () => {
      isDead = true
    },
  })
  await enough.promise
  expect(isDead).toBe(false)
})

test('after stop nothing is called, and no timer is left', async () => {
  let calls = 0
  const stopped = new KeepaliveTimer(1, { ping: () => (calls += 1), dead: () => (calls += 1) })
  stopped.stop()
  stopped.stop()
  const other = gate<void>()
  timer = new KeepaliveTimer(5, { ping: () => other.open(), dead: () => {} })
  await other.promise
  expect(calls).toBe(0)
})
