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
const NAME =
  /^(\.fakessh-[cs]-[0-9a-f]{32})\.([0-9a-f]{8})-([0-9a-f]{8})-(\d+)-(\d+)-([0-9a-f]{8})-([0-9a-f]{16})\.part$/

/** A name of ours, with parts of its owner replaced. */
function nameWith(changes: {
  host?: string
  boot?: string
  pid?: number
  start?: string
  instance?: string
}): string {
  const name = holdName(key, 'served')
  releaseName(name)
  const [, before, host, boot, pid, start, instance, serial] = NAME.exec(name) ?? []
  const owner = { host, boot, pid, start, instance, ...changes }
  return `${before}.${owner.host}-${owner.boot}-${owner.pid}-${owner.start}-${owner.instance}-${serial}.part`
}

const ownerOf = (name: string) => parseStagedName(name)?.owner()

test('a name tells its key, and that its owner works on it until it is released', () => {
  const name = holdName(key, 'served')
  expect(name).toMatch(NAME)
  expect(parseStagedName(name)).toMatchObject({ key, kind: 'served' })
  expect(ownerOf(name)).toBe('alive')
  releaseName(name)
  expect(ownerOf(name)).toBe('dead')
})

test('a name tells which side left it', () => {
  const name = holdName(key, 'local')
  expect(parseStagedName(name)).toMatchObject({ key, kind: 'local' })
  releaseName(name)
})

test('no name is given twice', () => {
  const names = Array.from({ length: 1_000 }, () => holdName(key, 'served'))
  expect(new Set(names).size).toBe(1_000)
  for (const name of names) releaseName(name)
})

test('of this process, but of another copy of the module, or of a worker: it may be at work', () => {
  expect(ownerOf(nameWith({ instance: '00000000' }))).toBe('alive')
})

test('of an earlier process that had the same id: dead', () => {
  expect(ownerOf(nameWith({ start: '1' }))).toBe('dead')
})

test('of a process that runs: alive, unless its id is that of a later one', async () => {
  const child = spawn('sleep', ['100'])
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  const pid = child.pid as number
  // When it started is not told here, so that it runs is all that counts.
  expect(ownerOf(nameWith({ pid, start: '0' }))).toBe('alive')
  expect(ownerOf(nameWith({ pid, start: '1' }))).toBe('dead')
})

test('of a process that has ended: dead', () => {
  const { pid } = spawnSync('true')
  expect(ownerOf(nameWith({ pid, start: '0' }))).toBe('dead')
})

test('of a process that is dead but not buried: dead', async () => {
  // The shell becomes a program that never asks how its child ended.
  const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 100'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  onTestFinished(() => void parent.kill('SIGKILL'))
  const [output] = (await once(parent.stdout, 'data')) as [Buffer]
  const name = nameWith({ pid: Number(output), start: '5' })
  while (ownerOf(name) !== 'dead') await new Promise(setImmediate)
})

test('of another host or container: nobody here can tell', () => {
  expect(ownerOf(nameWith({ host: '00000000' }))).toBe('unknown')
})

test('of this host before it was started again: dead, whatever runs under that id now', () => {
  expect(ownerOf(nameWith({ boot: '00000000', instance: '00000000' }))).toBe('dead')
  expect(ownerOf(nameWith({ boot: '00000000', host: '00000000' }))).toBe('unknown')
})

test.each([
  'file',
  '.fakessh-',
  `.fakessh-s-${key}.part`,
  `.fakessh-s-${key.toUpperCase()}.00000000-00000000-1-1-00000000-0000000000000000.part`,
  `.fakessh-x-${key}.00000000-00000000-1-1-00000000-0000000000000000.part`,
  `x.fakessh-s-${key}.00000000-00000000-1-1-00000000-0000000000000000.part`,
  `.fakessh-s-${key}.00000000-00000000-1-1-00000000-0000000000000000.part.bak`,
  `.fakessh-s-${key}.00000000-00000000-99999999999-1-00000000-0000000000000000.part`,
])('%s is no name of ours', (name) => {
  expect(parseStagedName(name)).toBeUndefined()
})

test.each([
  ['.fakessh-', true],
  ['.fakessh-anything', true],
  ['.FakeSSH-x', true],
  ['.FAKEﬀSSH-x', false],
  ['.faKeſſh-x', true],
  ['．ｆａｋｅｓｓｈ－x', true],
  ['.fake\u200dssh-x', true],
  ['.fakessh', false],
  ['fakessh-x', false],
  ['x.fakessh-', false],
])('%s is reserved: %j', (name, isReserved) => {
  expect(isReservedName(name)).toBe(isReserved)
})
