/** Measures one row: opens it, lets the contenders take turns, and judges. */
import type { Bench } from './bench.js'
import { interleave } from './measure/interleave.js'
import { loopReadings, watchLoops } from './peers/watch-loops.js'
import type { ContenderResult, RowResult } from './report/result.js'
import { verdictOf } from './report/verdicts.js'
import type { Contender, Measure, Readings, Row } from './row.js'

export interface RunRowOptions {
  /** Instead of the row's own number. */
  readonly rounds?: number | undefined
  /** Names of the only contenders to run besides the subject, which always does. */
  readonly against?: readonly string[] | undefined
  readonly onTurn?: (contender: Contender, isCounted: boolean) => void
}

/** What no trial at full scale comes near, unless it hangs. */
const TRIAL_TIMEOUT_MS = 900_000

/** The readings that every watched contender has besides those of its row. */
export const LOOP_MEASURES = {
  clientLoop: { label: 'client loop p99', unit: 'ms', better: 'less' },
  serverLoop: { label: 'server loop p99', unit: 'ms', better: 'less' },
  clientLoopMax: { label: 'client loop max', unit: 'ms', better: 'less' },
  serverLoopMax: { label: 'server loop max', unit: 'ms', better: 'less' },
} as const satisfies { [name: string]: Measure }

export async function runRow(row: Row, bench: Bench, options: RunRowOptions = {}): Promise<RowResult> {
  const { name, title, what } = row
  const measures = { ...row.measures, ...LOOP_MEASURES }
  const cleanup = bench.scope()
  try {
    const opened = await row.open(bench, cleanup)
    const contenders = opened.filter(
      ({ kind, name }) => kind === 'subject' || (options.against?.includes(name) ?? true),
    )
    const results = await measure(contenders, row, options)
    const verdicts = row.thresholds.map((threshold) => verdictOf(threshold, results))
    return { name, title, what, measures, contenders: results, verdicts }
  } catch (error) {
    return { name, title, what, measures, contenders: [], verdicts: [], error: messageOf(error) }
  } finally {
    await cleanup.run()
  }
}

async function measure(
  contenders: readonly Contender[],
  row: Row,
  { rounds, onTurn }: RunRowOptions,
): Promise<ContenderResult[]> {
  const readings = new Map(contenders.map(({ name }) => [name, new Map<string, number[]>()]))
  const errors = new Map<string, string>()
  await interleave(contenders, {
    warmups: row.warmups ?? 1,
    rounds: rounds ?? row.rounds,
    turn: async (contender, isCounted) => {
      onTurn?.(contender, isCounted)
      const found = await watched(contender)
      if (isCounted) for (const [key, value] of Object.entries(found)) append(contender.name, key, value)
    },
    onFailure: ({ name }, error) => errors.set(name, messageOf(error)),
  })
  function append(name: string, key: string, value: number) {
    const lists = readings.get(name)
    lists?.set(key, [...(lists.get(key) ?? []), value])
  }
  return contenders.map(({ name, kind }) => {
    const error = errors.get(name)
    const lists = Object.fromEntries(readings.get(name) ?? [])
    return { name, kind, readings: lists, ...(error === undefined ? {} : { error }) }
  })
}

/** One trial, with an eye on the event loops of both sides. */
async function watched(contender: Contender): Promise<Readings> {
  const { result, loops } = await watchLoops(contender, () => withinTime(contender))
  return { ...result, ...loopReadings(loops) }
}

async function withinTime({ trial, client }: Contender): Promise<Readings> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`not done after ${TRIAL_TIMEOUT_MS / 1000} s`))
      client?.kill()
    }, TRIAL_TIMEOUT_MS)
  })
  try {
    return await Promise.race([trial(), timeout])
  } finally {
    clearTimeout(timer)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
