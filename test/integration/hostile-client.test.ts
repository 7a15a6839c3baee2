// A client that has a TLS connection and no manners: it speaks before it is let in, claims to be others, and breaks every rule of the
// frames. It gets nothing done, is cut off, and those beside it notice nothing.
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TLSSocket, connect as tlsConnect } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { makeSelfSigned } from '../../src/auth/self-signed.js'
import { pskFromToken } from '../../src/auth/token.js'
import { generateToken } from '../../src/index.js'
import { frames, rawFrame, utf8 } from '../helpers/frames.js'
import { concat } from '../helpers/hex.js'
import { jsonOf } from '../helpers/naive-frames.js'
import { within } from '../helpers/operations.js'
import { RawPeer } from '../helpers/raw-peer.js'
import { type Served, type ServedOptions, served } from '../helpers/served.js'
import { until } from '../helpers/until.js'

const PROTOCOL = 'ERR_FAKESSH_PROTOCOL'
const FAREWELL_MS = 5_000

interface Attacked extends Served {
  /** A TLS connection that has said nothing yet, with whoever has the certificate at the other end. */
  dial(): Promise<RawPeer>
  /** The same, with the token proved by TLS. */
  dialWithToken(token: string): Promise<RawPeer>
  /** One that was let in, by the rules. */
  intruder(): Promise<RawPeer>
}

const tls = makeSelfSigned('127.0.0.1')

async function attacked(options: ServedOptions = {}): Promise<Attacked> {
  const { key, cert } = await tls
  const all = await served({ ...options, transport: 'tls', tls: { key, cert } })
  const port = Number(new URL(all.server.connectionString('test')).port)
  const peerOf = async (socket: TLSSocket) => {
    const peer = new RawPeer(socket)
    onTestFinished(() => peer.destroy())
    await new Promise((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    return peer
  }
  const dial = () => peerOf(tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false }))
  return {
    ...all,
    dial,
    dialWithToken: (token) => {
      const { identity, key: psk } = pskFromToken(token)
      const ciphers = 'TLS_AES_128_GCM_SHA256'
      const checkServerIdentity = () => undefined
      const pskCallback = () => ({ identity, psk: Buffer.from(psk) })
      return peerOf(tlsConnect({ port, host: '127.0.0.1', ciphers, checkServerIdentity, pskCallback }))
    },
    intruder: async () => {
      const peer = await dial()
      peer.send(frames.hello('client'), frames.auth({ method: 'token', user: 'test', token: all.token }))
      expect(jsonOf(await peer.next('AUTH'))).toMatchObject({ status: 'success' })
      return peer
    },
  }
}

/** What the server says before it hangs up. */
async function farewell(peer: RawPeer): Promise<object> {
  await peer.ended()
  const last = peer.seen.at(-1)
  return last?.name === 'GOODBYE' ? jsonOf(last) : { last: last?.name }
}

/** Nothing was run, read or written, and nobody was asked. */
function expectUntouched({ eventNames, root }: Served): void {
  expect(eventNames).not.toContain('authenticated')
  expect(eventNames).not.toContain('exec')
  expect(eventNames).not.toContain('transfer')
  expect(readdirSync(root)).toEqual([])
}

async function expectStillServing(all: Served): Promise<void> {
  await expect((await all.connect()).run('echo served')).resolves.toMatchObject({ stdout: 'served\n' })
}

const BEFORE_AUTH: [what: string, bytes: Uint8Array][] = [
  ['OPEN of an exec', frames.open(1, [1_000, 1_000], 'exec', { command: 'touch planted' })],
  ['OPEN of a program', frames.open(1, [1_000, 1_000], 'exec', { file: 'touch', args: ['planted'] })],
  ['OPEN of a get', frames.open(1, [1_000], 'get', { path: '/etc/passwd' })],
  ['OPEN of a put', frames.open(1, [], 'put', { path: 'planted' })],
  ['OPEN of a session', frames.open(1, [], 'session', {})],
  ['OPEN_OK', frames.openOk(2)],
  ['OPEN_FAIL', frames.openFail(2)],
  ['REQUEST', frames.request(1, 1)],
  ['REPLY', frames.replyOk(1, 1)],
  ['EXIT', frames.exit(1)],
  ['COMMIT', frames.commit(1)],
  ['DATA', frames.uncheckedData(1, utf8('x'))],
  ['WINDOW', frames.window(1, 0, 1_000)],
  ['EOF', frames.eof(1, 0, 0)],
  ['CLOSE', frames.close(1)],
]

describe('before it is let in', () => {
  let asked = 0
  const authorize = () => {
    asked += 1
    return true
  }

  test('every frame of a channel, at every moment, ends the connection and does nothing', async () => {
    const all = await attacked({ authorize })
    const wrong = frames.auth({ method: 'token', user: 'test', token: generateToken() })
    const moments: [when: string, before: Uint8Array[]][] = [
      ['as the first frame', []],
      ['after HELLO', [frames.hello('client')]],
      ['with a wrong AUTH in the same breath', [frames.hello('client'), wrong]],
    ]
    for (const [what, bytes] of BEFORE_AUTH) {
      for (const [when, before] of moments) {
        const peer = await all.dial()
        peer.send(...before, bytes)
        expect(await farewell(peer), `${what} ${when}`).toMatchObject({ code: 'protocol' })
        expect(peer.names.filter((name) => !['HELLO', 'AUTH', 'GOODBYE'].includes(name))).toEqual([])
      }
    }
    expect(asked).toBe(0)
    expectUntouched(all)
    expect(all.events('disconnect').every(({ error }) => error?.code === PROTOCOL)).toBe(true)
    await expectStillServing(all)
  })

  test('a refused AUTH, waited for, opens nothing either', async () => {
    const all = await attacked()
    const peer = await all.dial()
    peer.send(frames.hello('client'), frames.auth({ method: 'token', user: 'test', token: generateToken() }))
    expect(jsonOf(await peer.next('AUTH'))).toMatchObject({ status: 'failure', attemptsLeft: 2 })
    peer.send(frames.open(1, [1_000, 1_000], 'exec', { command: 'touch planted' }))
    expect(await farewell(peer)).toMatchObject({ code: 'protocol' })
    expectUntouched(all)
  })

  test('who proved a token to TLS has still not said who it is', async () => {
    const all = await attacked()
    const peer = await all.dialWithToken(all.token)
    peer.send(frames.hello('client'), frames.open(1, [1_000, 1_000], 'exec', { command: 'touch planted' }))
    expect(await farewell(peer)).toMatchObject({ code: 'protocol' })
    expectUntouched(all)
  })

  test('a token proves its own user and no other, and none is proved by saying so', async () => {
    const token = generateToken()
    const all = await attacked({ users: { other: { token } } })
    for (const dial of [() => all.dialWithToken(token), () => all.dial()]) {
      const peer = await dial()
      peer.send(frames.hello('client'), frames.auth({ method: 'psk', user: 'test' }))
      expect(jsonOf(await peer.next('AUTH'))).toMatchObject({ status: 'failure' })
    }
    expectUntouched(all)
  })

  test('credentials can be tried so often, whoever they are for, and the answers are the same', async () => {
    const all = await attacked({ limits: { maxAuthFailures: 3 } })
    const answers: unknown[] = []
    for (const user of ['test', 'nobody', '__proto__']) {
      const peer = await all.dial()
      peer.send(frames.hello('client'))
      for (let i = 0; i < 3; i += 1) {
        peer.send(frames.auth({ method: 'token', user, token: generateToken() }))
        answers.push({ i, ...jsonOf(await peer.next('AUTH')) })
      }
      expect(await farewell(peer)).toMatchObject({ code: 'auth-failed' })
    }
    for (const [index, answer] of answers.entries()) expect(answer).toEqual(answers[index % 3])
    expectUntouched(all)
  })

  test('a flood of small frames, a large frame, and a frame that never ends are cut off', async () => {
    const all = await attacked({ limits: { handshakeTimeoutMs: 200 } })
    const flood = await all.dial()
    flood.send(frames.hello('client'), ...Array.from({ length: 20 }, () => frames.ping()))
    expect(await farewell(flood)).toMatchObject({ code: 'protocol' })
    const large = await all.dial()
    large.send(rawFrame('HELLO', 0, new Uint8Array(5_000)))
    expect(await farewell(large)).toMatchObject({ code: 'protocol' })
    const slow = await all.dial()
    slow.send(frames.hello('client').subarray(0, 20))
    expect(await farewell(slow)).toMatchObject({ code: 'handshake-timeout' })
    expectUntouched(all)
    await expectStillServing(all)
  })
})

describe('once it is let in', () => {
  const open = async (
    peer: RawPeer,
    channel: number,
    kind: string,
    params: object,
    windows: number[] = [],
  ) => {
    peer.send(frames.open(channel, windows, kind, params))
    return jsonOf(await peer.next('OPEN_FAIL'))
  }

  test('params that no client of ours would send are refused, one by one, and the connection goes on', async () => {
    const all = await attacked()
    const peer = await all.intruder()
    const refused: [kind: string, params: object][] = [
      ['exec', {}],
      ['exec', { command: 'true', file: 'true' }],
      ['exec', { command: 7 }],
      ['exec', { command: 'touch planted\0' }],
      ['exec', { file: '' }],
      ['exec', { file: 'touch', args: 'planted' }],
      ['exec', { file: 'touch', args: ['planted', 7] }],
      ['exec', { command: 'touch planted', env: { A: 1 } }],
      ['exec', { command: 'touch planted', cwd: '../local' }],
      ['exec', { command: 'touch planted', cwd: 'a\0' }],
      ['exec', { command: 'touch planted', session: 12 }],
      ['exec', { command: 'touch planted', session: -1 }],
      ['session', { cwd: '/..' }],
      ['get', {}],
      ['get', { path: ['in'] }],
      ['get', { path: '' }],
      ['get', { path: 'in\0' }],
      ['get', { path: '..' }],
      ['get', { path: '../local/in' }],
      ['get', { path: 'in', algorithm: 'crc32' }],
      ['get', { path: 'in', offset: -1 }],
      ['put', { path: '.' }],
      ['put', { path: '../local/planted' }],
      ['put', { path: 'planted', mode: 0o4755 }],
      ['put', { path: 'planted', mode: -1 }],
      ['put', { path: 'planted', size: -1 }],
      ['put', { path: 'planted', size: 1e300 }],
      ['put', { path: 'planted', mtimeMs: 1e300 }],
      ['put', { path: 'x'.repeat(300) }],
      ['put', { path: 'x/'.repeat(3_000) }],
      ['shell', {}],
      ['__proto__', {}],
    ]
    for (const [index, [kind, params]] of refused.entries()) {
      const { code } = await open(peer, index * 2 + 1, kind, params)
      expect(code, `${kind} ${JSON.stringify(params).slice(0, 80)}`).toMatch(
        /^(ERR_FAKESSH_(INVALID_ARG|INVALID_PATH|OUTSIDE_ROOT|UNSUPPORTED|CLOSED)|E(ISDIR|NOENT|NAMETOOLONG))$/,
      )
    }
    expect(readdirSync(all.root)).toEqual([])
    expect(readdirSync(all.local)).toEqual([])
    expect(all.events('exec').filter(({ phase }) => phase !== 'failed')).toEqual([])
    peer.send(frames.open(1_001, [1_000, 1_000], 'exec', { command: 'exit 5' }))
    expect(jsonOf(await peer.next('EXIT'))).toMatchObject({ exitCode: 5 })
  })

  test('a session of another connection is not its own', async () => {
    const all = await attacked()
    const client = await all.connect()
    await using session = await client.session({ env: { SECRET: 'hidden' } })
    await session.run('cd /tmp')
    const peer = await all.intruder()
    expect(await open(peer, 1, 'exec', { command: 'echo $SECRET', session: 1 })).toMatchObject({
      code: 'ERR_FAKESSH_CLOSED',
    })
  })

  test('frames that break the rules of channels end the connection, and only that one', async () => {
    const all = await attacked()
    writeFileSync(join(all.root, 'in'), Buffer.alloc(100_000))
    const beside = await all.connect()
    const running = beside.exec('read line; echo "$line"')
    const output = running.setEncoding('utf8').toArray()
    const put = frames.open(1, [], 'put', { path: 'planted' })
    const get = frames.open(1, [1_000], 'get', { path: 'in' })
    const cat = frames.open(1, [1_000, 1_000], 'exec', { command: 'cat > planted' })
    const attacks: [what: string, opening: Uint8Array, bytes: Uint8Array][] = [
      [
        'DATA beyond the window',
        // Whatever a put is sent, the disk may be quick enough to make room for.
        frames.open(1, [1_000, 1_000], 'exec', { command: 'sleep 1000' }),
        concat(...Array.from({ length: 20 }, () => frames.uncheckedData(1, new Uint8Array(100_000)))),
      ],
      ['DATA on a stream that was not offered', put, frames.uncheckedData(1, utf8('x'), 1)],
      ['DATA up a get', get, frames.uncheckedData(1, utf8('x'))],
      ['EOF with a wrong count', put, frames.eof(1, 5, 0)],
      ['EOF twice', cat, concat(frames.eof(1, 0, 0), frames.eof(1, 0, 0))],
      ['WINDOW for more than was sent', get, frames.window(1, 99_999, 200_000)],
      ['WINDOW that takes back', get, frames.window(1, 0, 10)],
      ['a channel id used again', cat, cat],
      ['a channel id of the server', cat, frames.open(2, [], 'get', { path: 'in' })],
      ['a frame on a channel that is not there', cat, frames.uncheckedData(99, utf8('x'))],
      ['OPEN_OK to its own OPEN', cat, frames.openOk(1)],
      ['REPLY to nothing', cat, frames.replyOk(1, 1)],
      ['REQUESTs out of order', cat, frames.request(1, 7)],
      ['a second HELLO', cat, frames.hello('client')],
      ['a second AUTH', cat, frames.auth({ method: 'token', user: 'test', token: all.token })],
      ['a type that does not exist', cat, rawFrame('DATA', 1, utf8('x'), 0, { type: 0x7f })],
      ['a damaged header', cat, rawFrame('DATA', 1, utf8('x'), 0, { headerCheck: 1 })],
      ['a length of 4 GiB', cat, rawFrame('DATA', 1, utf8('x'), 0, { length: 0xffffffff })],
      ['DATA without data', cat, rawFrame('DATA', 1, new Uint8Array(0))],
      ['JSON that is none', cat, rawFrame('REQUEST', 1, utf8('{'))],
      ['JSON that is not UTF-8', cat, rawFrame('REQUEST', 1, Uint8Array.of(0x22, 0xff, 0x22))],
      [
        'a field that must be understood',
        cat,
        frames.json('REQUEST', 1, { id: 1, type: 'signal', params: {}, '!new': 1 }),
      ],
    ]
    for (const [what, opening, bytes] of attacks) {
      const peer = await all.intruder()
      peer.send(opening)
      await within(FAREWELL_MS, `${what}: OPEN_OK`, peer.next('OPEN_OK'))
      peer.send(bytes)
      expect(await within(FAREWELL_MS, what, farewell(peer)), what).toMatchObject({ code: 'protocol' })
    }
    // What they had begun was ended with them.
    await until(() => all.events('disconnect').length === attacks.length)
    await until(() => all.running().length === 1 && all.leftovers().length === 0)
    running.end('undisturbed\n')
    expect((await output).join('')).toBe('undisturbed\n')
    await expect(running.result).resolves.toMatchObject({ exitCode: 0 })
  })

  test('a put that claims another length or digest than it sent changes nothing', async () => {
    const all = await attacked()
    writeFileSync(join(all.root, 'target'), 'as it was')
    const { ino, mtimeMs } = statSync(join(all.root, 'target'))
    const peer = await all.intruder()
    const claims = [
      { bytes: 4, algorithm: 'sha256', digest: '0'.repeat(64) },
      {
        bytes: 5,
        algorithm: 'sha256',
        digest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      },
      { bytes: 4, algorithm: 'md5', digest: '098f6bcd4621d373cade4e832627b4f6' },
    ]
    for (const [index, claim] of claims.entries()) {
      const id = index * 2 + 1
      peer.send(frames.open(id, [], 'put', { path: 'target' }))
      await peer.next('OPEN_OK')
      peer.send(
        frames.uncheckedData(id, utf8('test')),
        frames.eof(id, 4, 0),
        frames.json('COMMIT', id, claim),
      )
      expect(jsonOf(await peer.next('COMMIT'))).toMatchObject({
        error: { code: expect.stringMatching(/^ERR_FAKESSH_(LENGTH_MISMATCH|DIGEST_MISMATCH|PROTOCOL)$/) },
      })
      peer.send(frames.close(id))
      await peer.next('CLOSE')
    }
    expect(all.leftovers()).toEqual([])
    expect(statSync(join(all.root, 'target'))).toMatchObject({ ino, mtimeMs, size: 9 })
    // The third claim is right, but for the algorithm that was agreed on.
    expect(all.events('transfer').filter(({ receipt }) => receipt !== undefined)).toEqual([])
  })

  test('links, and directories beside the root with its name, are no way out, whichever operation asks', async () => {
    const all = await attacked()
    const beside = `${all.root}-evil`
    mkdirSync(beside)
    writeFileSync(join(beside, 'secret'), 'secret')
    symlinkSync(beside, join(all.root, 'out'))
    symlinkSync(join(beside, 'new'), join(all.root, 'dangling'))
    symlinkSync(dirname(all.root), join(all.root, 'up'))
    const peer = await all.intruder()
    const ways = [
      'out/secret',
      'out/planted',
      'dangling',
      '../root-evil/secret',
      'up/root-evil/secret',
      'out/../x',
    ]
    let channel = -1
    for (const path of ways) {
      for (const kind of ['get', 'put']) {
        channel += 2
        const answer = await open(peer, channel, kind, { path })
        expect(answer, `${kind} ${path}`).toMatchObject({ code: 'ERR_FAKESSH_OUTSIDE_ROOT' })
        expect(JSON.stringify(answer)).not.toContain(dirname(all.root))
      }
      channel += 2
      await open(peer, channel, 'exec', { command: 'touch planted', cwd: path })
    }
    expect(readdirSync(beside)).toEqual(['secret'])
    expect(existsSync(join(all.root, 'planted'))).toBe(false)
  })
})
