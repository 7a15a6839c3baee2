import { beforeEach, describe, expect, test } from 'vitest'
import type { ChannelHandler } from '../../../src/connection/channel-handler.js'
import { FakeSshError, TransferError } from '../../../src/errors.js'
import { ClientTransfer, type ClientTransferOptions } from '../../../src/files/client-transfer.js'
import type { Proof } from '../../../src/files/proof.js'
import { type RecordingObserver, recordingObserver } from '../../helpers/file-service-pair.js'
import { ScriptedChannel } from '../../helpers/scripted-channel.js'

const proof: Proof = { bytes: 3, algorithm: 'md5', digest: '900150983cd24fb0d6963f7d28e17f72' }

let channel: ScriptedChannel
let opens: unknown[][]
let handler: ChannelHandler
let calls: unknown[][]
let observer: RecordingObserver

beforeEach(() => {
  channel = new ScriptedChannel()
  opens = []
  calls = []
  observer = recordingObserver()
})

function makeTransfer(options: Partial<ClientTransferOptions> = {}): ClientTransfer {
  const record =
    (name: string) =>
    (...values: unknown[]) => {
      calls.push([name, ...values])
    }
  return new ClientTransfer(
    {
      opener: {
        open: (...values) => {
          opens.push(values.slice(0, 3))
          handler = values[3]
          return channel
        },
      },
      kind: 'get',
      windows: [100],
      stop: {},
      info: { op: 'get', path: 'a\nb' },
      observers: [observer],
      ...options,
    },
    {
      onOpened: record('opened'),
      onData: record('data'),
      onEof: record('eof'),
      onProof: record('proof'),
      onFailed: record('failed'),
    },
  )
}

function started(options?: Partial<ClientTransferOptions>): ClientTransfer {
  const transfer = makeTransfer(options)
  transfer.start({ path: 'a' })
  return transfer
}

describe('running', () => {
  test('opens the channel and passes on what comes', () => {
    const transfer = started()
    expect(opens).toEqual([['get', { path: 'a' }, [100]]])
    expect(transfer.channel).toBe(channel)
    const bytes = Buffer.from('abc')
    handler.onOpened?.({ size: 3 })
    handler.onData(0, bytes)
    handler.onEof(0)
    handler.onCommit?.(proof)
    expect(calls).toEqual([['opened', { size: 3 }], ['data', bytes], ['eof'], ['proof', proof]])
  })

  test('concludes, then succeeds: the channel closes in between', async () => {
    const transfer = started()
    transfer.conclude(proof, proof)
    expect(channel.sent).toEqual(['close'])
    const receipt = transfer.succeed(proof, { mode: 0o644 })
    expect(receipt).toMatchObject({ bytes: 3, digest: proof.digest, mode: 0o644, path: 'a\nb' })
    expect(await transfer.result.promise).toBe(receipt)
    expect(observer.told.map(({ event }) => event)).toEqual(['checksum', 'progress', 'end'])
  })

  test('a claim that differs is no conclusion, and can still fail it', async () => {
    const transfer = started()
    expect(() => transfer.conclude(proof, { ...proof, bytes: 4 })).toThrow(
      expect.objectContaining({ code: 'ERR_FAKESSH_LENGTH_MISMATCH' }),
    )
    expect(observer.of('checksum')).toHaveLength(1)
    expect(channel.sent).toEqual([])
    transfer.stop('stopped')
    await expect(transfer.result.promise).rejects.toBe('stopped')
  })
})

describe('failing', () => {
  test('an error of ours becomes one that knows the transfer', async () => {
    const transfer = started({ info: { op: 'download', path: 'a\nb', localPath: '/tmp/x' } })
    transfer.tracker.meter.addTransferred(7)
    const cause = new FakeSshError('EIO', 'EIO: i/o error')
    transfer.fail(cause)
    const error = await transfer.result.promise.catch((reason) => reason)
    expect(error).toBeInstanceOf(TransferError)
    expect(error).toMatchObject({
      code: 'EIO',
      message: "download 'a\\x0ab': EIO: i/o error",
      op: 'download',
      path: 'a\nb',
      localPath: '/tmp/x',
      host: 'peer:1',
      bytesTransferred: 7,
      cause,
    })
    expect(calls).toEqual([['failed', error]])
    expect(channel.sent).toEqual(['abort'])
    expect(observer.of('end')).toEqual([{ error }])
  })

  test('any other error is internal, with its cause', async () => {
    const transfer = started()
    const cause = new TypeError('x is not a function')
    transfer.fail(cause)
    await expect(transfer.result.promise).rejects.toMatchObject({
      code: 'ERR_FAKESSH_INTERNAL',
      message: "get 'a\\x0ab': failed in an unexpected way",
      cause,
    })
  })

  test('the first failure counts, and is told once', async () => {
    const transfer = started()
    transfer.stop('first')
    transfer.fail(new Error('second'))
    transfer.stop('third')
    handler.onClosed(undefined)
    await expect(transfer.result.promise).rejects.toBe('first')
    expect(calls).toEqual([['failed', 'first']])
  })

  test.each<[string, FakeSshError | undefined, string]>([
    ['closed by the peer', undefined, 'ERR_FAKESSH_CANCELLED'],
    ['refused', new FakeSshError('ENOENT', 'none'), 'ENOENT'],
    ['lost', new FakeSshError('ERR_FAKESSH_CONNECTION_LOST', 'gone'), 'ERR_FAKESSH_CONNECTION_LOST'],
  ])('a channel that is %s', async (_name, error, code) => {
    const transfer = started()
    handler.onClosed(error)
    await expect(transfer.result.promise).rejects.toMatchObject({ code })
    expect(channel.sent).toContain('close')
  })

  test('an error commit, escaped', async () => {
    const transfer = started()
    handler.onCommit?.({ error: { code: 'EIO', message: 'bad\u0007' } })
    await expect(transfer.result.promise).rejects.toMatchObject({
      code: 'EIO',
      message: "get 'a\\x0ab': bad\\x07",
    })
  })

  test('an error of ours in the role fails it; any other mistake is left to the connection', async () => {
    const transfer = new ClientTransfer(
      {
        opener: {
          open: (...values) => {
            handler = values[3]
            return channel
          },
        },
        kind: 'put',
        windows: [],
        stop: {},
        info: { op: 'put', path: 'a' },
        observers: [],
      },
      {
        onOpened: () => {
          throw new RangeError('mistake')
        },
        onProof: () => {
          throw new FakeSshError('ERR_FAKESSH_PROTOCOL', 'too early')
        },
        onFailed: () => undefined,
      },
    )
    transfer.start({})
    expect(() => handler.onOpened?.({})).toThrow(RangeError)
    handler.onCommit?.(proof)
    await expect(transfer.result.promise).rejects.toMatchObject({ code: 'ERR_FAKESSH_PROTOCOL' })
  })
})

describe('once it is over', () => {
  test('nothing that comes is passed on', () => {
    const transfer = started()
    transfer.stop('over')
    calls.length = 0
    handler.onOpened?.({})
    handler.onData(0, Buffer.from('x'))
    handler.onEof(0)
    handler.onAcknowledged?.(0, 5)
    handler.onCommit?.(proof)
    handler.onCommit?.({ error: { code: 'EIO', message: 'x' } })
    handler.onClosed(undefined)
    expect(calls).toEqual([])
  })

  test('while it concludes only this side can fail it', async () => {
    const controller = new AbortController()
    const transfer = started({ stop: { signal: controller.signal } })
    transfer.conclude(proof, proof)
    controller.abort('late')
    transfer.stop('late')
    handler.onCommit?.({ error: { code: 'EIO', message: 'late' } })
    handler.onClosed(new FakeSshError('ERR_FAKESSH_CONNECTION_LOST', 'late'))
    expect(calls).toEqual([])
    transfer.fail(new FakeSshError('ENOSPC', 'full'))
    await expect(transfer.result.promise).rejects.toMatchObject({ code: 'ENOSPC' })
  })

  test('after success nothing can', async () => {
    const transfer = started()
    transfer.conclude(proof, proof)
    transfer.succeed(proof)
    transfer.fail(new Error('late'))
    await expect(transfer.result.promise).resolves.toMatchObject({ bytes: 3 })
    expect(calls).toEqual([])
  })
})

describe('stopping from outside', () => {
  test('an aborted signal: nothing is opened', async () => {
    const transfer = started({ stop: { signal: AbortSignal.abort('early') } })
    expect(opens).toEqual([])
    expect(transfer.channel).toBeUndefined()
    expect(calls).toEqual([['failed', 'early']])
    await expect(transfer.result.promise).rejects.toBe('early')
  })

  test('an abort later, with any reason at all', async () => {
    for (const reason of ['text', 0, null, new FakeSshError('ERR_MINE', 'mine')]) {
      const controller = new AbortController()
      const transfer = started({ stop: { signal: controller.signal } })
      controller.abort(reason)
      await expect(transfer.result.promise).rejects.toBe(reason)
    }
  })

  test('the timeout', async () => {
    const transfer = started({ stop: { timeoutMs: 1 } })
    await expect(transfer.result.promise).rejects.toMatchObject({
      name: 'TransferError',
      code: 'ERR_FAKESSH_TIMEOUT',
      message: "get 'a\\x0ab': took longer than 1 ms",
    })
    expect(channel.sent).toEqual(['abort'])
  })
})

test('acknowledged bytes reach the meter', () => {
  const transfer = started()
  transfer.tracker.meter.addTransferred(10)
  handler.onAcknowledged?.(0, 4)
  transfer.conclude(proof, proof)
  transfer.succeed(proof)
  expect(observer.of('progress')).toMatchObject([{ transferred: 10, acknowledged: 10 }])
})
