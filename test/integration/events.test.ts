// What client, server and streams tell while they work: who, what, how far, and with which proof.
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { TransferChecksum, TransferProgress } from '../../src/index.js'
import { served } from '../helpers/served.js'
import { until } from '../helpers/until.js'

const BYTES = 3_000_000
const content = randomBytes(BYTES)
const sha256 = createHash('sha256').update(content).digest('hex')

function expectMonotonic(reports: readonly TransferProgress[]): void {
  for (const [index, report] of reports.entries()) {
    const before = reports[index - 1]
    expect(report.acknowledged).toBeLessThanOrEqual(report.transferred)
    expect(report.transferred).toBeGreaterThanOrEqual(before?.transferred ?? 0)
    expect(report.acknowledged).toBeGreaterThanOrEqual(before?.acknowledged ?? 0)
    expect(report.elapsedMs).toBeGreaterThanOrEqual(before?.elapsedMs ?? 0)
  }
  const final = { transferred: BYTES, acknowledged: BYTES, total: BYTES, percent: 100, etaMs: 0 }
  expect(reports.at(-1)).toMatchObject(final)
  // One that is due may already tell of everything; only the last comes before its time.
  const spaced = reports.slice(0, -1).map(({ elapsedMs }) => elapsedMs)
  for (const [index, elapsedMs] of spaced.entries())
    expect(elapsedMs - (spaced[index - 1] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThan(99)
}

test('a connection tells of its life in order', async () => {
  const all = await served({ transport: 'tls' })
  const { connect, events } = all
  const client = await connect()
  const ended: object[] = []
  client.on('disconnect', (event) => ended.push(event))
  await client.run('true')
  await client.close()
  await until(() => events('disconnect').length === 1)
  expect(all.eventNames).toEqual(['connection', 'authenticated', 'exec', 'exec', 'disconnect'])
  expect(events('connection')[0]).toMatchObject({
    connectionId: 1,
    peer: { kind: 'tcp', address: '127.0.0.1' },
    user: undefined,
  })
  expect(events('authenticated')[0]).toMatchObject({ connectionId: 1, user: 'test' })
  expect(events('disconnect')[0]).toMatchObject({ connectionId: 1, user: 'test', error: undefined })
  expect(ended).toEqual([{ error: undefined, willReconnect: false }])
})

test('exec tells its start with the process and its end with the result', async () => {
  const { connect, events } = await served()
  const client = await connect()
  await client.run('exit 3', { reject: false })
  await client.run('sh', ['-c', 'kill -9 $$'], { reject: false })
  await expect(client.run('no-such-program', [])).rejects.toMatchObject({ code: 'ENOENT' })
  expect(events('exec')).toMatchObject([
    { phase: 'start', command: 'exit 3', pid: expect.any(Number), cwd: '/', user: 'test' },
    {
      phase: 'end',
      command: 'exit 3',
      exitCode: 3,
      signal: null,
      isCancelled: false,
      durationMs: expect.any(Number),
    },
    { phase: 'start', file: 'sh', args: ['-c', 'kill -9 $$'] },
    { phase: 'end', exitCode: null, signal: 'SIGKILL' },
    { phase: 'failed', file: 'no-such-program', error: { code: 'ENOENT' } },
  ])
})

test('a download: metadata, progress and checksum on the client, transfer and progress on the server', async () => {
  const { connect, root, local, events } = await served({ transport: 'tls' })
  writeFileSync(join(root, 'a'), content, { mode: 0o640 })
  const client = await connect()
  const seen: { metadata: object[]; progress: TransferProgress[]; checksum: TransferChecksum[] } = {
    metadata: [],
    progress: [],
    checksum: [],
  }
  client.on('metadata', (event) => seen.metadata.push(event))
  client.on('progress', (event) => seen.progress.push(event))
  client.on('checksum', (event) => seen.checksum.push(event))
  const reported: TransferProgress[] = []
  const localPath = join(local, 'a')
  const receipt = await client.download('a', localPath, { onProgress: (progress) => reported.push(progress) })
  const which = { op: 'download', path: 'a', localPath }
  expect(seen.metadata).toMatchObject([{ ...which, size: BYTES, mode: 0o640 }])
  expect(seen.checksum).toEqual([
    { ...which, algorithm: 'sha256', local: sha256, remote: sha256, match: true },
  ])
  expectMonotonic(seen.progress)
  expectMonotonic(reported)
  expect(receipt).toMatchObject({
    bytes: BYTES,
    algorithm: 'sha256',
    digest: sha256,
    path: 'a',
    localPath,
    resumedFrom: 0,
  })
  expect(readFileSync(localPath).equals(content)).toBe(true)
  await until(() => events('transfer').length === 2)
  const onServer = { op: 'get', path: 'a', user: 'test' }
  expect(events('transfer')).toMatchObject([
    { ...onServer, phase: 'start' },
    { ...onServer, phase: 'end', receipt: { bytes: BYTES, digest: sha256 } },
  ])
  expectMonotonic(events('progress'))
})

test('a put stream: progress and checksum on the stream, on the client, and on the server', async () => {
  const { connect, root, events } = await served({ transport: 'tls' })
  const client = await connect()
  const stream = client.put('a', { size: BYTES, algorithm: 'md5' })
  const onStream: TransferProgress[] = []
  const onClient: TransferProgress[] = []
  const checksums: object[] = []
  stream.on('progress', (progress) => onStream.push(progress))
  stream.on('checksum', (checksum) => checksums.push(checksum))
  client.on('progress', (progress) => onClient.push(progress))
  for (let start = 0; start < BYTES; start += 50_000) stream.write(content.subarray(start, start + 50_000))
  const { digest } = await stream.end().result
  const md5 = createHash('md5').update(content).digest('hex')
  expect(digest).toBe(md5)
  expect(checksums).toEqual([{ algorithm: 'md5', local: md5, remote: md5, match: true }])
  expectMonotonic(onStream)
  expectMonotonic(onClient)
  expect(readFileSync(join(root, 'a')).equals(content)).toBe(true)
  await until(() => events('transfer').length === 2)
  expect(events('checksum')).toMatchObject([
    { op: 'put', path: 'a', algorithm: 'md5', local: md5, remote: md5, match: true },
  ])
  expectMonotonic(events('progress'))
})

test('an empty file has its one report too', async () => {
  const { connect, root, local } = await served()
  writeFileSync(join(root, 'empty'), '')
  const client = await connect()
  const reports: TransferProgress[] = []
  client.on('progress', (progress) => reports.push(progress))
  await client.download('empty', join(local, 'empty'))
  expect(reports).toMatchObject([{ transferred: 0, acknowledged: 0, total: 0, percent: 100 }])
})

test('a failed transfer ends with its error, and with no last report', async () => {
  const { connect, local, events } = await served()
  const client = await connect()
  await expect(client.download('missing', join(local, 'x'))).rejects.toMatchObject({
    code: 'ENOENT',
    op: 'download',
    path: 'missing',
  })
  await until(() => events('transfer').length === 1)
  expect(events('transfer')).toMatchObject([
    { phase: 'end', op: 'get', path: 'missing', error: { code: 'ENOENT' } },
  ])
  expect(events('progress')).toEqual([])
})

test('refused credentials are told, with the user they were for, escaped', async () => {
  const { connectOver, events } = await served()
  const { memoryPair } = await import('../../src/transport/memory-pair.js')
  await expect(connectOver(memoryPair(), { token: 'x'.repeat(40) })).rejects.toMatchObject({
    code: 'ERR_FAKESSH_AUTH_FAILED',
  })
  expect(events('denied')).toMatchObject([
    { op: 'authenticate', subject: 'test', error: { code: 'ERR_FAKESSH_AUTH_FAILED' } },
  ])
})

test('a listener that throws stops neither the operation nor the other side', async () => {
  const { recordUncaught } = await import('../helpers/uncaught.js')
  const uncaught = recordUncaught()
  const { server, connect } = await served()
  server.on('exec', () => {
    throw new Error('a bug in the application')
  })
  const client = await connect()
  await expect(client.run('echo fine')).resolves.toMatchObject({ stdout: 'fine\n' })
  expect(uncaught).toMatchObject([
    { message: 'a bug in the application' },
    { message: 'a bug in the application' },
  ])
})
