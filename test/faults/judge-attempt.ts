/** What an attempt left behind, held against what is promised of every operation, whatever the fault. */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { type FakeSshClient, FakeSshError } from '../../src/index.js'
import {
  type Material,
  type Operation,
  type Outcome,
  type Place,
  stateOf,
  within,
} from '../helpers/operations.js'
import type { Attempt } from './attempts.js'
import type { Tally } from './random-run.js'

/** Longer than any keepalive and time limit of these tests, and than a busy machine takes. */
const SETTLE_MS = 10_000

/** What a broken link may be told as; anything else would be blamed on the caller, the disk or the program. */
const LINK_CODES: ReadonlySet<string> = new Set([
  'ERR_FAKESSH_CONNECTION_LOST',
  'ERR_FAKESSH_KEEPALIVE_TIMEOUT',
  'ERR_FAKESSH_NOT_STARTED',
  'ERR_FAKESSH_PROTOCOL',
])

/** While connecting there is more to go wrong: damage can look like another key, or another server. */
const CONNECT_CODES: ReadonlySet<string> = new Set([
  ...LINK_CODES,
  'ERR_FAKESSH_CONNECT_FAILED',
  'ERR_FAKESSH_HANDSHAKE_TIMEOUT',
  'ERR_FAKESSH_AUTH_FAILED',
  'ERR_FAKESSH_SERVER_IDENTITY',
  'ERR_FAKESSH_VERSION',
])

/** Random bytes that contents are cut from: no part of them stands for another. */
const POOL = randomBytes(2_000_000)

/** What goes on by itself with a client that reconnects. */
const GOES_ON: ReadonlySet<string> = new Set(['get', 'upload', 'download', 'durable'])

interface Prepared {
  readonly operation: Operation
  readonly place: Place
  readonly what: Material
}

/** Runs the operations of an attempt at once, to their ends, and checks what they told and left. Rejects with what was broken. */
export async function runOperations(
  { operations, number, reconnects }: Attempt,
  client: FakeSshClient,
  directories: Place,
  tally: Tally,
): Promise<() => void> {
  const prepared = operations.map(({ operation, bytes, oldBytes }, index): Prepared => {
    const at = (number * 7_919 + index * 104_729) % (POOL.length - bytes - 1_000)
    const old = oldBytes === undefined ? undefined : POOL.subarray(POOL.length - oldBytes)
    return {
      operation,
      place: { root: directories.root, local: directories.local, prefix: `${number}-${index}-` },
      what: { content: POOL.subarray(at, at + bytes), old },
    }
  })
  for (const { operation, place, what } of prepared) operation.prepare(place, what)
  const outcomes = await within(
    SETTLE_MS,
    'operations',
    Promise.all(prepared.map(({ operation, place, what }) => operation.run(client, place, what))),
  )
  for (const [index, outcome] of outcomes.entries()) {
    count(tally, outcome, LINK_CODES)
    const { name } = (prepared[index] as Prepared).operation
    if (!outcome.isSuccess && reconnects && GOES_ON.has(name))
      throw new Error(`${name} did not go on: ${outcome.error}`)
  }
  // Only when nothing runs any more are the files what they stay.
  return () => {
    for (const [index, one] of prepared.entries()) judge(one, outcomes[index] as Outcome)
  }
}

/** The client that came about; undefined when the faults kept it from that, in a way that is documented. */
export async function connected<T>(connecting: Promise<T>, tally: Tally): Promise<T | undefined> {
  const settled = await within(
    SETTLE_MS,
    'connecting',
    connecting.then(
      (value) => ({ isSuccess: true as const, value }),
      (error: unknown) => ({ isSuccess: false as const, error }),
    ),
  )
  if (settled.isSuccess) return settled.value
  count(tally, settled, CONNECT_CODES)
  return undefined
}

function count(tally: Tally, outcome: Outcome, expected: ReadonlySet<string>): void {
  if (outcome.isSuccess) {
    tally.successes += 1
    return
  }
  const { error } = outcome
  if (!FakeSshError.is(error)) throw new Error(`failed with what is no error of ours: ${String(error)}`)
  if (!expected.has(error.code)) throw new Error(`failed with ${error.code}: ${error.message}`)
  tally.failures[error.code] = (tally.failures[error.code] ?? 0) + 1
}

/** `run` itself has compared what was read; here it is what was written. */
function judge({ operation, place, what }: Prepared, { isSuccess }: Outcome): void {
  const target = operation.target(place)
  if (target === undefined) return
  const state = stateOf(target, what)
  rmSync(target, { force: true })
  const may = isSuccess ? ['new'] : operation.commitsAtServer ? ['old', 'new'] : ['old']
  // An empty file over nothing, or the like: both are the same bytes.
  if (!may.includes(state))
    throw new Error(`${operation.name}: ${isSuccess ? 'success' : 'failure'}, ${state}`)
}
