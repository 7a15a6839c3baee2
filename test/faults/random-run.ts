/** Runs attempts at random points, several at a time, and tells of every one that broke a promise how to make it again. */
import { expect } from 'vitest'
import { type Attempt, describeAttempt } from './attempts.js'

/** The same every time unless it is told otherwise, so that a change is to blame for a failure and not the dice. */
const DEFAULT_SEED = 20_261_123
/** Failures that are described. */
const MAX_SHOWN = 5

export interface RandomRun {
  readonly seed: number
  readonly count: number
  /** Milliseconds that it may take in all. */
  readonly timeoutMs: number
}

/** How an operation of an attempt ended. */
export interface Tally {
  successes: number
  failures: { [code: string]: number }
}

/** `FAULT_SEED` and `FAULT_RUNS` in the environment go before the defaults: for long runs, and to repeat one. */
export function randomRun(defaultCount: number): RandomRun {
  const count = numberFrom('FAULT_RUNS', defaultCount)
  return { seed: numberFrom('FAULT_SEED', DEFAULT_SEED), count, timeoutMs: 60_000 + count * 100 }
}

/** `FAULT_ONLY` in the environment: the number of the one attempt to make. */
function chosen(attempts: readonly Attempt[]): readonly Attempt[] {
  const only = numberFrom('FAULT_ONLY', -1)
  return only < 0 ? attempts : attempts.filter(({ number }) => number === only)
}

/** `attempt` rejects when a promise was broken. `lanes` of them run at a time. */
export async function runAll(
  { seed }: RandomRun,
  attempts: readonly Attempt[],
  lanes: number,
  attempt: (one: Attempt, lane: number, tally: Tally) => Promise<void>,
): Promise<Tally> {
  const waiting = [...chosen(attempts)].reverse()
  const tally: Tally = { successes: 0, failures: {} }
  const broken: string[] = []
  const lane = async (number: number) => {
    for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
      try {
        await attempt(one, number, tally)
      } catch (error) {
        broken.push(
          `${describeAttempt(one)}\n  FAULT_SEED=${seed} FAULT_ONLY=${one.number}\n  ${String(error)}`,
        )
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)))
  const shown = broken.slice(0, MAX_SHOWN).join('\n')
  expect(broken.length, `seed ${seed}, ${broken.length} attempts broke a promise:\n${shown}`).toBe(0)
  return tally
}

function numberFrom(name: string, fallback: number): number {
  const given = process.env[name]
  if (given === undefined) return fallback
  const number = Number(given)
  if (!Number.isSafeInteger(number) || number < 0)
    throw new RangeError(`${name}: expected a whole number from 0, got '${given}'`)
  return number
}
