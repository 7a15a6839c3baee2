// Pins what the package exports at run time, from both module systems. The types are pinned by etc/*.api.md and test/types/.
// Needs a build (`npm run build`).
import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { textOf } from './helpers/documents.js'

const require = createRequire(import.meta.url)

const EXPORTS: { readonly [entry: string]: readonly string[] } = {
  'fake-ssh': [
    'ConnectionError',
    'ERROR_CODES',
    'ExecError',
    'FakeSshClient',
    'FakeSshError',
    'FakeSshServer',
    'ProtocolError',
    'TransferError',
    'escapeText',
    'generateToken',
    'hashPassword',
  ],
  'fake-ssh/testing': ['connectedPair', 'faultProxy'],
}

describe.each(Object.entries(EXPORTS))('%s', (entry, names) => {
  test('exports these names as an ES module', async () => {
    expect(Object.keys(await import(entry)).sort()).toEqual(names)
  })

  test('exports the same names as a CommonJS module', () => {
    expect(Object.keys(require(entry)).sort()).toEqual(names)
  })

  test('is a module of its own in each system', async () => {
    const [name = ''] = names
    expect((await import(entry))[name]).not.toBe(require(entry)[name])
  })
})

test('package.json opens these entries and nothing else', async () => {
  const { exports } = JSON.parse(textOf('package.json'))
  expect(Object.keys(exports).sort()).toEqual(['.', './package.json', './testing'])
  expect(require('fake-ssh/package.json').name).toBe('fake-ssh')
  for (const inner of ['fake-ssh/dist/esm/errors.js', 'fake-ssh/protocol', 'fake-ssh/src/index.ts']) {
    expect(() => require.resolve(inner), inner).toThrow(
      /ERR_PACKAGE_PATH_NOT_EXPORTED|not defined by "exports"/,
    )
  }
})

test('errors are recognised across the two copies', async () => {
  const asModule: typeof import('fake-ssh') = await import('fake-ssh')
  const asCommonJs: typeof import('fake-ssh') = require('fake-ssh')
  const error = new asCommonJs.TransferError('ENOENT', 'message', 0)
  expect(error).not.toBeInstanceOf(asModule.FakeSshError)
  expect(asModule.FakeSshError.is(error)).toBe(true)
  expect(asModule.FakeSshError.is(Object.assign(new Error('message'), { code: 'ENOENT' }))).toBe(false)
  expect(asModule.FakeSshError.is({ isFakeSshError: true })).toBe(false)
})

test('a client of one copy talks to a server of the other', async () => {
  const { FakeSshServer, generateToken }: typeof import('fake-ssh') = require('fake-ssh')
  const { FakeSshClient } = await import('fake-ssh')
  const server = new FakeSshServer({ users: { deploy: { token: generateToken(), exec: 'argv' } } })
  await server.listen()
  const client = await FakeSshClient.connect(server.connectionString('deploy'))
  const { stdout } = await client.run('echo', ['hello'])
  expect(stdout).toBe('hello\n')
  await client.close()
  await server.close()
})

test.each(['etc/fake-ssh.api.md', 'etc/fake-ssh-testing.api.md'])(
  '%s has no warnings and no gaps',
  (report) => {
    expect(
      textOf(report).match(/^.*(Warning:|@(?:alpha|beta|internal)\b|\(No @packageDocumentation).*$/gm),
    ).toBeNull()
  },
)
