// Windows under random traffic between two cores: nothing is sent beyond the limit, credit is given only for what was consumed, every byte
// of a window is somewhere, and everything sent arrives.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ConnectionCore } from '../../src/protocol/connection-core.js'
import { drainBytes, openCore } from '../helpers/cores.js'
import { type NaiveFrame, wholeFrames } from '../helpers/naive-frames.js'

/** A receiver that keeps its own books, from the wire alone. */
class Ledger {
  limit: number
  sent = 0
  consumed = 0
  /** Bytes delivered and not consumed yet. */
  queued = 0
  constructor(readonly window: number) {
    this.limit = window
  }
  onSent({ payload }: NaiveFrame): void {
    this.sent += payload.length
    expect(this.sent).toBeLessThanOrEqual(this.limit)
  }
  onCredit({ payload }: NaiveFrame): void {
    const view = Buffer.from(payload)
    const [consumed, limit] = [Number(view.readBigUInt64BE(0)), Number(view.readBigUInt64BE(8))]
    expect(consumed).toBe(this.consumed)
    expect(limit).toBeGreaterThan(this.limit)
    expect(limit - consumed).toBeLessThanOrEqual(this.window)
    this.limit = limit
  }
  /** window left + queued + consumed but not reported = window. */
  check(): void {
    const left = this.limit - this.sent
    const unreported = this.consumed + this.window - this.limit
    expect(left + this.queued + unreported).toBe(this.window)
    for (const part of [left, this.queued, unreported]) expect(part).toBeGreaterThanOrEqual(0)
  }
}

type Step =
  | { readonly do: 'send'; readonly stream: number; readonly bytes: number }
  | { readonly do: 'consume'; readonly stream: number; readonly bytes: number }
  | { readonly do: 'carry' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('send' as const),
    stream: fc.nat(2),
    bytes: fc.integer({ min: 1, max: 5_000 }),
  }),
  fc.record({
    do: fc.constant('consume' as const),
    stream: fc.nat(2),
    bytes: fc.integer({ min: 1, max: 3_000 }),
  }),
  fc.constant({ do: 'carry' as const }),
)

/** Sender, receiver, and a ledger a stream of channel 1. */
function prepare(windows: readonly number[]) {
  const hello = { limits: { maxFrameBytes: 1_024, maxChannels: 10 } }
  const sender = openCore({}, hello)
  const receiver = openCore({ role: 'client', side: 'dialer', maxFrameBytes: 1_024 }, hello)
  const id = receiver.openChannel('test', {}, windows)
  sender.receive(drainBytes(receiver))
  sender.acceptChannel(id, {}, [])
  receiver.receive(drainBytes(sender))
  return { sender, receiver, id, ledgers: windows.map((window) => new Ledger(window)) }
}

/** Carries everything both ways once. */
function carry(sender: ConnectionCore, receiver: ConnectionCore, ledgers: readonly Ledger[]): void {
  const wire = drainBytes(sender)
  for (const frame of wholeFrames(wire)) if (frame.name === 'DATA') ledgers[frame.stream]?.onSent(frame)
  for (const event of receiver.receive(wire)) {
    if (event.type === 'data') (ledgers[event.stream] as Ledger).queued += event.bytes.length
    else if (event.type === 'failed') throw event.error
  }
  const back = drainBytes(receiver)
  for (const frame of wholeFrames(back)) ledgers[frame.stream]?.onCredit(frame)
  for (const event of sender.receive(back)) if (event.type === 'failed') throw event.error
}

test('windows are conserved, and everything arrives once the consumer goes on', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 3, maxLength: 3 }),
      fc.array(step, { maxLength: 60 }),
      (windows, steps) => {
        const { sender, receiver, id, ledgers } = prepare(windows)
        const queued = [0, 0, 0]
        let taken = 0
        let sends = 0
        const consume = (stream: number, most: number) => {
          const ledger = ledgers[stream] as Ledger
          const bytes = Math.min(most, ledger.queued)
          if (bytes === 0) return
          ledger.queued -= bytes
          ledger.consumed += bytes
          receiver.onBytesConsumed(id, stream, bytes)
        }
        for (const next of steps) {
          if (next.do === 'carry') carry(sender, receiver, ledgers)
          else if (next.do === 'consume') consume(next.stream, next.bytes)
          else {
            sends += 1
            queued[next.stream] = (queued[next.stream] ?? 0) + next.bytes
            sender.sendData(id, next.stream, new Uint8Array(next.bytes), (wasDropped) => {
              expect(wasDropped).toBe(false)
              taken += 1
            })
          }
          if (next.do !== 'consume') for (const ledger of ledgers) ledger.check()
        }
        for (let i = 0; i < 300_000 && ledgers.some(({ sent }, s) => sent < (queued[s] ?? 0)); i += 1) {
          for (let stream = 0; stream < 3; stream += 1) consume(stream, 1_000_000)
          carry(sender, receiver, ledgers)
        }
        expect(ledgers.map(({ sent }) => sent)).toEqual(queued)
        expect(taken).toBe(sends)
      },
    ),
    { numRuns: 100 },
  )
})

test('a slow reader on a network that cuts anywhere still gets large frames', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 65_536 }), { minLength: 20, maxLength: 60 }), (reads) => {
      const hello = { limits: { maxFrameBytes: 262_144, maxChannels: 10 } }
      const [sender, receiver] = [openCore({}, hello), openCore({ role: 'client', side: 'dialer' }, hello)]
      const id = receiver.openChannel('test', {}, [262_144])
      sender.receive(drainBytes(receiver))
      sender.acceptChannel(id, {}, [])
      receiver.receive(drainBytes(sender))
      const total = 4 * 1_048_576
      sender.sendData(id, 0, new Uint8Array(total), () => {})
      const waiting: number[] = []
      let [received, dataFrames, read] = [0, 0, 0]
      while (received < total) {
        const wire = drainBytes(sender)
        dataFrames += wire.length === 0 ? 0 : wholeFrames(wire).filter(({ name }) => name === 'DATA').length
        for (let at = 0; at < wire.length; ) {
          const size = reads[read++ % reads.length] as number
          for (const event of receiver.receive(wire.subarray(at, at + size))) {
            if (event.type === 'data') waiting.push(event.bytes.length)
          }
          at += size
        }
        const piece = waiting.shift() ?? 0
        received += piece
        receiver.onBytesConsumed(id, 0, piece)
        sender.receive(drainBytes(receiver))
      }
      expect(total / dataFrames).toBeGreaterThan(32_768)
    }),
    { numRuns: 10 },
  )
})
