// What `connectedPair({ intercept })` is for: damage, loss and cuts below a real client and a real server.
import { readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { type ConnectedPair, connectedPair } from '../../../src/testing/index.js'
import { temporaryDirectory } from '../../helpers/temporary-directory.js'

type Intercept = NonNullable<NonNullable<Parameters<typeof connectedPair>[0]>['intercept']>

const MARKER = Buffer.from('-here-')

async function pairWith(root: string, intercept: Intercept): Promise<ConnectedPair> {
  return connectedPair({ user: { root, exec: 'shell' }, intercept })
}

/** Replaces the marker wherever it passes. */
function replacing(replacement: Buffer): Intercept {
  return (bytes) => {
    const at = bytes.indexOf(MARKER)
    if (at === -1) return bytes
    return Buffer.concat([bytes.subarray(0, at), replacement, bytes.subarray(at + MARKER.length)])
  }
}

test('sees both directions and changes nothing by itself', async () => {
  const { path } = temporaryDirectory()
  const seen = { 'to-server': 0, 'to-client': 0 }
  const pair = await pairWith(path, (bytes, direction) => {
    seen[direction] += bytes.length
    return bytes
  })
  const { stdout } = await pair.client.run('cat', { input: 'x'.repeat(300_000) })
  await pair.close()
  expect(stdout).toBe('x'.repeat(300_000))
  expect(seen['to-server']).toBeGreaterThan(300_000)
  expect(seen['to-client']).toBeGreaterThan(300_000)
})

test('gets copies: what it writes into them does not reach the sender', async () => {
  const { path, at } = temporaryDirectory()
  const source = Buffer.from('some content')
  writeFileSync(at('target'), 'old')
  const pair = await pairWith(path, (bytes) => {
    const found = bytes.indexOf('content')
    return found === -1 ? bytes : Buffer.from(bytes.fill(0, found, found + 1))
  })
  const put = pair.client.put('target')
  put.end(source)
  await expect(put.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_PROTOCOL' })
  await pair.close()
  expect(source.toString()).toBe('some content')
  expect(readFileSync(at('target'), 'utf8')).toBe('old')
})

test.each([
  ['damaged', Buffer.from('-HERE-')],
  ['lost', Buffer.alloc(0)],
  ['more', Buffer.from('-here--here-')],
])('bytes that arrive %s are refused', async (_how, replacement) => {
  const { path, list } = temporaryDirectory()
  const pair = await pairWith(path, replacing(replacement))
  const ended = new Promise<void>((resolve) => {
    pair.server.on('transfer', ({ phase }) => {
      if (phase === 'end') resolve()
    })
  })
  const put = pair.client.put('target')
  put.end('what is -here- is sent')
  await expect(put.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_PROTOCOL' })
  await expect(pair.client.run('true')).rejects.toMatchObject({ name: 'ExecError' })
  await ended
  await pair.close()
  expect(list()).toEqual([])
})

test('damage that a CRC-32 cannot see is refused by the digest, and the connection stays usable', async () => {
  const { path, at, list } = temporaryDirectory()
  writeFileSync(at('target'), 'old')
  // A multiple of the CRC's own polynomial: added to any message, it leaves the CRC as it is.
  const unseen = [0x41, 0x06, 0x71, 0xdb, 0x01]
  const damaged = Buffer.from(MARKER)
  for (const [index, bits] of unseen.entries()) damaged[index] = (damaged[index] ?? 0) ^ bits
  const pair = await pairWith(path, replacing(damaged))
  const put = pair.client.put('target')
  put.end('what is -here- is sent')
  await expect(put.result).rejects.toMatchObject({ code: 'ERR_FAKESSH_DIGEST_MISMATCH' })
  expect(readFileSync(at('target'), 'utf8')).toBe('old')
  expect((await pair.client.run('echo still here')).stdout).toBe('still here\n')
  writeFileSync(at('source'), 'what is -here- is read')
  await expect(text(pair.client.get('source'))).rejects.toMatchObject({ code: 'ERR_FAKESSH_DIGEST_MISMATCH' })
  await pair.close()
  expect(list()).toEqual(['source', 'target'])
})

test('a throw cuts the connection, and is its cause', async () => {
  const { path } = temporaryDirectory()
  const cut = new Error('scissors')
  let isCutting = false
  const pair = await pairWith(path, (bytes) => {
    if (isCutting) throw cut
    return bytes
  })
  const running = pair.client.run('sleep 60')
  isCutting = true
  await expect(running).rejects.toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
  expect(pair.client.isConnected).toBe(false)
  await pair.close()
})

test('what is not bytes cuts the connection too', async () => {
  const { path } = temporaryDirectory()
  let isBroken = false
  const pair = await pairWith(path, (bytes) => (isBroken ? (undefined as unknown as Buffer) : bytes))
  isBroken = true
  await expect(pair.client.run('true')).rejects.toMatchObject({ code: 'ERR_FAKESSH_CONNECTION_LOST' })
  await pair.close()
})

test('what is not a function is refused', async () => {
  const intercept = 'x' as unknown as Intercept
  await expect(connectedPair({ intercept })).rejects.toMatchObject({ code: 'ERR_FAKESSH_INVALID_ARG' })
})
