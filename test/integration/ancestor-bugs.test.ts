// fake-ssh grew out of a socket exercise that ran commands and sent files with md5. Each of its bugs has a test here, by name.
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { expect, test } from 'vitest'
import { FakeSshClient } from '../../src/index.js'
import { served } from '../helpers/served.js'
import { until } from '../helpers/until.js'

test('recv(1024) taken for a message: output far longer than one read arrives whole', async () => {
  const client = await (await served({ transport: 'tls' })).connect()
  const { stdout } = await client.run('seq 1 100000')
  expect(stdout).toBe(`${Array.from({ length: 100_000 }, (_, i) => i + 1).join('\n')}\n`)
})

test('"ok" ping-pong between messages: operations are pipelined and their bytes never mix', async () => {
  const client = await (await served({ transport: 'tls' })).connect()
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => client.run('echo', [`answer ${i}`])))
  expect(answers.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 50 }, (_, i) => `answer ${i}\n`))
})

test('len(str) sent as the byte count: text of many bytes a character is neither cut nor waited for', async () => {
  const client = await (await served({ transport: 'tls' })).connect()
  const text = 'héllo 你好 😀 '.repeat(5_000)
  const { stdout, stdoutBytes } = await client.run('cat', [], { input: text })
  expect(stdout).toBe(text)
  expect(stdoutBytes).toBe(Buffer.byteLength(text))
})

test("file opened 'wb' again for each chunk: a file of many chunks is all there, not only its end", async () => {
  const { connect, root, local } = await served({ transport: 'tls' })
  const content = randomBytes(1_000_003)
  writeFileSync(join(root, 'a'), content)
  const client = await connect()
  await client.download('a', join(local, 'a'))
  expect(readFileSync(join(local, 'a')).equals(content)).toBe(true)
})

test('rm %s with a name from the peer: names are data, whatever they contain', async () => {
  const { connect, root } = await served()
  const names = [
    '$(touch pwned)',
    '; touch pwned',
    '`touch pwned`',
    "a' b",
    'a"b',
    '-rf',
    'new\nline',
    '*',
    '~',
    ' space ',
  ]
  const client = await connect()
  for (const name of names) {
    await client.put(name).end(`content of ${name}`).result
    expect((await client.get(name).toArray()).join('')).toBe(`content of ${name}`)
    expect((await client.run('printf', ['%s', name])).stdout).toBe(name)
  }
  expect(readdirSync(root).sort()).toEqual([...names].sort())
})

test('path from the peer joined unchecked, on the server: nothing outside the root is read or written', async () => {
  const { connect, local } = await served()
  writeFileSync(join(local, 'secret'), 'secret')
  const client = await connect()
  await expect(client.get('../local/secret').result).rejects.toMatchObject({
    code: 'ERR_FAKESSH_OUTSIDE_ROOT',
  })
  await expect(client.put('../local/planted').end('x').result).rejects.toMatchObject({
    code: 'ERR_FAKESSH_OUTSIDE_ROOT',
  })
  expect(readdirSync(local)).toEqual(['secret'])
})

test('path from the peer joined unchecked, on the client: the caller alone chooses where a download goes', async () => {
  const { connect, root, local } = await served()
  writeFileSync(join(root, 'a'), 'a')
  const client = await connect()
  await client.download('a', join(local, 'chosen'))
  expect(readdirSync(local)).toEqual(['chosen'])
})

test("recv() == b'' read for ever: a peer that hangs up ends everything at once", async () => {
  const { server, connect, events } = await served({ transport: 'tls' })
  const client = await connect()
  const socket = createConnection(Number(server.connectionString('test').split(':').at(-1)), '127.0.0.1')
  socket.on('error', () => {})
  socket.end()
  await until(() => events('denied').length === 1)
  const pending = client.run('sleep 1000').catch((error) => error)
  await until(() => events('exec').length === 1)
  await server.close({ drainMs: 0 })
  expect(await pending).toMatchObject({ exitCode: null })
})

test('reply sent on the listening socket, one client at a time: many clients are served at once, each its own answer', async () => {
  const { connect } = await served({ transport: 'tls' })
  const clients = await Promise.all(Array.from({ length: 8 }, () => connect()))
  // Every one of them waits until all of them run: in turn they would never finish.
  const processes = clients.map((client) => client.exec('read line; echo "$line"'))
  const outputs = processes.map((process) => process.setEncoding('utf8').toArray())
  await Promise.all(processes.map((process) => new Promise((resolve) => process.once('spawn', resolve))))
  processes.forEach((process, i) => void process.end(`client ${i}\n`))
  const answers = await Promise.all(outputs)
  expect(answers.map((chunks) => chunks.join(''))).toEqual(clients.map((_, i) => `client ${i}\n`))
})

test('no authentication: who cannot prove a token runs nothing', async () => {
  const { server, events } = await served({ transport: 'tls' })
  const port = Number(server.connectionString('test').split(':').at(-1))
  await expect(FakeSshClient.connect({ port, user: 'test', token: 'x'.repeat(40) })).rejects.toMatchObject({
    code: 'ERR_FAKESSH_AUTH_FAILED',
  })
  expect(events('authenticated')).toEqual([])
})

test('no encryption: what travels can neither be read nor be had without TLS', async () => {
  const { server, token } = await served({ transport: 'tls' })
  const port = Number(server.connectionString('test').split(':').at(-1))
  const wire: Buffer[] = []
  const tap = createServer((near) => {
    const far = createConnection(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        wire.push(chunk)
        to.write(chunk)
      })
      from.on('close', () => to.destroy())
      from.on('error', () => {})
    }
  })
  await new Promise<void>((resolve) => tap.listen(0, '127.0.0.1', resolve))
  const { port: tapPort } = tap.address() as { port: number }
  const client = await FakeSshClient.connect({ port: tapPort, user: 'test', token })
  await client.run('echo', ['visible-secret'])
  await client.close()
  tap.close()
  const seen = Buffer.concat(wire)
  expect(seen.length).toBeGreaterThan(0)
  for (const text of ['visible-secret', token, 'fakessh', 'test"', 'exitCode'])
    expect(seen.includes(text), text).toBe(false)

  const old = tlsConnect({ port, host: '127.0.0.1', maxVersion: 'TLSv1.2', rejectUnauthorized: false })
  const refusal = await new Promise<Error>((resolve) => old.once('error', resolve))
  expect(refusal.message).toMatch(/protocol version|handshake failure/i)
})

test("'get foo' matched every command starting with 'get': operations are told apart by kind, not by the text", async () => {
  const { connect, root, events } = await served()
  writeFileSync(join(root, 'getfoo'), '#!/bin/sh\necho ran getfoo\n', { mode: 0o755 })
  const client = await connect()
  await expect(client.run('./getfoo')).resolves.toMatchObject({ stdout: 'ran getfoo\n' })
  await expect(client.run('get foo', { reject: false })).resolves.toMatchObject({ exitCode: 127 })
  expect(events('transfer')).toEqual([])
})

test('stderr and the exit code lost: both arrive, apart from stdout', async () => {
  const client = await (await served()).connect()
  const result = await client.run('echo out; echo err >&2; exit 42', { reject: false })
  expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n', exitCode: 42, signal: null })
})

test('md5: SHA-256 unless asked, and md5 when asked', async () => {
  const { connect, root } = await served()
  writeFileSync(join(root, 'a'), 'content')
  const client = await connect()
  for (const [options, algorithm] of [
    [{}, 'sha256'],
    [{ algorithm: 'md5' }, 'md5'],
  ] as const) {
    const stream = client.get('a', options)
    stream.resume()
    const digest = createHash(algorithm).update('content').digest('hex')
    await expect(stream.result).resolves.toMatchObject({ algorithm, digest })
  }
})
