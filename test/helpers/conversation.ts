/**
 * A scripted conversation over two Connections that uses every frame: what the client gets is known beforehand, so any way it can go wrong
 * shows as an error or as other bytes. The server echoes stream 0, writes to stream 1, answers a REQUEST, and ends with COMMIT and EXIT.
 */
import type { IncomingOpen } from '../../src/connection/channel-handler.js'
import { Connection } from '../../src/connection/connection.js'
import type { ConnectionOptions } from '../../src/connection/connection-options.js'
import type { FakeSshError } from '../../src/errors.js'
import type { Transport } from '../../src/transport/transport.js'
import { RecordingHandler } from './recording-handler.js'
import { until } from './until.js'

export const INPUT = 'héllo 你好 😀'
export const NOISE = 'to stderr'

/** Accepts a channel and plays the server's part. */
export function serve(open: IncomingOpen): RecordingHandler {
  const { channel } = open
  const handler = new RecordingHandler()
  handler.channel = channel
  handler.onRequest = (type, params) => ({ type, params })
  handler.onEvent = (event) => {
    if (event.startsWith('data')) channel.send(0, (handler.received[0] ?? []).at(-1) as Buffer, () => {})
    if (event !== 'eof 0') return
    channel.send(1, Buffer.from(NOISE), () => {})
    channel.sendEof(0)
    channel.sendEof(1)
    const bytes = handler.bytesOn(0).length
    channel.sendCommit({ bytes, algorithm: 'md5', digest: '0'.repeat(32) })
    channel.sendExit({ exitCode: 7, signal: null, stdioLeaked: false, stdinBytes: bytes })
    channel.close()
  }
  open.accept({ served: true }, [64], handler)
  return handler
}

export interface Conversation {
  readonly client: Connection
  readonly server: Connection
  /** How each end ended; undefined while it lives. */
  readonly endings: { client?: FakeSshError | 'clean'; server?: FakeSshError | 'clean' }
  readonly timesEnded: { client: number; server: number }
  readonly served: RecordingHandler[]
  readonly internalErrors: unknown[]
  /** Settles with the client's part: what it got, or the first error it was told. */
  run(): Promise<Outcome>
  /** The client closes gracefully, and the server is left to notice. Settles when both have ended. */
  close(): Promise<void>
}

export type Outcome =
  | {
      readonly stdout: string
      readonly stderr: string
      readonly log: readonly string[]
      readonly reply: unknown
    }
  | { readonly error: FakeSshError; readonly stdout: string; readonly stderr: string }

export function conversation(
  [dialer, listener]: readonly [Transport, Transport],
  options: Partial<ConnectionOptions> = {},
): Conversation {
  const internalErrors: unknown[] = []
  const served: RecordingHandler[] = []
  const endings: Conversation['endings'] = {}
  const timesEnded = { client: 0, server: 0 }
  const connect = (transport: Transport, role: 'client' | 'server') =>
    new Connection(
      transport,
      { role, agent: 'test', ...options },
      {
        onAuthenticate: async () => true,
        onOpen: (open) => void served.push(serve(open)),
        onEnded: (error) => {
          timesEnded[role] += 1
          endings[role] = error ?? 'clean'
        },
        onInternalError: (error) => void internalErrors.push(error),
      },
    )
  const server = connect(listener, 'server')
  const client = connect(dialer, 'client')
  const run = async () => {
    try {
      await client.authenticate({ method: 'token', user: 'test', token: 'x' })
    } catch (error) {
      return { error: error as FakeSshError, stdout: '', stderr: '' }
    }
    return talk(client)
  }
  const close = async () => {
    await client.close(100)
    await until(() => server.isEnded)
    await server.close(0)
  }
  return { client, server, endings, timesEnded, served, internalErrors, run, close }
}

/** The client's part, on a channel of its own. */
export async function talk(client: Connection): Promise<Outcome> {
  const handler = new RecordingHandler()
  const channel = client.open('talk', { say: 'é' }, [64, 64], handler)
  handler.channel = channel
  let reply: Promise<unknown> = Promise.resolve(undefined)
  handler.onEvent = (event) => {
    if (event !== 'opened') return
    reply = channel.request('ask', { a: 1 })
    channel.send(0, Buffer.from(INPUT), () => {})
    // The server ends the channel when it has heard everything, so the answer has to come before.
    reply.then(
      () => channel.sendEof(0),
      () => {},
    )
  }
  const error = await handler.closed
  const [stdout, stderr] = [String(handler.bytesOn(0)), String(handler.bytesOn(1))]
  if (error !== undefined) return { error, stdout, stderr }
  try {
    return { stdout, stderr, log: handler.log, reply: await reply }
  } catch (cause) {
    return { error: cause as FakeSshError, stdout, stderr }
  }
}

/** True when everything the server had to say was heard and proved. */
export function isWhole(outcome: Outcome): boolean {
  if ('error' in outcome) return false
  const said = ['eof 0', 'eof 1', `commit ${Buffer.byteLength(INPUT)}`, 'exit 7', 'closed']
  return said.every((event) => outcome.log.includes(event))
}
