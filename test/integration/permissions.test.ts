// What a user may do, seen from outside: everything is refused until it is allowed, and nothing tells more than it should.
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { served } from '../helpers/served.js'

const DENIED = { code: 'ERR_FAKESSH_DENIED' }

describe('exec permission', () => {
  test('is off unless given, for command lines, programs, in-process commands and sessions', async () => {
    const { connect, events } = await served({
      user: { exec: undefined },
      commands: { hello: async () => 0 },
    })
    const client = await connect()
    await expect(client.run('true')).rejects.toMatchObject(DENIED)
    await expect(client.run('true', [])).rejects.toMatchObject(DENIED)
    await expect(client.run('hello')).rejects.toMatchObject(DENIED)
    await expect(client.session()).rejects.toMatchObject(DENIED)
    expect(events('denied').map(({ op, subject }) => [op, subject])).toEqual([
      ['exec', 'true'],
      ['exec', 'true'],
      ['exec', 'hello'],
      ['session', undefined],
    ])
    expect(events('exec')).toEqual([])
  })

  test("'argv' runs programs but no shell", async () => {
    const client = await (await served({ user: { exec: 'argv' } })).connect()
    await expect(client.run('echo', ['$HOME'])).resolves.toMatchObject({ stdout: '$HOME\n' })
    await expect(client.run('echo $HOME')).rejects.toMatchObject(DENIED)
  })

  test('{ allow } runs just what it names, found in the path of the server', async () => {
    const { connect, root } = await served({
      user: { exec: { allow: ['echo', 'app:status'] } },
      commands: { 'app:status': async () => 7 },
    })
    writeFileSync(join(root, 'echo'), '#!/bin/sh\necho mine\n', { mode: 0o755 })
    const client = await connect()
    await expect(client.run('echo', ['a'])).resolves.toMatchObject({ stdout: 'a\n' })
    await expect(client.run('app:status', { reject: false })).resolves.toMatchObject({ exitCode: 7 })
    for (const file of ['./echo', join(root, 'echo'), 'cat', 'ECHO', 'echo ']) {
      await expect(client.run(file, []), file).rejects.toMatchObject(DENIED)
    }
    await expect(client.run('echo a; id')).rejects.toMatchObject(DENIED)
  })
})

test('a relative program name in { allow } is refused: it would name what the user uploads', async () => {
  await expect(served({ user: { exec: { allow: ['./deploy.sh'] } } })).rejects.toMatchObject({
    code: 'ERR_FAKESSH_INVALID_ARG',
  })
})

describe('file permissions', () => {
  test('readOnly refuses put and upload before anything is created', async () => {
    const { connect, root, events } = await served({ user: { readOnly: true, exec: false } })
    writeFileSync(join(root, 'there'), 'text')
    const client = await connect()
    await expect(client.put('new').end('x').result).rejects.toMatchObject(DENIED)
    await expect(client.upload(join(root, 'there'), 'new')).rejects.toMatchObject(DENIED)
    expect((await client.get('there').toArray()).join('')).toBe('text')
    expect(events('transfer').filter(({ op }) => op === 'put')).toEqual([])
  })

  test('a user without a root has no files', async () => {
    const client = await (await served({ user: { root: undefined } })).connect()
    await expect(client.get('/etc/passwd').result).rejects.toMatchObject(DENIED)
    await expect(client.put('/tmp/x').end('x').result).rejects.toMatchObject(DENIED)
  })

  test('no path leads out of the root, and no message says where it is', async () => {
    const { connect, root } = await served()
    const outside = join(dirname(root), 'root-evil')
    mkdirSync(outside)
    writeFileSync(join(outside, 'secret'), 'secret')
    symlinkSync(outside, join(root, 'link'))
    symlinkSync('../root-evil/secret', join(root, 'file-link'))
    symlinkSync('/etc/passwd', join(root, 'absolute-link'))
    const client = await connect()
    const paths = [
      '../root-evil/secret',
      'a/../../root-evil/secret',
      'link/secret',
      'file-link',
      'absolute-link',
      '/../etc/passwd',
    ]
    for (const path of paths) {
      for (const attempt of [() => client.get(path).result, () => client.put(path).end('x').result]) {
        const error: Error & { code?: string } = await attempt().then(
          () => expect.unreachable(path),
          (reason) => reason,
        )
        expect(['ERR_FAKESSH_OUTSIDE_ROOT', 'ENOENT'], `${path}: ${error.message}`).toContain(error.code)
        expect(error.message).not.toContain(dirname(root))
      }
    }
    // An absolute path is one below the root.
    await expect(client.get('/etc/passwd').result).rejects.toMatchObject({ code: 'ENOENT' })
    expect((await client.run('cat ../root-evil/secret')).stdout).toBe('secret')
  })

  test('paths that no file system could mean are refused with a clear text', async () => {
    const client = await (await served()).connect()
    for (const path of ['', 'a\0b', '\ud800']) {
      expect(() => client.get(path), JSON.stringify(path)).toThrow(/path/)
    }
  })
})

describe('the authorize hook', () => {
  test('sees every operation, with who asks', async () => {
    const asked: object[] = []
    const { connect, root, local } = await served({ authorize: (request) => asked.push(request) > 0 })
    writeFileSync(join(root, 'a'), 'a')
    const client = await connect()
    await client.run('true', { env: { A: '1' }, cwd: '/' })
    await client.run('echo', ['x'])
    await client.download('a', join(local, 'a'))
    await client.upload(join(local, 'a'), '/./b')
    const session = await client.session({ env: { B: '2' } })
    await session.close()
    const context = {
      user: expect.objectContaining({ name: 'test', root }),
      peer: { kind: 'memory', label: 'memory' },
    }
    expect(asked).toEqual([
      { ...context, op: 'exec', command: 'true', cwd: '', envNames: ['A'] },
      { ...context, op: 'exec', file: 'echo', args: ['x'], cwd: undefined, envNames: [] },
      { ...context, op: 'get', path: 'a', requestedPath: 'a' },
      { ...context, op: 'put', path: 'b', requestedPath: '/./b' },
      { ...context, op: 'session', cwd: undefined, envNames: ['B'] },
    ])
  })

  test('judges where a path leads, whatever way it was written', async () => {
    const { connect, root } = await served({
      authorize: (request) => !('requestedPath' in request) || request.path.startsWith('public/'),
    })
    mkdirSync(join(root, 'public'))
    writeFileSync(join(root, 'public', 'open'), 'open')
    writeFileSync(join(root, 'secret'), 'secret')
    symlinkSync('../secret', join(root, 'public', 'link'))
    const client = await connect()
    for (const path of [
      'public/../secret',
      'public/link',
      '/public/./../secret',
      'public//../secret',
      'secret',
    ]) {
      await expect(client.get(path).result, path).rejects.toMatchObject(DENIED)
      await expect(client.put(path).end('x').result, path).rejects.toMatchObject(DENIED)
    }
    await expect(client.put('public/../new').end('x').result).rejects.toMatchObject(DENIED)
    expect((await client.get('/public//open').toArray()).join('')).toBe('open')
    await expect(client.put('public/new').end('x').result).resolves.toMatchObject({ bytes: 1 })
    expect(readdirSync(root).sort()).toEqual(['public', 'secret'])
  })

  test('refuses with its reason, escaped', async () => {
    const { connect, events } = await served({ authorize: () => ({ deny: 'not on\u001b[31m sundays' }) })
    const client = await connect()
    await expect(client.run('true')).rejects.toMatchObject({
      ...DENIED,
      message: expect.stringContaining('not on\\x1b[31m sundays'),
    })
    expect(events('denied')).toHaveLength(1)
  })

  test.each([
    ['false', () => false],
    ['nothing', () => undefined as unknown as boolean],
    ['a truthy value that is not true', () => 'yes' as unknown as boolean],
  ])('refuses when it returns %s', async (_what, authorize) => {
    const client = await (await served({ authorize })).connect()
    await expect(client.run('true')).rejects.toMatchObject(DENIED)
  })

  test('refuses when it throws, and only the server hears why', async () => {
    const { connect, events } = await served({
      expectsFaults: true,
      authorize: async () => {
        throw new Error('database password is hunter2')
      },
    })
    const error: Error = await (await connect()).run('true').then(
      () => expect.unreachable(),
      (reason) => reason,
    )
    expect(error).toMatchObject(DENIED)
    expect(error.message).not.toContain('hunter2')
    expect(events('fault')).toMatchObject([
      { error: { message: 'database password is hunter2' }, context: { user: 'test' } },
    ])
  })
})

test('commands see nothing of the environment of the server, and may not set what runs other code', async () => {
  process.env.CANARY_SECRET = 'canary-value'
  try {
    const client = await (await served()).connect()
    const { stdout, refusedEnv } = await client.run('env', {
      env: { LD_PRELOAD: '/x.so', NODE_OPTIONS: '--require /x', PATH: '/x', BASH_ENV: '/x', GREETING: 'hi' },
    })
    expect(stdout).not.toContain('canary-value')
    expect(stdout).toContain('GREETING=hi')
    expect([...refusedEnv].sort()).toEqual(['BASH_ENV', 'LD_PRELOAD', 'NODE_OPTIONS', 'PATH'])
    expect(stdout).not.toMatch(/LD_PRELOAD|NODE_OPTIONS|BASH_ENV/)
    await expect(client.run('env', { env: { LD_PRELOAD: '/x' }, strictEnv: true })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_ENV_REFUSED',
    })
  } finally {
    delete process.env.CANARY_SECRET
  }
})
