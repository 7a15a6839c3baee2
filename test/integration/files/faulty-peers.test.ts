// Peers that lie, break off, or say things out of order, written out frame by frame on the other end's channel.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import type { Channel, ChannelHandler, IncomingOpen } from '../../../src/connection/channel-handler.js'
import type { FakeSshError } from '../../../src/errors.js'
import { download } from '../../../src/files/download.js'
import { GetReadable } from '../../../src/files/get-readable.js'
import { PutWritable } from '../../../src/files/put-writable.js'
import type { TransferChecksum } from '../../../src/files/transfer.js'
import { upload } from '../../../src/files/upload.js'
import type { CommitMessage, JsonObject } from '../../../src/protocol/messages.js'
import { type FileServicePair, fileServicePair } from '../../helpers/file-service-pair.js'
import { openBelow } from '../../helpers/temporary-directory.js'
import { turns, until } from '../../helpers/until.js'

const content = Buffer.from('the quick brown fox')
const digest = createHash('sha256').update(content).digest('hex')
const proof = { bytes: content.length, algorithm: 'sha256', digest }
const info = { size: content.length, mode: 0o644, mtimeMs: 5 }
const failing = (code: string) => expect.objectContaining({ code })

const nothing: ChannelHandler = { onData: () => undefined, onEof: () => undefined, onClosed: () => undefined }

/** A server of `get` that does what the script says once it has accepted. */
function getServer(script: (channel: Channel) => void, answer: JsonObject = info) {
  return (open: IncomingOpen) => {
    const { channel } = open
    open.accept(answer, [], { ...nothing, onClosed: () => channel.close() })
    script(channel)
  }
}

const sendContent = (channel: Channel) => channel.send(0, content, () => undefined)

describe('a server of get', () => {
  const scripts: [what: string, code: string, script: (channel: Channel) => void, answer?: JsonObject][] = [
    [
      'claims another digest',
      'ERR_FAKESSH_DIGEST_MISMATCH',
      (channel) => {
        sendContent(channel)
        channel.sendEof(0)
        channel.sendCommit({ ...proof, digest: 'f'.repeat(64) })
      },
    ],
    [
      'claims more bytes',
      'ERR_FAKESSH_LENGTH_MISMATCH',
      (channel) => {
        sendContent(channel)
        channel.sendEof(0)
        channel.sendCommit({ ...proof, bytes: proof.bytes + 1 })
      },
    ],
    [
      'claims fewer bytes',
      'ERR_FAKESSH_LENGTH_MISMATCH',
      (channel) => {
        sendContent(channel)
        channel.sendEof(0)
        channel.sendCommit({ ...proof, bytes: 0 })
      },
    ],
    [
      'uses another algorithm',
      'ERR_FAKESSH_PROTOCOL',
      (channel) => {
        sendContent(channel)
        channel.sendEof(0)
        channel.sendCommit({ ...proof, algorithm: 'md5', digest: 'f'.repeat(32) })
      },
    ],
    [
      'commits before the end',
      'ERR_FAKESSH_PROTOCOL',
      (channel) => {
        sendContent(channel)
        channel.sendCommit(proof)
      },
    ],
    ['commits nothing at all', 'ERR_FAKESSH_PROTOCOL', (channel) => channel.sendCommit(proof)],
    [
      'closes without a commit',
      'ERR_FAKESSH_CANCELLED',
      (channel) => {
        sendContent(channel)
        channel.sendEof(0)
        channel.close()
      },
    ],
    ['closes at once', 'ERR_FAKESSH_CANCELLED', (channel) => channel.close()],
    [
      'reports an error in the middle',
      'EIO',
      (channel) => {
        sendContent(channel)
        channel.sendCommit({ error: { code: 'EIO', message: 'EIO: i/o error' } })
      },
    ],
    [
      'reports an error after the end',
      'ERR_FAKESSH_SOURCE_CHANGED',
      (channel) => {
        sendContent(channel)
        channel.sendEof(0)
        channel.sendCommit({ error: { code: 'ERR_FAKESSH_SOURCE_CHANGED', message: 'it changed' } })
      },
    ],
    ['answers with no facts', 'ERR_FAKESSH_PROTOCOL', () => undefined, {}],
    ['answers with wrong facts', 'ERR_FAKESSH_PROTOCOL', () => undefined, { ...info, size: -1 }],
  ]

  test.each(scripts)('that %s: the stream never ends well', async (_what, code, script, answer) => {
    const pair = await fileServicePair({ serve: getServer(script, answer) })
    const stream = new GetReadable(pair.client, 'file')
    let hasEnded = false
    stream.on('end', () => {
      hasEnded = true
    })
    await expect(pipeline(stream, drain)).rejects.toThrow(failing(code))
    await expect(stream.result).rejects.toThrow(failing(code))
    expect(hasEnded).toBe(false)
    await until(() => pair.client.pendingOperations === 0)
  })

  test.each(scripts)('that %s: a download leaves what was there', async (_what, code, script, answer) => {
    const pair = await fileServicePair({ serve: getServer(script, answer) })
    writeFileSync(pair.local.at('copy'), 'old')
    await expect(download(pair.client, 'file', pair.local.at('copy'))).rejects.toThrow(failing(code))
    expect(pair.local.list()).toEqual(['copy'])
    expect(readFileSync(pair.local.at('copy'), 'utf8')).toBe('old')
    expect(openBelow(pair.local.path)).toEqual([])
  })

  test('a mismatch names both digests, and tells the checksum event', async () => {
    const lie = 'f'.repeat(64)
    const pair = await fileServicePair({
      serve: getServer((channel) => {
        sendContent(channel)
        channel.sendEof(0)
        channel.sendCommit({ ...proof, digest: lie })
      }),
    })
    const stream = new GetReadable(pair.client, 'file').resume() as GetReadable
    const seen: TransferChecksum[] = []
    stream.on('checksum', (checksum) => seen.push(checksum))
    const error = await stream.result.catch((reason) => reason)
    expect(error.message).toBe(`get 'file': the sha256 is ${lie} at the peer and ${digest} on this side`)
    expect(error.bytesTransferred).toBe(content.length)
    expect(seen).toEqual([{ algorithm: 'sha256', local: digest, remote: lie, match: false }])
  })

  test('what it says is escaped', async () => {
    const pair = await fileServicePair({
      serve: (open) => open.reject('E\u001b[31m', 'line\nbreak \u202e'),
    })
    const error = await new GetReadable(pair.client, 'a\nb').result.catch((reason) => reason)
    expect(`${error.code} ${error.message}`).toBe("E\\x1b[31m get 'a\\x0ab': line\\x0abreak \\u{202e}")
    expect(error.path).toBe('a\nb')
  })

  test('bytes and a second commit after the proof are ignored', async () => {
    const pair = await fileServicePair({
      serve: getServer((channel) => {
        sendContent(channel)
        channel.sendEof(0)
        channel.sendCommit(proof)
        channel.sendCommit({ error: { code: 'EIO', message: 'late' } })
      }),
    })
    const stream = new GetReadable(pair.client, 'file')
    expect((await drain(stream)).toString()).toBe(content.toString())
    expect((await stream.result).digest).toBe(digest)
  })
})

async function drain(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A server of `put` that answers the client's COMMIT, or speaks before it. */
function putServer(script: (channel: Channel, claim?: CommitMessage) => void, isEarly = false) {
  return (open: IncomingOpen) => {
    const { channel } = open
    open.accept({}, [1_000_000], {
      ...nothing,
      onCommit: (claim) => {
        if (!isEarly) script(channel, claim)
      },
      onClosed: () => channel.close(),
    })
    if (isEarly) script(channel)
  }
}

describe('a server of put', () => {
  const scripts: [what: string, code: string, script: (channel: Channel) => void, isEarly?: boolean][] = [
    [
      'claims another digest',
      'ERR_FAKESSH_DIGEST_MISMATCH',
      (channel) => channel.sendCommit({ ...proof, digest: '0'.repeat(64) }),
    ],
    [
      'claims fewer bytes',
      'ERR_FAKESSH_LENGTH_MISMATCH',
      (channel) => channel.sendCommit({ ...proof, bytes: 1 }),
    ],
    [
      'uses another algorithm',
      'ERR_FAKESSH_PROTOCOL',
      (channel) => channel.sendCommit({ ...proof, algorithm: 'sha512' }),
    ],
    ['closes without an answer', 'ERR_FAKESSH_CANCELLED', (channel) => channel.close()],
    ['closes at once', 'ERR_FAKESSH_CANCELLED', (channel) => channel.close(), true],
    [
      'reports an error',
      'EDQUOT',
      (channel) => channel.sendCommit({ error: { code: 'EDQUOT', message: 'quota' } }),
    ],
    [
      'reports an error at once',
      'EDQUOT',
      (channel) => channel.sendCommit({ error: { code: 'EDQUOT', message: 'quota' } }),
      true,
    ],
  ]

  test.each(scripts)('that %s: the stream never finishes', async (_what, code, script, isEarly) => {
    const pair = await fileServicePair({ serve: putServer(script, isEarly) })
    const stream = new PutWritable(pair.client, 'file')
    let hasFinished = false
    stream.on('finish', () => {
      hasFinished = true
    })
    await expect(pipeline(Readable.from([content]), stream)).rejects.toThrow(failing(code))
    await expect(stream.result).rejects.toThrow(failing(code))
    expect(hasFinished).toBe(false)
    await until(() => pair.client.pendingOperations === 0)
  })

  test.each(scripts)('that %s: an upload fails', async (_what, code, script, isEarly) => {
    const pair = await fileServicePair({ serve: putServer(script, isEarly) })
    writeFileSync(pair.local.at('file'), content)
    await expect(upload(pair.client, pair.local.at('file'), 'file')).rejects.toThrow(failing(code))
    expect(openBelow(pair.local.path)).toEqual([])
  })

  test('that does not answer a restart: an upload ends when it is told to', async () => {
    const controller = new AbortController()
    const reason = Symbol('stop')
    const pair = await fileServicePair({
      serve: (open) => {
        const onRequest = () => {
          controller.abort(reason)
          return new Promise<JsonObject>(() => undefined)
        }
        // It does not even close.
        open.accept({ start: 5, digest: 'f'.repeat(64) }, [1_000_000], { ...nothing, onRequest })
      },
    })
    writeFileSync(pair.local.at('file'), content)
    const { signal } = controller
    await expect(upload(pair.client, pair.local.at('file'), 'file', { signal })).rejects.toBe(reason)
    expect(openBelow(pair.local.path)).toEqual([])
  })

  test('that commits before it has the bytes', async () => {
    const pair = await fileServicePair({ serve: putServer((channel) => channel.sendCommit(proof), true) })
    const stream = new PutWritable(pair.client, 'file')
    stream.write(content)
    await expect(stream.result).rejects.toThrow(failing('ERR_FAKESSH_PROTOCOL'))
  })

  test('that fails while the writer still writes ends it at once', async () => {
    let fail: () => void = () => undefined
    const pair = await fileServicePair({
      serve: putServer((channel) => {
        fail = () => channel.sendCommit({ error: { code: 'ENOSPC', message: 'full' } })
      }, true),
    })
    const stream = new PutWritable(pair.client, 'file')
    const first = await new Promise((resolve) => stream.write('x', resolve))
    expect(first).toBeFalsy()
    fail()
    await expect(stream.result).rejects.toThrow(failing('ENOSPC'))
    expect(stream.destroyed).toBe(true)
  })
})

describe('a client of put', () => {
  /** Opens a put by hand. Settles when the server has accepted or refused. */
  async function opened(pair: FileServicePair, params: object = { path: 'file' }) {
    const commits: CommitMessage[] = []
    let closing: { error: FakeSshError | undefined } | undefined
    const isOpen = await new Promise<boolean>((resolve) => {
      channel = pair.client.open('put', params, [], {
        ...nothing,
        onOpened: () => resolve(true),
        onCommit: (commit) => commits.push(commit),
        onClosed: (error) => {
          closing = { error }
          resolve(false)
        },
      })
    })
    return { channel, commits, isOpen, refusal: () => closing?.error }
  }
  let channel: Channel

  const claims: [what: string, code: string, act: (channel: Channel) => void][] = [
    [
      'claims another digest',
      'ERR_FAKESSH_DIGEST_MISMATCH',
      (channel) => {
        sendContent(channel)
        channel.sendEof(0)
        channel.sendCommit({ ...proof, digest: '1'.repeat(64) })
      },
    ],
    [
      'claims other bytes',
      'ERR_FAKESSH_LENGTH_MISMATCH',
      (channel) => {
        sendContent(channel)
        channel.sendEof(0)
        channel.sendCommit({ ...proof, bytes: 7 })
      },
    ],
    [
      'uses another algorithm',
      'ERR_FAKESSH_PROTOCOL',
      (channel) => {
        sendContent(channel)
        channel.sendEof(0)
        channel.sendCommit({ ...proof, algorithm: 'crc32', digest: '1'.repeat(32) })
      },
    ],
    [
      'commits before the end',
      'ERR_FAKESSH_PROTOCOL',
      (channel) => {
        sendContent(channel)
        channel.sendCommit(proof)
      },
    ],
    [
      'reports that its source broke',
      'EIO',
      (channel) => {
        sendContent(channel)
        channel.sendCommit({ error: { code: 'EIO', message: 'broken' } })
      },
    ],
  ]

  test.each(claims)('that %s is told, and nothing becomes visible', async (_what, code, act) => {
    const pair = await fileServicePair()
    writeFileSync(pair.root.at('file'), 'old')
    const { channel, commits } = await opened(pair)
    act(channel)
    await until(() => commits.length > 0)
    expect(commits).toEqual([{ error: { code, message: expect.any(String) } }])
    // At this moment, and not only later.
    expect(pair.root.list()).toEqual(['file'])
    expect(readFileSync(pair.root.at('file'), 'utf8')).toBe('old')
    channel.close()
    await pair.served()
    expect(pair.observed.of('end')).toMatchObject([{ error: { code } }])
  })

  test.each<[string, (channel: Channel) => void]>([
    ['closes before any byte', (channel) => channel.close()],
    [
      'closes after the end',
      (channel) => {
        sendContent(channel)
        channel.sendEof(0)
        channel.close()
      },
    ],
    [
      'aborts in the middle',
      (channel) => {
        sendContent(channel)
        channel.abort()
      },
    ],
  ])('that %s without a commit: nothing becomes visible', async (_what, act) => {
    const pair = await fileServicePair()
    const { channel } = await opened(pair)
    act(channel)
    await pair.served()
    expect(pair.root.list()).toEqual([])
    expect(pair.observed.of('end')).toMatchObject([{ error: { code: 'ERR_FAKESSH_CANCELLED' } }])
    await until(() => pair.client.pendingOperations === 0)
  })

  test('that goes on after an error commit costs no memory and is not heard', async () => {
    const pair = await fileServicePair()
    const { channel, commits } = await opened(pair)
    channel.sendCommit({ error: { code: 'EIO', message: 'x' } })
    await until(() => commits.length === 1)
    for (let i = 0; i < 40; i++)
      await new Promise<void>((resolve) => channel.send(0, Buffer.alloc(65_536), () => resolve()))
    channel.sendCommit(proof)
    await turns(5)
    expect(commits).toHaveLength(1)
    channel.close()
    await pair.served()
    expect(pair.root.list()).toEqual([])
  })

  test.each<[string, object]>([
    ['ERR_FAKESSH_INVALID_ARG', {}],
    ['ERR_FAKESSH_INVALID_ARG', { path: 7 }],
    ['ERR_FAKESSH_INVALID_ARG', { path: 'file', mode: 0o4755 }],
    ['ERR_FAKESSH_INVALID_ARG', { path: 'file', size: -1 }],
    ['ERR_FAKESSH_INVALID_ARG', { path: 'file', mtimeMs: 1e300 }],
    ['ERR_FAKESSH_INVALID_PATH', { path: '' }],
    ['ERR_FAKESSH_INVALID_PATH', { path: 'file\0.txt' }],
    ['ERR_FAKESSH_UNSUPPORTED', { path: 'file', algorithm: 'rot13' }],
    ['ERR_FAKESSH_OUTSIDE_ROOT', { path: '/../file' }],
    ['ENAMETOOLONG', { path: 'x/'.repeat(10_000) }],
  ])('is refused with %s for %.60j', async (code, params) => {
    const pair = await fileServicePair()
    const { isOpen, refusal } = await opened(pair, params)
    expect([isOpen, refusal()?.code]).toEqual([false, code])
    await pair.served()
    expect(pair.root.list()).toEqual([])
    expect(pair.observed.of('end')).toMatchObject([{ error: { code } }])
  })

  test('that gives up before the answer leaves nothing', async () => {
    const pair = await fileServicePair()
    for (const kind of ['put', 'get']) {
      writeFileSync(pair.root.at('source'), 'x')
      const channel = pair.client.open(kind, { path: kind === 'put' ? 'file' : 'source' }, [1000], nothing)
      await turns(0)
      channel.abort()
    }
    await until(() => pair.client.pendingOperations === 0)
    await pair.served()
    expect(pair.root.list()).toEqual(['source'])
    expect(openBelow(pair.root.path)).toEqual([])
  })
})

describe('a client of get', () => {
  test.each<[string, object]>([
    ['ERR_FAKESSH_INVALID_ARG', {}],
    ['ERR_FAKESSH_UNSUPPORTED', { path: 'file', algorithm: '' }],
    ['ERR_FAKESSH_INVALID_ARG', { path: 'file', offset: -5 }],
    ['ERR_FAKESSH_INVALID_ARG', { path: 'file', length: 'all' }],
    ['ERR_FAKESSH_OUTSIDE_ROOT', { path: 'dir/../../file' }],
    ['EISDIR', { path: 'dir' }],
  ])('is refused with %s for %j', async (code, params) => {
    const pair = await fileServicePair()
    mkdirSync(pair.root.at('dir'))
    const refusal = await new Promise<FakeSshError | undefined>((resolve) => {
      pair.client.open('get', params, [1000], { ...nothing, onClosed: resolve })
    })
    expect(refusal?.code).toBe(code)
    expect(refusal?.message).not.toContain(pair.root.path)
  })

  test('that never reads and closes: the server stops and closes the file', async () => {
    const pair = await fileServicePair()
    writeFileSync(pair.root.at('file'), Buffer.alloc(2_000_000))
    let received = 0
    const channel = pair.client.open('get', { path: 'file' }, [100_000], {
      ...nothing,
      onData: (_stream, bytes) => {
        received += bytes.length
      },
    })
    await until(() => received === 100_000)
    expect(openBelow(pair.root.path)).toHaveLength(1)
    channel.close()
    await pair.served()
    expect(openBelow(pair.root.path)).toEqual([])
    expect(pair.observed.of('end')).toMatchObject([{ error: { code: 'ERR_FAKESSH_CANCELLED' } }])
  })

  test('without a window gets nothing, and costs nobody else', async () => {
    const pair = await fileServicePair()
    writeFileSync(pair.root.at('file'), content)
    const channel = pair.client.open('get', { path: 'file' }, [0], nothing)
    const stream = new GetReadable(pair.client, 'file')
    expect((await drain(stream)).toString()).toBe(content.toString())
    channel.close()
    await pair.served()
  })
})

describe('a connection that is lost', () => {
  const ways: [string, (pair: FileServicePair) => void][] = [
    ['with an error', (pair) => pair.server.transport.stream.destroy(new Error('cable cut'))],
    ['quietly', (pair) => pair.server.transport.stream.destroy()],
  ]

  test.each(ways)('%s during get', async (_way, cut) => {
    const pair = await fileServicePair()
    writeFileSync(pair.root.at('file'), Buffer.alloc(5_000_000))
    const stream = new GetReadable(pair.client, 'file')
    const first = new Promise((resolve) => stream.once('data', resolve))
    await first
    stream.pause()
    cut(pair)
    const error = await stream.result.catch((reason) => reason)
    expect(error).toMatchObject({
      name: 'TransferError',
      code: 'ERR_FAKESSH_CONNECTION_LOST',
      op: 'get',
      path: 'file',
    })
    expect(error.bytesTransferred).toBeGreaterThan(0)
    expect(error.cause).toMatchObject({ name: 'ConnectionError' })
    await pair.served()
    expect(pair.observed.of('end')).toMatchObject([{ error: { code: 'ERR_FAKESSH_CONNECTION_LOST' } }])
    expect(openBelow(pair.root.path)).toEqual([])
  })

  test.each(ways)('%s during put', async (_way, cut) => {
    const pair = await fileServicePair()
    writeFileSync(pair.root.at('file'), 'old')
    const stream = new PutWritable(pair.client, 'file')
    await new Promise((resolve) => stream.write(Buffer.alloc(300_000), resolve))
    cut(pair)
    const error = await stream.result.catch((reason) => reason)
    expect(error).toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST', op: 'put', bytesTransferred: 300_000 })
    await pair.served()
    expect(pair.root.list()).toEqual(['file'])
    expect(readFileSync(pair.root.at('file'), 'utf8')).toBe('old')
  })

  test('before the server has answered', async () => {
    const pair = await fileServicePair({ serve: () => undefined })
    const get = new GetReadable(pair.client, 'file')
    const put = new PutWritable(pair.client, 'file')
    const ended = new Promise((resolve) => put.end('x', (error?: Error | null) => resolve(error)))
    await turns(5)
    pair.client.transport.stream.destroy()
    await expect(get.result).rejects.toThrow(failing('ERR_FAKESSH_CONNECTION_LOST'))
    await expect(put.result).rejects.toThrow(failing('ERR_FAKESSH_CONNECTION_LOST'))
    expect(await ended).toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
  })

  test('before it began', async () => {
    const pair = await fileServicePair()
    await pair.close()
    await expect(new GetReadable(pair.client, 'file').result).rejects.toThrow(failing('ERR_FAKESSH_CLOSED'))
    const put = new PutWritable(pair.client, 'file')
    put.end('x')
    await expect(put.result).rejects.toThrow(failing('ERR_FAKESSH_CLOSED'))
  })
})
