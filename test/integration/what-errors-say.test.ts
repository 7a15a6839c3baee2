// What a server says to a client when something goes wrong: enough to act on, nothing about the host, and nothing that could forge a
// line of a log or move the cursor of a terminal.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { FakeSshClient } from '../../src/index.js'
import { interceptedPair } from '../helpers/intercepted-pair.js'
import { outcomeOf } from '../helpers/operations.js'
import { served } from '../helpers/served.js'

/** Ends a title sequence, reverses the reading order, forges a line, hides a character. */
const NASTY = 'a\u001b]0;owned\u0007\u009b31m\u202eb\r\nfake: line\u200b'
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not be there
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b\u202e]/

async function failureOf(promise: Promise<unknown>): Promise<Error & { code: string }> {
  const outcome = await outcomeOf(promise)
  if (outcome.isSuccess) throw new Error('it was to fail')
  return outcome.error as Error & { code: string }
}

test('no message tells where the root is, what the server runs in, or how it is built', async () => {
  const all = await served({
    expectsFaults: true,
    commands: {
      'test:broken': () => {
        throw new Error('the command broke')
      },
    },
    authorize: (request) => {
      if (request.op === 'get' && request.path === 'forbidden')
        throw new Error(`no access to ${all.root}/forbidden`)
      return true
    },
  })
  const { root } = all
  mkdirSync(join(root, 'directory'))
  writeFileSync(join(root, 'file'), 'text')
  writeFileSync(join(root, 'script'), '#!/nowhere/interpreter\n')
  chmodSync(join(root, 'script'), 0o755)
  writeFileSync(join(root, 'forbidden'), 'x')
  symlinkSync('loop', join(root, 'loop'))
  symlinkSync('/nowhere/at/all', join(root, 'dangling'))
  execFileSync('mkfifo', [join(root, 'fifo')])
  const said: Buffer[] = []
  const pair = interceptedPair({
    onPassed: ({ direction, bytes }) => {
      if (direction === 'down') said.push(bytes)
    },
  })
  const client = await all.connectOver(pair.transports)
  const get = (path: string) => client.get(path).result
  const put = (path: string) => client.put(path).end('x').result
  const failures: [code: string, promise: () => Promise<unknown>][] = [
    ['ENOENT', () => get('missing')],
    ['ENOENT', () => get('directory/missing')],
    ['ENOTDIR', () => get('file/below')],
    ['EISDIR', () => get('directory')],
    ['ELOOP', () => get('loop')],
    ['ERR_FAKESSH_OUTSIDE_ROOT', () => get('dangling')],
    ['ERR_FAKESSH_NOT_A_FILE', () => get('fifo')],
    ['ENAMETOOLONG', () => get('x'.repeat(300))],
    ['ERR_FAKESSH_DENIED', () => get('forbidden')],
    ['ENOENT', () => put('missing/file')],
    ['ENOTDIR', () => put('file/below')],
    ['EISDIR', () => put('directory')],
    ['ERR_FAKESSH_NOT_A_FILE', () => put('fifo')],
    ['ERR_FAKESSH_OUTSIDE_ROOT', () => put('dangling')],
    ['EEXIST', () => client.put('file', { overwrite: false }).end('x').result],
    ['ENOENT', () => client.run('no-such-program', [])],
    ['ENOENT', () => client.run('./script', [])],
    ['EACCES', () => client.run('./file', [])],
    ['EACCES', () => client.run('./directory', [])],
    ['ENOENT', () => client.run('true', { cwd: 'missing' })],
    ['ENOTDIR', () => client.run('true', { cwd: 'file' })],
    ['ERR_FAKESSH_OUTSIDE_ROOT', () => client.run('true', { cwd: '../local' })],
    ['ENOENT', () => client.session({ cwd: 'missing' })],
    ['ERR_FAKESSH_ENV_REFUSED', () => client.run('true', { env: { PATH: '/x' }, strictEnv: true })],
    ['ERR_FAKESSH_EXIT', () => client.run('test:broken')],
    ['ERR_FAKESSH_INVALID_ARG', () => client.exec('sleep 1000').kill('SIGNOTHING' as NodeJS.Signals)],
  ]
  for (const [index, [code, attempt]] of failures.entries()) {
    expect((await failureOf(attempt())).code, `failure ${index}`).toBe(code)
  }
  rmSync(root, { recursive: true })
  for (const attempt of [
    () => get('file'),
    () => put('file'),
    () => client.run('true'),
    () => client.run('true', []),
  ]) {
    expect((await failureOf(attempt())).code).toBe('ENOENT')
  }
  mkdirSync(root)

  const text = Buffer.concat(said).toString('latin1')
  for (const secret of [
    dirname(root),
    process.cwd(),
    process.execPath,
    'node:internal',
    '    at ',
    '/nowhere/at',
  ]) {
    expect(text).not.toContain(secret)
  }
  expect(text).toContain('the command broke')
})

test('names with control characters are shown escaped, in every error and every refusal', async () => {
  const all = await served({ authorize: ({ op }) => op !== 'get' })
  const client = await all.connect()
  const attempts: ((client: FakeSshClient) => Promise<unknown>)[] = [
    ({ get }) => get.call(client, NASTY).result,
    ({ put }) => put.call(client, `${NASTY}/x`).end('x').result,
    () => client.download(NASTY, join(all.local, 'x')),
    () => client.upload(join(all.local, NASTY), 'x'),
    () => client.run(NASTY, []),
    () => client.run(`sh -c 'exit 1' '${NASTY}'`),
    () => client.run('true', { cwd: NASTY }),
    () => client.session({ cwd: NASTY }),
    () => client.run('true', { env: { [`LD_${NASTY}`]: 'x' }, strictEnv: true }),
  ]
  for (const [index, attempt] of attempts.entries()) {
    const { message } = await failureOf(Promise.resolve().then(() => attempt(client)))
    expect(message, `attempt ${index}`).not.toMatch(UNSAFE)
    expect(message, `attempt ${index}`).toMatch(/\S/)
  }
  const subjects = all.events('denied').map(({ subject }) => subject)
  expect(subjects).toHaveLength(2)
  for (const subject of subjects) expect(subject).not.toMatch(UNSAFE)
})

test('what a command writes is not touched: it is its output, and not a message', async () => {
  const client = await (await served()).connect()
  await expect(client.run('printf', ['%s', NASTY])).resolves.toMatchObject({ stdout: NASTY })
})
