import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { Program } from '../../../../src/exec/spawn/program.js'
import { ProgramStarter } from '../../../../src/exec/spawn/program-starter.js'
import { isRunning, killIfThere, processesWith, sleepMarker, until } from '../../../helpers/processes.js'
import { temporaryDirectory } from '../../../helpers/temporary-directory.js'
import { useTmpdir } from '../../../helpers/use-tmpdir.js'

const shell = (command: string) => ({
  file: '/bin/sh',
  args: ['-c', command],
  cwd: '/',
  env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
})

/** The parent of a program, as the program sees it. */
async function parentSeenBy(starter: ProgramStarter): Promise<number> {
  const program = await starter.start(shell('echo $PPID'))
  const parent = Number(await text(program.stdout))
  await program.exited
  return parent
}

test('one helper starts everything, also what is asked for while it starts', async () => {
  const starter = new ProgramStarter()
  const parents = await Promise.all(Array.from({ length: 20 }, () => parentSeenBy(starter)))
  expect(new Set(parents).size).toBe(1)
  expect(parents[0]).not.toBe(process.pid)
  expect(await parentSeenBy(starter)).toBe(parents[0])
  process.kill(parents[0] as number, 'SIGKILL')
})

test('after a helper was killed in the middle, everything settles, and another takes its place', async () => {
  const starter = new ProgramStarter()
  const helper = await parentSeenBy(starter)
  const marker = sleepMarker()
  const running = await Promise.all(
    Array.from({ length: 50 }, () => starter.start(shell(`exec sleep ${marker}`))),
  )
  const starting = Array.from({ length: 100 }, () => starter.start(shell(`exec sleep ${marker}`)))
  process.kill(helper, 'SIGKILL')
  const ends = await Promise.allSettled(running.map(({ exited }) => exited))
  expect(ends.map(({ status }) => status)).toEqual(running.map(() => 'rejected'))
  const later = await Promise.allSettled(starting)
  const started = later.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  // Those that the first helper had not been told of were started by another.
  expect(started.length).toBeGreaterThan(50)
  expect(await parentSeenBy(starter)).not.toBe(helper)
  for (const { pid } of [...running, ...started]) killIfThere(pid)
  for (const pid of processesWith(`sleep\0${marker}`)) killIfThere(pid)
  await until(() => processesWith(`sleep\0${marker}`).length === 0)
  process.kill(await parentSeenBy(starter), 'SIGKILL')
})

test('where there is no Node to run a helper, or one that says nothing, this process starts programs', async () => {
  const directory = temporaryDirectory()
  const starters = [new ProgramStarter('/no/such/node'), new ProgramStarter('/opt/app/Electron')]
  await writeFile(directory.at('node'), '#!/bin/sh\nexit 0\n', { mode: 0o755 })
  starters.push(new ProgramStarter(directory.at('node')))
  for (const starter of starters) {
    expect(await parentSeenBy(starter)).toBe(process.pid)
    expect(await parentSeenBy(starter)).toBe(process.pid)
  }
})

test('a helper that can no longer connect is replaced, and what it runs is followed to its end', async () => {
  const directory = temporaryDirectory()
  const starter = new ProgramStarter()
  useTmpdir(directory.path)
  await parentSeenBy(starter)
  const first = await starter.start(shell('echo $PPID; read line; exit 6'))
  const [helper] = await once(first.stdout, 'data')
  for (const name of directory.list()) await rm(directory.at(name), { recursive: true })
  const parents = await Promise.all(Array.from({ length: 20 }, () => parentSeenBy(starter)))
  expect(parents.at(-1)).not.toBe(Number(helper))
  expect(isRunning(Number(helper))).toBe(true)
  first.stdin.end('\n')
  expect(await first.exited).toEqual({ exitCode: 6, signal: null })
  await until(() => !isRunning(Number(helper)))
  process.kill(parents.at(-1) as number, 'SIGKILL')
})

test('what is not called node is never run: it could be the application itself', async () => {
  const directory = temporaryDirectory()
  await mkdir(directory.at('bin'))
  await writeFile(directory.at('bin/app'), `#!/bin/sh\ntouch ${directory.at('ran')}\n`, { mode: 0o755 })
  await symlink(process.execPath, directory.at('bin/node20'))
  expect(await parentSeenBy(new ProgramStarter(directory.at('bin/app')))).toBe(process.pid)
  expect(directory.list()).toEqual(['bin'])
  const helper = await parentSeenBy(new ProgramStarter(directory.at('bin/node20')))
  expect(readFileSync(`/proc/${helper}/cmdline`, 'utf8')).toMatch(/^fake-ssh spawn helper/)
  process.kill(helper, 'SIGKILL')
})

test('failures to start are rejections, and nothing else fails with them', async () => {
  const starter = new ProgramStarter()
  const starts = Array.from({ length: 10 }, (_, index) =>
    starter.start(index % 2 === 0 ? shell('exit 0') : { ...shell(''), file: '/no/such/program' }),
  )
  const settled = await Promise.allSettled(starts)
  expect(settled.map(({ status }) => status)).toEqual(
    starts.map((_, index) => (index % 2 === 0 ? 'fulfilled' : 'rejected')),
  )
  const programs = settled.flatMap((each): Program[] => (each.status === 'fulfilled' ? [each.value] : []))
  for (const { exited } of programs) expect(await exited).toEqual({ exitCode: 0, signal: null })
  process.kill(await parentSeenBy(starter), 'SIGKILL')
})
