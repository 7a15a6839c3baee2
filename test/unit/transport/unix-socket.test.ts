import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Transport } from '../../../src/transport/transport.js'
import { dialUnix, listenUnix, type UnixListenOptions } from '../../../src/transport/unix-socket.js'
import { Arrivals } from '../../helpers/tls-listener.js'

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fakessh-'))
  path = join(directory, 'server.sock')
  return () => rm(directory, { recursive: true, force: true })
})

async function start(options: Partial<UnixListenOptions> = {}) {
  const transports = new Arrivals<Transport>()
  const listener = await listenUnix({
    path,
    onTransport: (transport) => transports.push(transport),
    onError: (error) => {
      throw error
    },
    ...options,
  })
  onTestFinished(async () => {
    for (const { stream } of transports.all) stream.destroy()
    await listener.close()
  })
  return { ...listener, transports }
}

async function dial(to = path): Promise<Transport> {
  const transport = await dialUnix({ path: to })
  onTestFinished(() => void transport.stream.destroy())
  return transport
}

/** Leaves a socket behind that nobody listens on, as a killed process does. */
async function makeStale(): Promise<void> {
  const child = spawn(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
  ])
  await once(child, 'close')
  expect((await stat(path)).isSocket()).toBe(true)
}

test('a plain transport: bytes go both ways', async () => {
  const listener = await start()
  const client = await dial()
  const server = await listener.transports.next()
  expect(client).toMatchObject({ side: 'dialer', peer: { kind: 'unix', label: path } })
  expect(server).toMatchObject({ side: 'listener', peer: { kind: 'unix', label: path } })
  expect([client.tls, server.tls]).toEqual([undefined, undefined])
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.stream.write('ping')
    expect(String(await once(to.stream, 'data'))).toBe('ping')
  }
})

describe('the socket', () => {
  test('is for the same user only, and alone in its directory', async () => {
    await start()
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(directory)).toEqual(['server.sock'])
  })

  test('has the permissions that were asked for, whatever the umask', async () => {
    await start({ mode: 0o666 })
    expect((await stat(path)).mode & 0o777).toBe(0o666)
  })

  test('is gone after close, which may be called twice; connections stay', async () => {
    const listener = await start()
    const client = await dial()
    const server = await listener.transports.next()
    await listener.close()
    await listener.close()
    expect(existsSync(path)).toBe(false)
    await expect(dial()).rejects.toMatchObject({ code: 'ERR_FAKESSH_CONNECT_FAILED' })
    client.stream.write('still here')
    expect(String(await once(server.stream, 'data'))).toBe('still here')
  })

  test('is left alone by close when another took its place', async () => {
    const listener = await start()
    await rm(path)
    await start()
    await listener.close()
    await dial()
  })
})

describe('what is there already', () => {
  test('a socket that somebody listens on is not taken over', async () => {
    const first = await start()
    await expect(start()).rejects.toMatchObject({ code: 'EADDRINUSE', op: 'listen', isFakeSshError: true })
    await dial()
    // The probe came first.
    await first.transports.next()
    await first.transports.next()
    expect(await readdir(directory)).toEqual(['server.sock'])
  })

  test('a socket of a process that died is replaced', async () => {
    await makeStale()
    const listener = await start()
    await dial()
    await listener.transports.next()
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  test('a file is left alone', async () => {
    await writeFile(path, 'precious')
    await expect(start()).rejects.toMatchObject({ code: 'EEXIST' })
    expect(await readFile(path, 'utf8')).toBe('precious')
    expect(await readdir(directory)).toEqual(['server.sock'])
  })

  test('a link is left alone and not followed', async () => {
    await symlink('elsewhere', path)
    await expect(start()).rejects.toMatchObject({ code: 'EEXIST' })
    expect(existsSync(join(directory, 'elsewhere'))).toBe(false)
  })

  test('of two that start at once on a dead socket, at least one serves, and the other says why not', async () => {
    await makeStale()
    const outcomes = await Promise.allSettled([start(), start()])
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused.length).toBeLessThan(2)
    for (const { reason } of refused) expect(reason).toMatchObject({ isFakeSshError: true })
    await dial()
  })
})

describe('failures', () => {
  test('nobody listens', async () => {
    await makeStale()
    const error = await dial().catch((thrown) => thrown)
    expect(error).toMatchObject({
      code: 'ERR_FAKESSH_CONNECT_FAILED',
      host: path,
      cause: { code: 'ECONNREFUSED' },
    })
    expect(error.message).toContain('ECONNREFUSED')
  })

  test('no such socket', async () => {
    const error = await dial().catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_FAKESSH_CONNECT_FAILED', cause: { code: 'ENOENT' } })
  })

  test('no such directory to listen in', async () => {
    await expect(start({ path: join(directory, 'none', 'x.sock') })).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('a directory to listen in that is a file', async () => {
    await writeFile(join(directory, 'file'), '')
    await expect(start({ path: join(directory, 'file', 'x.sock') })).rejects.toMatchObject({
      code: 'ENOTDIR',
    })
  })

  test('aborted', async () => {
    await start()
    const reason = new Error('not any more')
    await expect(dialUnix({ path, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test.each<[string, unknown]>([
    ['empty', ''],
    ['an abstract name', '\0hidden'],
    ['too long for a socket', `/tmp/${'x'.repeat(110)}`],
    ['no text', 7],
  ])('a path that is %s', async (_name, wrong) => {
    const expected = { code: 'ERR_FAKESSH_INVALID_ARG', message: expect.stringContaining('path') }
    await expect(dialUnix({ path: wrong as string })).rejects.toMatchObject(expected)
    await expect(start({ path: wrong as string })).rejects.toMatchObject(expected)
  })

  test('a mode that is none', async () => {
    await expect(start({ mode: 0o1777 })).rejects.toMatchObject({ code: 'ERR_FAKESSH_INVALID_ARG' })
  })

  test('a time limit that is none', async () => {
    await expect(dialUnix({ path, connectTimeoutMs: 0 })).rejects.toMatchObject({
      code: 'ERR_FAKESSH_INVALID_ARG',
    })
  })
})
