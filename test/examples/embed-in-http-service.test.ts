// examples/embed-in-http-service: the service as a process of its own, its users over HTTP, its operator over fake-ssh.
import { on } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { FakeSshClient } from 'fake-ssh'
import { beforeEach, expect, test, vi } from 'vitest'
import { ExampleSandbox, type RunningExample } from '../helpers/example-sandbox.js'

// Each starts several processes, which compile TypeScript first.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let sandbox: ExampleSandbox
let service: RunningExample
let http: string
let client: FakeSshClient

beforeEach(async () => {
  sandbox = new ExampleSandbox()
  service = sandbox.start('embed-in-http-service')
  const [, address = '', url = ''] = await service.seen(/^(http:\S+)\n(fakessh:\S+)\n/)
  http = address
  client = await FakeSshClient.connect(url)
  return () => client.close({ drainMs: 0 })
})

const get = async (path: string) => {
  const response = await fetch(http + path)
  return { status: response.status, body: await response.text() }
}

test('the operator sees and steers the service its users are on', async () => {
  expect(await get('/hello/J%C3%BCrgen?x=1')).toEqual({ status: 200, body: 'hello, Jürgen\n' })
  expect(await get('//')).toEqual({ status: 404, body: 'there is only /hello/NAME\n' })
  expect(await get('/hello/%ff')).toEqual({ status: 200, body: 'hello, %ff\n' })
  const status = JSON.parse((await client.run('app:status')).stdout)
  expect(status).toEqual({ uptimeSeconds: expect.any(Number), requests: 3, isInMaintenance: false })

  expect((await client.run('app:maintenance', ['on'])).stdout).toBe('maintenance is on\n')
  expect((await get('/hello/you')).status).toBe(503)
  expect((await client.run('app:maintenance', ['off'])).stdout).toBe('maintenance is off\n')
  expect((await get('/hello/you')).status).toBe(200)
})

test('a command that is used in a wrong way says so', async () => {
  const result = await client.run('app:maintenance', ['perhaps'], { reject: false })
  expect(result).toMatchObject({ exitCode: 64, stdout: '', stderr: 'usage: app:maintenance on|off\n' })
})

test('requests are seen as they come, until the operator has seen enough', async () => {
  const tail = client.exec('app:tail')
  const lines = on(createInterface({ input: tail }), 'line')
  const next = async () => (await lines.next()).value[0]
  expect(await next()).toBe('watching')
  await get('/hello/one')
  expect(await next()).toBe('GET /hello/one 200')
  await get('/nothing%1b')
  expect(await next()).toBe('GET /nothing%1b 404')
  expect(await tail.kill('SIGINT')).toBe(true)
  expect(await tail.result).toMatchObject({ stderrDiscarded: false })
})

test('nothing but its three commands is possible', async () => {
  const denied = { code: 'ERR_FAKESSH_DENIED' }
  await expect(client.run('ls')).rejects.toMatchObject(denied)
  await expect(client.run('app:status; ls')).rejects.toMatchObject(denied)
  await expect(client.run('/bin/sh', ['-c', 'app:status'])).rejects.toMatchObject(denied)
  await expect(text(client.get('package.json'))).rejects.toMatchObject(denied)
  const put = client.put('x')
  put.end('x')
  await expect(put.result).rejects.toMatchObject(denied)
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s closes both, and the process ends by itself',
  async (signal) => {
    const tail = client.exec('app:tail')
    await new Promise((resolve) => tail.once('data', resolve))
    await get('/hello/you')
    const disconnected = new Promise((resolve) => client.once('disconnect', resolve))
    service.kill(signal)
    await service.seen(/shutting down/, 'stderr')
    await tail.kill()
    await tail.result
    await disconnected
    const { exitCode, stderr } = await service.ended
    expect(exitCode).toBe(0)
    expect(stderr).toBe('ops runs "app:tail"\nshutting down\nbye\n')
    await expect(get('/hello/you')).rejects.toThrow()
    expect(sandbox.survivors()).toEqual([])
    expect(sandbox.leftovers()).toEqual([])
  },
)
