import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { resumeSecret } from '../../../src/files/local-disk-resume-key.js'
import { type TemporaryDirectory, temporaryDirectory } from '../../helpers/temporary-directory.js'

let state: TemporaryDirectory
const FILE = 'fake-ssh/resume-key'

beforeEach(() => {
  state = temporaryDirectory()
  const before = process.env.XDG_STATE_HOME
  process.env.XDG_STATE_HOME = state.path
  onTestFinished(() => {
    process.env.XDG_STATE_HOME = before
  })
})

test('is made when it is first needed, for this account only, and is the same ever after', async () => {
  const secrets = await Promise.all([resumeSecret(), resumeSecret(), resumeSecret()])
  const kept = readFileSync(state.at(FILE))
  expect(kept).toHaveLength(32)
  for (const secret of secrets) expect(kept.equals(secret)).toBe(true)
  expect(statSync(state.at(FILE)).mode & 0o777).toBe(0o600)
  expect(statSync(state.at('fake-ssh')).mode & 0o777).toBe(0o700)
  expect(readdirSync(state.at('fake-ssh'))).toEqual(['resume-key'])
})

test('one that is there is used', async () => {
  mkdirSync(state.at('fake-ssh'))
  writeFileSync(state.at(FILE), Buffer.alloc(32, 7), { mode: 0o600 })
  expect(Buffer.from(await resumeSecret()).equals(Buffer.alloc(32, 7))).toBe(true)
})

test.each<[string, () => void]>([
  ['others can read', () => chmodSync(state.at(FILE), 0o640)],
  ['is too short', () => writeFileSync(state.at(FILE), Buffer.alloc(31))],
  ['is too long', () => writeFileSync(state.at(FILE), Buffer.alloc(33))],
])('one that %s is not used, and not touched', async (_what, change) => {
  mkdirSync(state.at('fake-ssh'))
  writeFileSync(state.at(FILE), Buffer.alloc(32), { mode: 0o600 })
  change()
  const before = readFileSync(state.at(FILE))
  const secret = await resumeSecret()
  expect(secret).toHaveLength(32)
  expect(Buffer.from(secret).equals(Buffer.alloc(32))).toBe(false)
  expect(readFileSync(state.at(FILE)).equals(before)).toBe(true)
  // Of this process, and as good as one that was kept for as long as it lives.
  expect(await resumeSecret()).toBe(secret)
})

test('a link to one is not followed', async () => {
  mkdirSync(state.at('fake-ssh'))
  writeFileSync(state.at('elsewhere'), Buffer.alloc(32), { mode: 0o600 })
  symlinkSync(state.at('elsewhere'), state.at(FILE))
  expect(Buffer.from(await resumeSecret()).equals(Buffer.alloc(32))).toBe(false)
})

test('a failure that passes is not for the life of the process', async () => {
  mkdirSync(state.at('fake-ssh'))
  writeFileSync(state.at(FILE), Buffer.alloc(32, 7), { mode: 0o666 })
  chmodSync(state.at(FILE), 0o666)
  const meanwhile = await resumeSecret()
  expect(Buffer.from(meanwhile).equals(Buffer.alloc(32, 7))).toBe(false)
  expect(await resumeSecret()).toBe(meanwhile)
  chmodSync(state.at(FILE), 0o600)
  const secret = await resumeSecret()
  expect(Buffer.from(secret).equals(Buffer.alloc(32, 7))).toBe(true)
  rmSync(state.at(FILE))
  expect(await resumeSecret()).toBe(secret)
})

describe('without XDG_STATE_HOME', () => {
  beforeEach(() => {
    delete process.env.XDG_STATE_HOME
  })

  test('it is kept in the home directory', async () => {
    const secret = await resumeSecret(() => state.path)
    expect(readFileSync(state.at('.local/state/fake-ssh/resume-key')).equals(secret)).toBe(true)
  })

  test.each<[string, () => string]>([
    [
      'an account that has none',
      () => {
        throw new Error('ENOENT: no such user')
      },
    ],
    ['one that is no absolute path', () => ''],
  ])('nor a home directory, being %s, it is that of this process', async (_what, home) => {
    const secret = await resumeSecret(home)
    expect(secret).toHaveLength(32)
    expect(await resumeSecret(home)).toBe(secret)
    expect(existsSync('.local')).toBe(false)
  })
})

test('where nothing can be kept there is one all the same', async () => {
  writeFileSync(state.at('fake-ssh'), 'a file')
  expect(await resumeSecret()).toHaveLength(32)
})
