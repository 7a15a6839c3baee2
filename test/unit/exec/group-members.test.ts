import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { hasLivingMember } from '../../../src/exec/group-members.js'
import { until } from '../../helpers/processes.js'

test('a group lives while one of its processes does', async () => {
  const leader = spawn('sh', ['-c', 'sleep 60 & echo up'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(leader, 'exit')
  const group = leader.pid as number
  expect(await hasLivingMember(group)).toBe(true)
  process.kill(-group, 'SIGKILL')
  // Whether or not process 1 has collected it yet.
  let isAlive = true
  while (isAlive) isAlive = await hasLivingMember(group)
})

test('a dead process that nobody has collected does not live', async () => {
  // The shell becomes a program that never collects the child it was given.
  const parent = spawn('sh', ['-c', 'setsid sh -c "echo \\$\\$; exit" & exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [line] = await once(parent.stdout, 'data')
  const group = Number(String(line))
  while (await hasLivingMember(group)) await until(() => true)
  expect(() => process.kill(-group, 0)).not.toThrow()
  parent.kill('SIGKILL')
  await once(parent, 'exit')
})

test('a group that does not exist does not live', async () => {
  expect(await hasLivingMember(2 ** 30)).toBe(false)
})

test('our own group lives', async () => {
  const own = spawn('sleep', ['60'], { detached: true })
  expect(await hasLivingMember(own.pid as number)).toBe(true)
  own.kill()
  await once(own, 'exit')
})
