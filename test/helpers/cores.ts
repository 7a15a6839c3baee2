/** Protocol cores brought into a state by bytes alone, with what they say parsed by the naive parser. */
import { crc32 } from 'node:zlib'
import { ConnectionCore, type CoreOptions } from '../../src/protocol/connection-core.js'
import type { CoreEvent } from '../../src/protocol/core-events.js'
import { frames } from './frames.js'
import { concat } from './hex.js'
import { type NaiveFrame, wholeFrames } from './naive-frames.js'

export type CoreSetup = Partial<CoreOptions>

/** A listening server unless told otherwise, on a plain transport. */
export function makeCore(setup: CoreSetup = {}): ConnectionCore {
  return new ConnectionCore({
    role: 'server',
    side: 'listener',
    agent: 'test/1',
    maxFrameBytes: 262_144,
    maxChannels: 200,
    isPlain: true,
    crc32,
    now: () => 0,
    ...setup,
  })
}

/** Everything the core has to send, in one array; whoever waits is told. */
export function drainBytes(core: ConnectionCore, targetBytes = 65_536): Uint8Array {
  const parts: Uint8Array[] = []
  for (;;) {
    const { buffers, bytes, taken } = core.take(targetBytes)
    if (bytes === 0) break
    parts.push(...buffers.map((buffer) => buffer.slice()))
    for (const tell of taken) tell(false)
  }
  for (const tell of core.dropped.splice(0)) tell(true)
  return concat(...parts)
}

/** Everything the core has to send, as frames. */
export function drainFrames(core: ConnectionCore): NaiveFrame[] {
  return wholeFrames(drainBytes(core))
}

/** Feeds frames in one chunk. */
export function feed(core: ConnectionCore, ...parts: readonly Uint8Array[]): CoreEvent[] {
  return core.receive(concat(...parts))
}

/** The names of what the core has to send, with the channel: `OPEN_OK 1`. */
export function saying(core: ConnectionCore): string[] {
  return drainFrames(core).map(({ name, channel }) => (channel === 0 ? name : `${name} ${channel}`))
}

/** A core whose peer said HELLO. */
export function greetedCore(setup: CoreSetup = {}, hello: object = {}): ConnectionCore {
  const core = makeCore(setup)
  const peer = setup.role === 'client' ? 'server' : 'client'
  drainBytes(core)
  expectOnly(feed(core, frames.hello(peer, hello)), 'hello')
  return core
}

/** An authenticated core with nothing queued. */
export function openCore(setup: CoreSetup = {}, hello: object = {}): ConnectionCore {
  const core = greetedCore(setup, hello)
  if (setup.role === 'client') {
    core.sendAuth({ method: 'token', user: 'test', token: 'x' })
    expectOnly(feed(core, frames.authOk()), 'auth-reply')
  } else {
    expectOnly(feed(core, frames.auth()), 'auth-request')
    core.sendAuthReply({ status: 'success', user: 'test' })
  }
  drainBytes(core)
  return core
}

/** Opens channel `id` from the peer, which takes `windows` and is given `ours`. */
export function acceptFrom(
  core: ConnectionCore,
  id: number,
  windows: readonly number[] = [],
  ours: readonly number[] = [],
): void {
  expectOnly(feed(core, frames.open(id, windows)), 'channel-requested')
  core.acceptChannel(id, {}, ours)
  drainBytes(core)
}

/** Opens a channel of ours that takes `ours`, and lets the peer confirm it with `windows`. */
export function openTo(
  core: ConnectionCore,
  windows: readonly number[] = [],
  ours: readonly number[] = [],
): number {
  const id = core.openChannel('test', {}, ours)
  drainBytes(core)
  expectOnly(feed(core, frames.openOk(id, windows)), 'channel-opened')
  return id
}

/** The error a core reported, if it did. */
export function failureIn(events: readonly CoreEvent[]): { code: string; message: string } | undefined {
  const last = events.at(-1)
  return last?.type === 'failed' ? { code: last.error.code, message: last.error.message } : undefined
}

function expectOnly(events: readonly CoreEvent[], type: CoreEvent['type']): void {
  const got = events.map((event) => (event.type === 'failed' ? `failed: ${event.error.message}` : event.type))
  if (got.join() !== type) throw new Error(`expected the event ${type}, got ${got.join(', ') || 'none'}`)
}
