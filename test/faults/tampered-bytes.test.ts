// One byte is flipped, dropped or doubled below the integrity layer, in every frame of every operation. Nothing damaged may be called
// right, nothing damaged may become visible, and everything settles.
import { rmSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FakeSshError } from '../../src/index.js'
import { type Direction, interceptedPair, type SeenFrame } from '../helpers/intercepted-pair.js'
import {
  CASES,
  type Material,
  material,
  OPERATIONS,
  type Operation,
  outcomeOf,
  stateOf,
  within,
} from '../helpers/operations.js'
import { type ConnectOverOptions, type Served, served } from '../helpers/served.js'
import { until } from '../helpers/until.js'

/** Several DATA frames up, as the server takes small ones. */
const SIZE = 3_000
const MAX_FRAME_BYTES = 1_024
const HEADER_BYTES = 16
/** Positions in the payload of each frame, besides all of its header. */
const PAYLOAD_POSITIONS = 5
const SEED = 20_260_102
/** A client that waits for a byte that was dropped says something after this long, which is then found out. */
const KEEPALIVE_MS = 20
/** Before authentication nobody says anything; there it is the time limit of the handshake that ends it. */
const HANDSHAKE_MS = 100
const HANDSHAKE_FRAMES = 2
const PATIENT = { keepaliveIntervalMs: 5_000 }
const SETTLE_MS = 10_000
/** Attempts at the same time: most of them wait for something that was dropped. */
const LANES = 8

const KINDS = {
  flipped: (frame: Buffer, at: number, bit: number) => {
    const bytes = Buffer.from(frame)
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at)
    return bytes
  },
  dropped: (frame: Buffer, at: number) => Buffer.concat([frame.subarray(0, at), frame.subarray(at + 1)]),
  doubled: (frame: Buffer, at: number) => Buffer.concat([frame.subarray(0, at + 1), frame.subarray(at)]),
} as const

interface Damage {
  readonly kind: keyof typeof KINDS
  readonly direction: Direction
  readonly index: number
  readonly at: number
  readonly bit: number
}

const describeDamage = ({ kind, direction, index, at, bit }: Damage) =>
  `byte ${at} of frame ${index} ${direction} ${kind}${kind === 'flipped' ? ` in bit ${bit}` : ''}`

async function attempt(operation: Operation, all: Served, what: Material, damage: Damage | undefined) {
  const target = operation.target(all)
  if (target !== undefined) rmSync(target, { force: true })
  operation.prepare(all, what)
  let isDone = false
  const meddle = ({ direction, index, bytes }: SeenFrame) => {
    const isIt = damage !== undefined && damage.direction === direction && damage.index === index
    // What comes after it in the same run may be shorter than in the run that was measured.
    if (!isIt || damage.at >= bytes.length) return bytes
    isDone = true
    return KINDS[damage.kind](bytes, damage.at, damage.bit)
  }
  const pair = interceptedPair({ meddle })
  const connected = await outcomeOf(all.connectOver(pair.transports, patience(damage)))
  const outcome = connected.isSuccess ? await operation.run(connected.value, all, what) : connected
  if (connected.isSuccess) await connected.value.close({ drainMs: 0 })
  await until(() => all.events('connection').length === all.events('disconnect').length)
  await until(() => all.leftovers().length === 0)
  return { outcome, passed: pair.passed, isDone, state: target === undefined ? 'old' : stateOf(target, what) }
}

function patience(damage: Damage | undefined): ConnectOverOptions {
  if (damage === undefined) return PATIENT
  return damage.index < HANDSHAKE_FRAMES
    ? { connectTimeoutMs: HANDSHAKE_MS, keepaliveIntervalMs: KEEPALIVE_MS }
    : { keepaliveIntervalMs: KEEPALIVE_MS }
}

/** All damages to try, for the frames of a run that went well. */
function damages(frames: readonly SeenFrame[]): Damage[] {
  const random = fc.sample(fc.nat(), {
    numRuns: frames.length * (HEADER_BYTES + PAYLOAD_POSITIONS),
    seed: SEED,
  })
  const next = () => random.pop() ?? 0
  return frames.flatMap(({ direction, index, bytes }) => {
    const inHeader = Array.from({ length: HEADER_BYTES }, (_, at) => at)
    const payload = bytes.length - HEADER_BYTES
    const inPayload = Array.from(
      { length: Math.min(PAYLOAD_POSITIONS, payload) },
      () => HEADER_BYTES + (next() % payload),
    )
    const positions = [...new Set([...inHeader, ...inPayload])]
    return positions.map((at, turn) => {
      const kinds = Object.keys(KINDS) as (keyof typeof KINDS)[]
      return {
        kind: kinds[(turn + index) % kinds.length] as keyof typeof KINDS,
        direction,
        index,
        at,
        bit: next() % 8,
      }
    })
  })
}

test.each(CASES)(
  '$title: damage to any frame is refused',
  { timeout: 60_000 },
  async ({ operation, oldBytes }) => {
    const what = material(SIZE, oldBytes)
    const lanes = await Promise.all(
      Array.from({ length: LANES }, () => served({ limits: { maxFrameBytes: MAX_FRAME_BYTES } })),
    )
    const clean = await attempt(operation, lanes[0] as Served, what, undefined)
    expect(clean.outcome).toMatchObject({ isSuccess: true })
    const { passed } = clean
    const commitAt = passed.findIndex(({ direction, name }) => direction === 'up' && name === 'COMMIT')

    const todo = damages(passed)
    expect(todo.length).toBeGreaterThan(200)
    let done = 0
    const work = async (all: Served) => {
      for (let damage = todo.pop(); damage !== undefined; damage = todo.pop()) {
        const where = describeDamage(damage)
        const { outcome, state, isDone } = await within(
          SETTLE_MS,
          where,
          attempt(operation, all, what, damage),
        )
        if (isDone) done += 1
        else expect(outcome, `${where}, not reached`).toMatchObject({ isSuccess: true })
        expect(state, where).not.toBe('broken')
        if (outcome.isSuccess) {
          if (operation.target(all) !== undefined) expect(state, where).toBe('new')
          continue
        }
        expect(FakeSshError.is(outcome.error), `${where}: ${String(outcome.error)}`).toBe(true)
        const { direction, index } = damage
        const place = passed.findIndex((frame) => frame.direction === direction && frame.index === index)
        const isBeforeCommit = direction === 'up' && place <= commitAt
        if (!operation.commitsAtServer || isBeforeCommit) expect(state, where).toBe('old')
      }
    }
    await Promise.all(lanes.map(work))
    expect(done).toBeGreaterThan(200)
  },
)

test('a whole frame that comes twice is never a second operation, nor a longer file', {
  timeout: 30_000,
}, async () => {
  const what = material(SIZE)
  const all = await served({ limits: { maxFrameBytes: MAX_FRAME_BYTES } })
  for (const operation of OPERATIONS) {
    const clean = await attempt(operation, all, what, undefined)
    for (const { direction, index, name } of clean.passed) {
      const where = `${operation.name}: frame ${index} ${direction}, ${name}`
      const target = operation.target(all)
      if (target !== undefined) rmSync(target, { force: true })
      operation.prepare(all, what)
      const pair = interceptedPair({
        meddle: (frame) =>
          frame.direction === direction && frame.index === index
            ? Buffer.concat([frame.bytes, frame.bytes])
            : frame.bytes,
      })
      const run = async () => {
        const client = await all.connectOver(pair.transports, { keepaliveIntervalMs: 200 })
        const outcome = await operation.run(client, all, what)
        await client.close({ drainMs: 0 })
        return outcome
      }
      const outcome = await within(
        SETTLE_MS,
        where,
        run().catch((error: unknown) => ({ isSuccess: false as const, error })),
      )
      await until(() => all.events('connection').length === all.events('disconnect').length)
      await until(() => all.leftovers().length === 0)
      if (!outcome.isSuccess)
        expect(FakeSshError.is(outcome.error), `${where}: ${String(outcome.error)}`).toBe(true)
      if (target !== undefined) expect(stateOf(target, what), where).not.toBe('broken')
    }
  }
})
