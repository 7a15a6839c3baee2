import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import {
  holdName,
  isReservedName,
  parseStagedName,
  randomKey,
  releaseName,
} from '../../../src/files/local-disk-owner.js'

const key = randomKey()
const NAME = /^(\.fakessh-[0-9a-f]{32})\.([0-9a-f]{8})-(\d+)-(\d+)-([0-9a-f]{8})-([0-9a-f]{16})\.part$/

/** A name of ours, with parts of its owner replaced. */
function nameWith(changes: { host?: string; pid?: number; start?: string; instance?: string }): string {
  const name = holdName(key)
  releaseName(name)
  const [, before, host, pid, start, instance, serial] = NAME.exec(name) ?? []
  const owner = { host, pid, start, instance, ...changes }
  return `${before}.${owner.host}-${owner.pid}-${owner.start}-${owner.instance}-${serial}.part`
}

test('a name tells its key, and that its owner works on it until it is released', () => {
  const name = holdName(key)
  expect(name).toMatch(NAME)
  expect(parseStagedName(name)).toEqual({ key, owner: 'alive' })
  releaseName(name)
  expect(parseStagedName(name)).toEqual({ key, owner: 'dead' })
})

test('no name is given twice', () => {
  const names = Array.from({ length: 1_000 }, () => holdName(key))
  expect(new Set(names).size).toBe(1_000)
  for (const name of names) releaseName(name)
})

test('of this process, but of another copy of the module, or of a worker: it may be at work', () => {
  expect(parseStagedName(nameWith({ instance: '00000000' }))?.owner).toBe('alive')
})

test('of an earlier process that had the same id: dead', () => {
  expect(parseStagedName(nameWith({ start: '1' }))?.owner).toBe('dead')
})

test('of a process that runs: alive, unless its id is that of a later one', async () => {
  const child = spawn('sleep', ['100'])
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  const pid = child.pid as number
  // When it started is not told here, so that it runs is all that counts.
  expect(parseStagedName(nameWith({ pid, start: '0' }))?.owner).toBe('alive')
  expect(parseStagedName(nameWith({ pid, start: '1' }))?.owner).toBe('dead')
})

test('of a process that has ended: dead', () => {
  const { pid } = spawnSync('true')
  expect(parseStagedName(nameWith({ pid, start: '0' }))?.owner).toBe('dead')
})

test('of a process that is dead but not buried: dead', async () => {
  // The shell becomes a program that never asks how its child ended.
  const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 100'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  onTestFinished(() => void parent.kill('SIGKILL'))
  const [output] = (await once(parent.stdout, 'data')) as [Buffer]
  const name = nameWith({ pid: Number(output), start: '5' })
  while (parseStagedName(name)?.owner !== 'dead') await new Promise(setImmediate)
})

test('of another host or container: nobody here can tell', () => {
  expect(parseStagedName(nameWith({ host: '00000000' }))?.owner).toBe('unknown')
})

test.each([
  'file',
  '.fakessh-',
  `.fakessh-${key}.part`,
  `.fakessh-${key.toUpperCase()}.00000000-1-1-00000000-0000000000000000.part`,
  `x.fakessh-${key}.00000000-1-1-00000000-0000000000000000.part`,
  `.fakessh-${key}.00000000-1-1-00000000-0000000000000000.part.bak`,
  `.fakessh-${key}.00000000-99999999999-1-00000000-0000000000000000.part`,
])('%s is no name of ours', (name) => {
  expect(parseStagedName(name)).toBeUndefined()
})

test.each([
  ['.fakessh-', true],
  ['.fakessh-anything', true],
  ['.FakeSSH-x', true],
  ['.fakessh', false],
  ['fakessh-x', false],
  ['x.fakessh-', false],
])('%s is reserved: %j', (name, isReserved) => {
  expect(isReservedName(name)).toBe(isReserved)
})
