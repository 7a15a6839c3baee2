// From the constructor to close: what a server refuses to start with, how it ends, and that nothing keeps a process alive.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeSelfSigned } from '../../src/auth/self-signed.js'
import { FakeSshClient, FakeSshServer, generateToken, hashPassword } from '../../src/index.js'
import { memoryPair } from '../../src/transport/memory-pair.js'
import { childPeer } from '../helpers/child-peer.js'
import { served } from '../helpers/served.js'
import { until } from '../helpers/until.js'

test('a server that nobody could log in to is refused', () => {
  expect(() => new FakeSshServer({})).toThrow(expect.objectContaining({ code: 'ERR_FAKESSH_NO_USERS' }))
  expect(() => new FakeSshServer({ users: {} })).toThrow(
    expect.objectContaining({ code: 'ERR_FAKESSH_NO_USERS' }),
  )
})

test('a token of fewer than 32 characters is refused on both sides, without showing it', async () => {
  const token = 'short-token-of-31-characters-xx'
  expect(token).toHaveLength(31)
  const refusal = expect.objectContaining({
    code: 'ERR_FAKESSH_WEAK_TOKEN',
    message: expect.not.stringContaining(token),
  })
  expect(() => new FakeSshServer({ users: { a: { token } } })).toThrow(refusal)
  await expect(FakeSshClient.connect({ port: 1, user: 'a', token })).rejects.toEqual(refusal)
})

test('options that do not exist are refused by name', () => {
  const users = { a: { token: generateToken() } }
  const invalid = { code: 'ERR_FAKESSH_INVALID_ARG' }
  const make = (options: object) => () => new FakeSshServer(options as never)
  expect(make({ users, autorize: () => true })).toThrow(
    expect.objectContaining({ ...invalid, message: expect.stringContaining('autorize') }),
  )
  expect(make({ users: { a: { ...users.a, readonly: true } } })).toThrow(expect.objectContaining(invalid))
  expect(make({ users, limits: { maxChannels: -1 } })).toThrow(expect.objectContaining(invalid))
  for (const keepaliveIntervalMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(make({ users, keepaliveIntervalMs })).toThrow(expect.objectContaining(invalid))
  expect(make({ users, shell: '' })).toThrow(expect.objectContaining(invalid))
  expect(make({ users, env: { A: 1 } })).toThrow(expect.objectContaining(invalid))
  expect(make({ users, limits: { maxChanels: 1 } })).toThrow(expect.objectContaining(invalid))
})

test('connectionString gives what connect takes, and nothing before the server listens', async () => {
  const token = generateToken()
  await using server = new FakeSshServer({
    users: { a: { token }, 'b@c': { token: generateToken(), exec: 'shell' } },
  })
  expect(() => server.connectionString('a')).toThrow(/listen/)
  const { host, port } = await server.listen()
  expect(server.connectionString('a')).toBe(`fakessh://a:${token}@${host}:${port}`)
  expect(() => server.connectionString('nobody')).toThrow(
    expect.objectContaining({ code: 'ERR_FAKESSH_INVALID_ARG' }),
  )
  await using client = await FakeSshClient.connect(server.connectionString('b@c'))
  await expect(client.run('echo hi')).resolves.toMatchObject({ stdout: 'hi\n' })
})

test('listens once, and never after it was closed', async () => {
  const server = new FakeSshServer({ users: { a: { token: generateToken() } } })
  await server.listen()
  await expect(server.listen()).rejects.toMatchObject({ code: 'ERR_FAKESSH_INVALID_ARG' })
  await expect(
    new FakeSshServer({ users: { a: { token: generateToken() } } }).listen({ prot: 1 } as object),
  ).rejects.toMatchObject({
    code: 'ERR_FAKESSH_INVALID_ARG',
  })
  await Promise.all([server.close(), server.close()])
  await expect(server.listen()).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
})

test('a port in use is the POSIX code, and the server can then listen elsewhere', async () => {
  const users = { a: { token: generateToken() } }
  await using first = new FakeSshServer({ users })
  const { port } = await first.listen()
  await using second = new FakeSshServer({ users })
  await expect(second.listen({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  await expect(second.listen()).resolves.toMatchObject({ host: '127.0.0.1' })
})

test('close lets what runs finish, and takes nothing new', async () => {
  const { server, connect } = await served({ transport: 'tls' })
  const client = await connect()
  const url = server.connectionString('test')
  const running = client.exec('read line; echo "got $line"')
  const output = running.setEncoding('utf8').toArray()
  await new Promise((resolve) => running.once('spawn', resolve))
  const closing = server.close({ drainMs: 60_000 })
  await until(() => !client.isConnected)
  await expect(client.run('true')).rejects.toMatchObject({ code: 'ERR_FAKESSH_SHUTDOWN' })
  await expect(FakeSshClient.connect(url)).rejects.toMatchObject({
    code: 'ERR_FAKESSH_CONNECT_FAILED',
  })
  running.end('this\n')
  await expect(running.result).resolves.toMatchObject({ exitCode: 0 })
  expect((await output).join('')).toBe('got this\n')
  await closing
})

test('close ends what does not finish in time', async () => {
  const { server, connect, running } = await served({ transport: 'tls' })
  const client = await connect()
  const hanging = client.exec('sleep 1000')
  const result = hanging.result.catch((error) => error)
  await new Promise((resolve) => hanging.once('spawn', resolve))
  await server.close({ drainMs: 1 })
  expect(await result).toMatchObject({
    code: expect.stringMatching(/^ERR_FAKESSH_(CONNECTION_LOST|SHUTDOWN)$/),
    exitCode: null,
  })
  await until(() => running().length === 0)
})

test('close waits until the processes and temporary files of what it cut are gone', async () => {
  const { server, connect, running, leftovers } = await served({ transport: 'tls' })
  const client = await connect()
  const stubborn = client.exec('trap "" TERM; echo ready; sleep 1000 & wait')
  const put = client.put('half')
  for (const pending of [stubborn.result, put.result]) pending.catch(() => {})
  put.write('half of it')
  await new Promise((resolve) => stubborn.once('data', resolve))
  await until(() => leftovers().length === 1)
  await server.close({ drainMs: 0 })
  expect([running(), leftovers()]).toEqual([[], []])
})

test('close during listen wins', async () => {
  const server = new FakeSshServer({ users: { a: { token: generateToken() } } })
  const listening = server.listen().catch((error) => error)
  await server.close()
  expect(await listening).toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
  expect(() => server.connectionString('a')).toThrow(/listen/)
})

test('the client, too, lets what runs finish; with drainMs 0 it fails at once', async () => {
  const { connect } = await served({ transport: 'tls' })
  const patient = await connect()
  const finishing = patient.run('read line; echo done', { input: 'x\n' })
  await patient.close()
  await expect(finishing).resolves.toMatchObject({ stdout: 'done\n' })
  const hasty = await connect()
  const cut = hasty.run('sleep 1000').catch((error) => error)
  await hasty.close({ drainMs: 0 })
  expect(await cut).toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
  await expect(hasty.run('true')).rejects.toMatchObject({ code: 'ERR_FAKESSH_CLOSED' })
})

test('passwords go over a pinned certificate, or one of a trusted authority', async () => {
  const passwordHash = await hashPassword('correct horse')
  await using pinned = new FakeSshServer({ users: { a: { passwordHash, exec: 'shell' } } })
  const { port, fingerprint } = await pinned.listen()
  expect(fingerprint).toMatch(/^SHA256:/)
  const login = { port, user: 'a', password: 'correct horse' }
  await using client = await FakeSshClient.connect({ ...login, fingerprint })
  await expect(client.run('echo hi')).resolves.toMatchObject({ stdout: 'hi\n' })
  await expect(FakeSshClient.connect({ ...login, fingerprint, password: 'wrong' })).rejects.toMatchObject({
    code: 'ERR_FAKESSH_AUTH_FAILED',
  })
  await expect(FakeSshClient.connect(login)).rejects.toMatchObject({ code: 'ERR_FAKESSH_SERVER_IDENTITY' })
  await expect(
    FakeSshClient.connect({ ...login, fingerprint: `SHA256:${'A'.repeat(43)}` }),
  ).rejects.toMatchObject({
    code: 'ERR_FAKESSH_SERVER_IDENTITY',
  })
})

test('a token goes over a certificate when one is asked for', async () => {
  const token = generateToken()
  const { key, cert, fingerprint } = await makeSelfSigned('127.0.0.1')
  await using server = new FakeSshServer({ users: { a: { token, exec: 'shell' } }, tls: { key, cert } })
  const listening = await server.listen()
  expect(listening.fingerprint).toBe(fingerprint)
  for (const trust of [{ fingerprint }, { ca: cert }, {}]) {
    await using client = await FakeSshClient.connect({ port: listening.port, user: 'a', token, ...trust })
    await expect(client.run('echo hi')).resolves.toMatchObject({ stdout: 'hi\n' })
  }
})

test('authenticate decides about users that are not configured', async () => {
  const attempts: object[] = []
  await using server = new FakeSshServer({
    authenticate: async (attempt) => {
      attempts.push(attempt)
      return attempt.password === 'sesame' ? { exec: 'shell' } : undefined
    },
  })
  const { port, fingerprint } = await server.listen()
  await using client = await FakeSshClient.connect({ port, fingerprint, user: 'ali', password: 'sesame' })
  await expect(client.run('echo open')).resolves.toMatchObject({ stdout: 'open\n' })
  await expect(
    FakeSshClient.connect({ port, fingerprint, user: 'ali', password: 'x' }),
  ).rejects.toMatchObject({
    code: 'ERR_FAKESSH_AUTH_FAILED',
  })
  expect(attempts).toMatchObject([{ method: 'password', user: 'ali' }, { user: 'ali' }])
})

test('a unix socket serves the same', async () => {
  const { connect, root } = await served({ transport: 'unix' })
  writeFileSync(join(root, 'a'), 'over a socket')
  const client = await connect()
  expect((await client.get('a').toArray()).join('')).toBe('over a socket')
  await expect(client.run('exit 3', { reject: false })).resolves.toMatchObject({ exitCode: 3 })
})

test('limits on connections turn away what is above, and say so', async () => {
  const { server, connect, connectOver, events } = await served({
    limits: { maxConnections: 2, maxUnauthenticated: 1 },
  })
  await connect()
  const [stranger, listener] = memoryPair()
  server.serve(listener)
  await expect(connect()).rejects.toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
  expect(events('denied')).toMatchObject([
    {
      op: 'connect',
      error: { code: 'ERR_FAKESSH_LIMIT', message: expect.stringContaining('maxConnections is 2') },
    },
  ])
  stranger.stream.destroy()
  await until(() => events('disconnect').length > 0)
  await expect(connectOver(memoryPair())).resolves.toMatchObject({ isConnected: true })
})

test('a stranger who says nothing is cut after handshakeTimeoutMs, and makes room', async () => {
  const { server, connect, events } = await served({
    limits: { maxUnauthenticated: 1, handshakeTimeoutMs: 50 },
  })
  const [stranger, listener] = memoryPair()
  stranger.stream.resume()
  server.serve(listener)
  await expect(connect()).rejects.toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
  await until(() => events('disconnect').some(({ error }) => error?.code === 'ERR_FAKESSH_HANDSHAKE_TIMEOUT'))
  await expect(connect()).resolves.toMatchObject({ isConnected: true })
})

test('after close nothing keeps the process alive', async () => {
  const peer = await childPeer('lifecycle')
  await peer.call('useAndClose')
  await peer.call('leave')
  await expect(peer.exited).resolves.toEqual({ code: 0, signal: null })
})
