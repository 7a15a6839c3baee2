// The process that starts programs is killed while commands run: nobody is told that they ended, nothing of them is left, and the
// connection goes on with a new one.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { execPair } from '../../helpers/exec-pair.js'
import { processesWith, sleepMarker, until } from '../../helpers/processes.js'

test('in the middle of 50 commands', { timeout: 40_000 }, async () => {
  const pair = await execPair()
  const marker = sleepMarker()
  const running = Array.from({ length: 50 }, (_, index) =>
    pair.exec(index % 2 === 0 ? `exec sleep ${marker}` : `trap "" TERM; sleep ${marker} & wait`),
  )
  const results = Promise.allSettled(running.map(({ result }) => result))
  await Promise.all(running.map((proc) => once(proc, 'spawn')))
  await until(() => processesWith(`sleep\0${marker}`).length === 50)
  const status = readFileSync(`/proc/${running[0]?.pid}/status`, 'utf8')
  process.kill(Number(/PPid:\s+(\d+)/.exec(status)?.[1]), 'SIGKILL')
  for (const outcome of await results) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_FAKESSH_INTERNAL' } })
  }
  const later = pair.exec('exit 4')
  later.end()
  expect(await later.result).toMatchObject({ exitCode: 4 })
  await until(() => processesWith(marker).length === 0)
})
